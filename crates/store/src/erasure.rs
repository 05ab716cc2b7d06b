//! A visitor's erasure: everything of an address, in batches, as often as it takes.
//!
//! Sessions are found by their address's hash; those of the AI engine that it has not notified of, by the address. Suppressions stay: they hold no address, and keep it from being mailed again.

use domain::address_hash::AddressHash;
use domain::email_address::EmailAddress;
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::session::SessionStatus;
use serde::{Deserialize, Serialize};

use crate::row::{FromRow, row};
use crate::sessions::is_over;
use crate::sql::{Param, bigint, bytes, statements, text, texts};
use crate::{Error, Store};

/// A session of the address with the hash `$2` and the spellings `$3`.
macro_rules! is_of_address {
    () => {
        "(visitor_email_hash = $2
       OR (visitor_email_hash IS NULL AND visitor_email IS NOT NULL AND lower(btrim(visitor_email)) = ANY ($3::text[])))"
    };
}

statements! {
OPEN_SESSIONS_OF = "
-- open_sessions_of()
SELECT session_id, status FROM sessions
WHERE tenant_id = $1 AND NOT ", is_over!(), " AND ", is_of_address!(), "
ORDER BY session_id LIMIT $4";

RECORDS_OF = "
-- records_of()
SELECT sessions.session_id, integration_id, analysis_version, contact_id, record_id
FROM sessions JOIN integration_log
     ON integration_log.tenant_id = $1 AND integration_log.session_id = sessions.session_id
WHERE sessions.tenant_id = $1 AND ", is_of_address!(), "
  AND (contact_id IS NOT NULL OR record_id IS NOT NULL)
ORDER BY sessions.session_id, integration_id, analysis_version LIMIT $4";

ERASE_SESSIONS = "
-- erase_sessions()
WITH own AS (
    SELECT session_id FROM sessions
    WHERE tenant_id = $1 AND ", is_over!(), " AND ", is_of_address!(), "
    LIMIT $4 FOR UPDATE
), turns AS (
    DELETE FROM transcript_turns USING own WHERE tenant_id = $1 AND transcript_turns.session_id = own.session_id
    RETURNING seq
), analyses AS (
    DELETE FROM analyses USING own WHERE tenant_id = $1 AND analyses.session_id = own.session_id RETURNING version
), parts AS (
    DELETE FROM analysis_parts USING own WHERE tenant_id = $1 AND analysis_parts.session_id = own.session_id
    RETURNING part
), mails AS (
    UPDATE email_log SET recipient = NULL, recipient_hash = '', keep_events = false, updated_at = now()
    FROM own WHERE email_log.tenant_id = $1 AND email_log.session_id = own.session_id
    RETURNING email_id
), events AS (
    DELETE FROM email_events USING mails WHERE tenant_id = $1 AND email_events.email_id = mails.email_id RETURNING type
), bodies AS (
    DELETE FROM email_bodies USING mails WHERE tenant_id = $1 AND email_bodies.email_id = mails.email_id
    RETURNING created_at
), answers AS (
    UPDATE webhook_attempts SET answer = NULL
    FROM own WHERE webhook_attempts.tenant_id = $1 AND webhook_attempts.session_id = own.session_id
), erased AS (
    UPDATE sessions
    SET visitor_id = NULL, visitor_name = NULL, visitor_email = NULL, visitor_phone = NULL, visitor_locale = NULL,
        visitor_time_zone = NULL, visitor_email_consent = NULL, visitor_email_hash = NULL, metadata = '{}',
        transcript_purged_at = coalesce(transcript_purged_at, now()),
        analyses_purged_at = coalesce(analyses_purged_at, now()), erased_at = now()
    FROM own WHERE sessions.tenant_id = $1 AND sessions.session_id = own.session_id
    RETURNING sessions.session_id
)
SELECT (SELECT count(*) FROM erased) AS sessions, (SELECT count(*) FROM turns) AS turns,
       (SELECT count(*) FROM analyses) + (SELECT count(*) FROM parts) AS analyses,
       (SELECT count(*) FROM mails) AS mails, (SELECT count(*) FROM events) AS events,
       (SELECT count(*) FROM bodies) AS bodies";

/// Mails of sessions that have lost their address already.
ERASE_MAILS = "
-- erase_mails()
WITH own AS (
    SELECT email_id FROM email_log
    WHERE tenant_id = $1 AND recipient_hash = $2
      AND EXISTS (SELECT FROM sessions WHERE sessions.tenant_id = $1 AND sessions.session_id = email_log.session_id
                  AND sessions.status IN ('completed', 'failed'))
    LIMIT $3 FOR UPDATE
), events AS (
    DELETE FROM email_events USING own WHERE tenant_id = $1 AND email_events.email_id = own.email_id RETURNING type
), bodies AS (
    DELETE FROM email_bodies USING own WHERE tenant_id = $1 AND email_bodies.email_id = own.email_id
    RETURNING created_at
), mails AS (
    UPDATE email_log SET recipient = NULL, recipient_hash = '', keep_events = false, updated_at = now()
    FROM own WHERE email_log.tenant_id = $1 AND email_log.email_id = own.email_id
    RETURNING email_log.email_id
)
SELECT 0::bigint AS sessions, 0::bigint AS turns, 0::bigint AS analyses, (SELECT count(*) FROM mails) AS mails,
       (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM bodies) AS bodies";

FORGET_RECIPIENT = "
-- forget_recipient()
WITH leases AS (
    DELETE FROM person_leases WHERE tenant_id = $1 AND address_hash = $2
)
DELETE FROM email_recipients WHERE tenant_id = $1 AND address_hash = $2";
}

/// The tenant and the address of an erasure.
#[derive(Debug, Clone, Copy)]
pub struct Erasure<'a> {
    pub tenant_id: &'a TenantId,
    pub address: &'a EmailAddress,
}

row! {
    /// Rows that a batch removed or made anonymous.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Erased {
        /// Sessions that no longer name a visitor.
        pub sessions: i64,
        pub turns: i64,
        /// Analyses, and parts of them.
        pub analyses: i64,
        /// Mails that no longer name a recipient.
        pub mails: i64,
        pub events: i64,
        pub bodies: i64,
    }
}

row! {
    /// A session that goes on, or is being processed: it can be erased when it has ended.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OpenSession {
        pub session_id: SessionId,
        pub status: SessionStatus,
    }
}

row! {
    /// A contact, note or webhook event that a session left in a third party, where only an operator can erase it.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct ThirdPartyRecord {
        pub session_id: SessionId,
        pub integration_id: IntegrationId,
        pub analysis_version: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub contact_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub record_id: Option<String>,
    }
}

impl Store {
    /// Returns up to `limit` sessions of the address that are not over: they have neither ended nor been abandoned.
    pub async fn open_sessions_of(&self, erasure: &Erasure<'_>, limit: i64) -> Result<Vec<OpenSession>, Error> {
        self.all(OPEN_SESSIONS_OF, &params(erasure, limit)).await
    }

    /// Returns up to `limit` records of the address in third parties. They are read first: an erased session is not found
    /// again.
    pub async fn records_of(&self, erasure: &Erasure<'_>, limit: i64) -> Result<Vec<ThirdPartyRecord>, Error> {
        self.all(RECORDS_OF, &params(erasure, limit)).await
    }

    /// Erases up to `limit` of the address's sessions that are over; is called until it finds none. A session has up to
    /// 20,000 turns: a few at a time are enough.
    pub async fn erase_sessions(&self, erasure: &Erasure<'_>, limit: i64) -> Result<Erased, Error> {
        Erased::from_row(&self.one(ERASE_SESSIONS, &params(erasure, limit)).await?)
    }

    /// Erases up to `limit` mails to the address that are left; is called until it finds none, after the sessions.
    pub async fn erase_mails(&self, erasure: &Erasure<'_>, limit: i64) -> Result<Erased, Error> {
        let [tenant, hash, _, limit] = params(erasure, limit);
        Erased::from_row(&self.one(ERASE_MAILS, &[tenant, hash, limit]).await?)
    }

    /// Forgets when the address got its last mail; `false` if that was not known.
    pub async fn forget_recipient(&self, erasure: &Erasure<'_>) -> Result<bool, Error> {
        let [tenant, hash, ..] = params(erasure, 0);
        Ok(self.execute(FORGET_RECIPIENT, &[tenant, hash]).await? > 0)
    }
}

fn params<'a>(erasure: &Erasure<'a>, limit: i64) -> [Param<'a>; 4] {
    let hash = AddressHash::of(erasure.tenant_id, erasure.address);
    [
        text(erasure.tenant_id.as_ref()),
        bytes(hash.as_bytes().to_vec()),
        texts(erasure.address.spellings()),
        bigint(limit),
    ]
}
