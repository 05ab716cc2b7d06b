//! The request to SES, which knows no idempotency: claimed before, and recorded after.

use std::time::Duration;

use domain::address_hash::AddressHash;
use domain::id::TenantId;
use domain::step::Code;
use uuid::Uuid;

use crate::email_log::EmailStatus;
use crate::sql::{boolean, bytes, float, int, millis, statements, text, texts, uuid};
use crate::webhook_events::{plan_deliveries, report_email_status, webhooks_asking_for};
use crate::{Error, Store};

statements! {
// Two sessions may mail one address at once: the conflict on its row lets one of them go first.
START_SENDING = "
-- start_sending()
WITH mail AS (
    SELECT FROM email_log WHERE tenant_id = $1 AND email_id = $2 AND status IN ('skipped', 'queued', 'failed')
    FOR UPDATE
), recipient AS (
    INSERT INTO email_recipients AS last (tenant_id, address_hash, email_id, sending_at)
    SELECT $1, $4, $2, now() FROM mail
    ON CONFLICT (tenant_id, address_hash) DO UPDATE SET email_id = EXCLUDED.email_id, sending_at = EXCLUDED.sending_at
    WHERE $11::int IS NULL OR last.email_id = $2 OR last.sending_at <= now() - $11 * interval '1 hour'
    RETURNING email_id
), started AS (
    UPDATE email_log
    SET status = 'sending', code = NULL, recipient = $3, recipient_hash = $4, template = $5, template_version = $6,
        locale = $7, attachments = $8, attachments_left_out = $9, keep_events = $10, attempts = attempts + 1,
        sending_at = now(), updated_at = now()
    FROM recipient WHERE email_log.tenant_id = $1 AND email_log.email_id = $2
    RETURNING email_log.email_id
)
SELECT EXISTS (SELECT FROM mail) AS free, EXISTS (SELECT FROM started) AS started";

// An event may have taken the status further before SES's answer was recorded.
RECORD_SENT = "
-- record_sent()
WITH changed AS (
    UPDATE email_log
    SET status = CASE WHEN status IN ('sending', 'unknown') THEN 'sent' ELSE status END, provider_id = $3, code = NULL,
        sent_at = coalesce(sent_at, now()), updated_at = now()
    WHERE tenant_id = $1 AND email_id = $2
    RETURNING session_id, email_id, status
), ", report_email_status!(), "
SELECT count(*) FROM changed";

// An `unknown` mail may have been sent: its address stays taken.
RECORD_NOT_SENT = "
-- record_not_sent()
WITH changed AS (
    UPDATE email_log SET status = $3, code = $4, updated_at = now()
    WHERE tenant_id = $1 AND email_id = $2 AND status = 'sending'
    RETURNING session_id, email_id, status, recipient_hash
), forgotten AS (
    DELETE FROM email_recipients USING changed
    WHERE tenant_id = $1 AND address_hash = changed.recipient_hash AND email_recipients.email_id = $2 AND $3 <> 'unknown'
), ", report_email_status!(), "
SELECT EXISTS (SELECT FROM changed) AS recorded";

REQUEUE_UNKNOWN = "
-- requeue_unknown()
UPDATE email_log SET status = 'queued', code = NULL, resent_at = now(), updated_at = now()
WHERE tenant_id = $1 AND email_id = $2 AND status IN ('sending', 'unknown') AND resent_at IS NULL
  AND (sending_at IS NULL OR sending_at <= now() - $3 * interval '1 millisecond')";
}

/// A mail right before the request to SES.
#[derive(Clone, Copy)]
pub struct Sending<'a> {
    pub tenant_id: &'a TenantId,
    pub email_id: Uuid,
    /// `None` for tenants that want no address in the log.
    pub recipient: Option<&'a str>,
    pub recipient_hash: AddressHash,
    pub template: &'a str,
    /// `None`: the built-in one.
    pub template_version: Option<i32>,
    /// The locale of the template that was rendered.
    pub locale: Option<&'a str>,
    /// Names of the files.
    pub attachments: &'a [&'a str],
    /// Why files that were asked for do not go with it.
    pub attachments_left_out: Option<Code>,
    /// `false` for tenants that want no events in the log: only the status follows them.
    pub keep_events: bool,
    /// Hours between two mails to the recipient, at least.
    pub min_hours: Option<u32>,
}

/// Whether a mail may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The mail is ours to send now.
    Started,
    /// The mail was sent, or another delivery sends it.
    Taken,
    /// Not yet: the recipient has got another mail of the tenant, or is getting it.
    TooSoon,
}

impl Store {
    /// Claims a mail right before the request to SES, which may be made only on [`Start::Started`].
    pub async fn start_sending(&self, sending: &Sending<'_>) -> Result<Start, Error> {
        let params = [
            text(sending.tenant_id.as_ref()),
            uuid(sending.email_id),
            text(sending.recipient),
            bytes(sending.recipient_hash.as_bytes().to_vec()),
            text(sending.template),
            int(sending.template_version),
            text(sending.locale),
            texts(sending.attachments.iter().copied()),
            text(sending.attachments_left_out.map(Code::as_str)),
            boolean(sending.keep_events),
            int(sending.min_hours.map(|hours| i32::try_from(hours).unwrap_or(i32::MAX))),
        ];
        let row = self.one(START_SENDING, &params).await?;
        Ok(match (row.get("free")?, row.get("started")?) {
            (_, true) => Start::Started,
            (true, false) => Start::TooSoon,
            (false, false) => Start::Taken,
        })
    }

    /// Records that SES took the mail.
    pub async fn record_sent(&self, tenant: &TenantId, email_id: Uuid, provider_id: &str) -> Result<(), Error> {
        self.execute(RECORD_SENT, &[text(tenant.as_ref()), uuid(email_id), text(provider_id)]).await.map(drop)
    }

    /// Records that SES did not take the mail (`Queued`: to be tried again, `Failed`), which lets another mail go to its
    /// recipient; or has not said (`Unknown`).
    ///
    /// `false` if an event has reported more meanwhile: nothing was changed.
    pub async fn record_not_sent(
        &self,
        tenant: &TenantId,
        email_id: Uuid,
        status: EmailStatus,
        code: Option<Code>,
    ) -> Result<bool, Error> {
        let params = [text(tenant.as_ref()), uuid(email_id), text(status.as_str()), text(code.map(Code::as_str))];
        self.one(RECORD_NOT_SENT, &params).await?.get("recorded")
    }

    /// Queues a mail again, once, of which neither SES's answer nor an event has reported anything for `silence`, since the
    /// last request began. SES may have it: this is for tenants who rather send twice than not at all.
    ///
    /// `false` if it is in another state, such as after an event that came meanwhile, or was queued again before:
    /// nothing was changed.
    pub async fn requeue_unknown(&self, tenant: &TenantId, email_id: Uuid, silence: Duration) -> Result<bool, Error> {
        let params = [text(tenant.as_ref()), uuid(email_id), float(millis(silence))];
        Ok(self.execute(REQUEUE_UNKNOWN, &params).await? > 0)
    }
}
