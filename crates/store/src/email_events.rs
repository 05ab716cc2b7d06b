//! SES's events about mails.

use chrono::{DateTime, Utc};
use domain::address_hash::AddressHash;
use domain::id::{SessionId, TenantId};
use uuid::Uuid;

use crate::email_log::EmailStatus;
use crate::sql::{byte_arrays, jsonb, statements, text, texts, time, uuid};
use crate::suppressions::SuppressionReason;
use crate::webhook_events::{plan_deliveries, report_email_status, webhooks_asking_for};
use crate::{Error, Store};

statements! {
/// The only recipient that an event names counts as the visitor where an erasure has taken the recipient's hash.
///
/// The mail's row is locked first: a purge takes the event along, or waits and leaves the mail.
// Events come in any order: none takes the status back.
RECORD_EMAIL_EVENT = "
-- record_email_event()
WITH mail AS (
    SELECT session_id, recipient_hash, keep_events, $8::bytea[] IS NULL OR recipient_hash IS NULL OR recipient_hash = ANY ($8) AS concerned
    FROM email_log WHERE tenant_id = $1 AND email_id = $2 FOR UPDATE
), event AS (
    INSERT INTO email_events (tenant_id, email_id, type, occurred_at, digest, detail)
    SELECT $1, $2, $3, $4, sha256(convert_to($5::jsonb::text, 'UTF8')), $5 FROM mail WHERE keep_events
    ON CONFLICT (tenant_id, email_id, type, occurred_at, digest) DO NOTHING
    RETURNING type
), changed AS (
    UPDATE email_log
    SET provider_id = coalesce(provider_id, $6), sent_at = coalesce(sent_at, $7), code = NULL, updated_at = now(),
        status = CASE WHEN concerned THEN $9 ELSE 'sent' END
    FROM mail WHERE email_log.tenant_id = $1 AND email_log.email_id = $2
      AND array_position($10::text[], status) < array_position($10::text[], CASE WHEN concerned THEN $9 ELSE 'sent' END)
    RETURNING email_log.session_id, email_log.email_id, email_log.status
), suppressed AS (
    INSERT INTO email_suppressions (tenant_id, address_hash, reason, email_id)
    SELECT $1, address, $11, $2 FROM mail, unnest($8::bytea[]) AS address
    WHERE $11::text IS NOT NULL
      AND ($11 = 'hard_bounce' OR mail.recipient_hash IS NULL OR mail.recipient_hash = address
           OR (mail.recipient_hash = '' AND cardinality($8) = 1))
    ON CONFLICT (tenant_id, address_hash, reason) DO NOTHING
    RETURNING address_hash
), ", report_email_status!(), "
SELECT (SELECT session_id FROM mail) AS session_id,
       EXISTS (SELECT FROM event) OR EXISTS (SELECT FROM mail WHERE NOT keep_events) AS recorded,
       (SELECT count(*) FROM suppressed) AS suppressed";
}

/// An event of a mail, as SES reports it.
#[derive(Clone, Copy)]
pub struct EmailEvent<'a> {
    pub tenant_id: &'a TenantId,
    pub email_id: Uuid,
    /// SES's event type, such as `Delivery`.
    pub kind: &'a str,
    pub occurred_at: DateTime<Utc>,
    pub detail: &'a serde_json::Value,
    pub provider_id: &'a str,
    /// When SES took the mail.
    pub sent_at: DateTime<Utc>,
    /// The status it stands for; `Sent` if it only means that SES has the mail, as any event does.
    pub status: EmailStatus,
    /// The recipients that the event concerns; `None`: the mail as a whole. An event about staff in cc only shows that
    /// the visitor's mail was sent.
    pub concerns: Option<&'a [AddressHash]>,
    /// Suppresses the recipients that the event concerns: all of them after a hard bounce, otherwise the visitor only.
    /// SES names everybody who may have complained, which is not to cost staff their copies.
    pub suppress: Option<SuppressionReason>,
}

/// The result of recording an event, with the session of the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventRecord {
    /// `suppressed`: how many addresses were not suppressed for this reason before.
    Recorded { session_id: SessionId, suppressed: i64 },
    /// Recorded before.
    Repeated { session_id: SessionId },
    /// The log has no such mail, or no longer.
    UnknownEmail,
}

impl Store {
    /// Keeps an event, once, and takes the mail's status forward, never back, in whatever order events come.
    ///
    /// A repeated event changes nothing; it counts as recorded where the log keeps no events.
    pub async fn record_email_event(&self, event: &EmailEvent<'_>) -> Result<EventRecord, Error> {
        let concerns: Option<Vec<Vec<u8>>> =
            event.concerns.map(|hashes| hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect());
        let params = [
            text(event.tenant_id.as_ref()),
            uuid(event.email_id),
            text(event.kind),
            time(event.occurred_at),
            jsonb(event.detail),
            text(event.provider_id),
            time(event.sent_at),
            byte_arrays(concerns),
            text(event.status.as_str()),
            texts(EmailStatus::ALL.map(EmailStatus::as_str)),
            text(event.suppress.map(SuppressionReason::as_str)),
        ];
        let row = self.one(RECORD_EMAIL_EVENT, &params).await?;
        if row.get::<Option<String>>("session_id")?.is_none() {
            return Ok(EventRecord::UnknownEmail);
        }
        let session_id = row.get("session_id")?;
        Ok(match row.get("recorded")? {
            true => EventRecord::Recorded { session_id, suppressed: row.get("suppressed")? },
            false => EventRecord::Repeated { session_id },
        })
    }
}
