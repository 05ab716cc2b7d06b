//! The log of mails and of what became of them.

use chrono::{DateTime, Utc};
use domain::id::{SessionId, TenantId};
use domain::step::Code;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::sql::{Param, get, int, jsonb, one_of, text, texts, time, uuid};
use crate::{Error, Store};

const QUEUE_EMAIL: &str = "
-- queue_email()
INSERT INTO email_log (tenant_id, email_id, session_id, template, analysis_version, recipient, status)
VALUES ($1, $2, $3, $4, $5, $6, 'queued')
ON CONFLICT (tenant_id, session_id, template, analysis_version) DO NOTHING";

const SKIP_EMAIL: &str = "
-- skip_email()
INSERT INTO email_log (tenant_id, email_id, session_id, template, analysis_version, recipient, status, code)
VALUES ($1, $2, $3, $4, $5, $6, 'skipped', $7)
ON CONFLICT (tenant_id, session_id, template, analysis_version) DO UPDATE
SET status = EXCLUDED.status, code = EXCLUDED.code, updated_at = now()
WHERE email_log.status IN ('queued', 'failed')";

const EMAIL: &str = "
-- email()
SELECT email_id, template, recipient, status, code, provider_id, attempts, sending_at, sent_at FROM email_log
WHERE tenant_id = $1 AND session_id = $2 AND template = $3 AND analysis_version = $4";

const START_SENDING: &str = "
-- start_sending()
UPDATE email_log
SET status = 'sending', code = NULL, recipient = $3, attempts = attempts + 1, sending_at = now(), updated_at = now()
WHERE tenant_id = $1 AND email_id = $2 AND status IN ('skipped', 'queued', 'failed')
RETURNING email_id";

const RECORD_SENT: &str = "
-- record_sent()
UPDATE email_log
SET status = CASE WHEN status IN ('sending', 'unknown') THEN 'sent' ELSE status END, provider_id = $3, code = NULL,
    sent_at = coalesce(sent_at, now()), updated_at = now()
WHERE tenant_id = $1 AND email_id = $2";

const RECORD_NOT_SENT: &str = "
-- record_not_sent()
UPDATE email_log SET status = $3, code = $4, updated_at = now()
WHERE tenant_id = $1 AND email_id = $2 AND status = 'sending'";

const RECORD_EMAIL_EVENT: &str = "
-- record_email_event()
WITH event AS (
    INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
    SELECT $1, $2, $3, $4, $5 FROM email_log WHERE tenant_id = $1 AND email_id = $2
    ON CONFLICT (tenant_id, email_id, type, occurred_at) DO NOTHING
    RETURNING type
), log AS (
    UPDATE email_log
    SET provider_id = coalesce(provider_id, $6), sent_at = coalesce(sent_at, $7), code = NULL, updated_at = now(),
        status = CASE WHEN array_position($9::text[], status) < array_position($9::text[], $8) THEN $8 ELSE status END
    FROM event WHERE email_log.tenant_id = $1 AND email_log.email_id = $2
)
SELECT EXISTS (SELECT FROM event) AS recorded,
       EXISTS (SELECT FROM email_log WHERE tenant_id = $1 AND email_id = $2) AS known";

/// How far a mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailStatus {
    Queued,
    /// A request to SES is under way, or its outcome is not known yet.
    Sending,
    /// A request to SES has not been answered and no event has told its outcome.
    Unknown,
    /// SES did not take it.
    Failed,
    Skipped,
    Sent,
    Delayed,
    Delivered,
    Rejected,
    Bounced,
    Complained,
}

impl EmailStatus {
    /// In the order in which events may take a mail forward; none takes it back.
    pub const ORDER: [Self; 11] = [
        Self::Skipped,
        Self::Queued,
        Self::Failed,
        Self::Sending,
        Self::Unknown,
        Self::Sent,
        Self::Delayed,
        Self::Delivered,
        Self::Rejected,
        Self::Bounced,
        Self::Complained,
    ];

    /// As in the `status` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Sent => "sent",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ORDER.into_iter().find(|status| status.as_str() == text)
    }
}

/// Which mail: a session gets one per template and version of its analysis.
#[derive(Debug, Clone, Copy)]
pub struct EmailKey<'a> {
    pub tenant_id: &'a TenantId,
    pub session_id: &'a SessionId,
    pub template: &'a str,
    pub analysis_version: i32,
}

/// The mail a session is to get.
#[derive(Clone, Copy)]
pub struct NewEmail<'a> {
    pub key: EmailKey<'a>,
    /// `None` where there is no address.
    pub recipient: Option<&'a str>,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    pub email_id: Uuid,
    pub template: String,
    pub recipient: Option<String>,
    pub status: EmailStatus,
    /// Why it was skipped or failed.
    pub code: Option<String>,
    /// The message id of SES.
    pub provider_id: Option<String>,
    /// Requests made to SES.
    pub attempts: i32,
    /// When the last request began.
    pub sending_at: Option<DateTime<Utc>>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// Something that SES says happened to a mail.
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
    /// The status it stands for; `None` if it says nothing about delivery.
    pub status: Option<EmailStatus>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRecord {
    Recorded,
    /// Recorded before.
    Repeated,
    /// The log has no such mail.
    UnknownEmail,
}

impl Store {
    /// Makes sure that the log has this one mail, and returns it as it stands.
    pub async fn queue_email(&self, new: &NewEmail<'_>) -> Result<Email, Error> {
        loop {
            if let Some(email) = self.email(&new.key).await? {
                return Ok(email);
            }
            let [tenant, session, template, version] = key_params(&new.key);
            let params = [tenant, uuid(Uuid::now_v7()), session, template, version, text(new.recipient)];
            self.execute(QUEUE_EMAIL, &params).await?;
        }
    }

    /// Records that a mail will not be sent, and why. A mail that SES may have got already keeps its status.
    pub async fn skip_email(&self, new: &NewEmail<'_>, code: Code) -> Result<(), Error> {
        let [tenant, session, template, version] = key_params(&new.key);
        let id = uuid(Uuid::now_v7());
        let params = [tenant, id, session, template, version, text(new.recipient), text(code.as_str())];
        self.execute(SKIP_EMAIL, &params).await.map(drop)
    }

    pub async fn email(&self, key: &EmailKey<'_>) -> Result<Option<Email>, Error> {
        let row = self.row(EMAIL, &key_params(key)).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// To be called right before the request to SES; `false` if the mail must not be sent (again).
    pub async fn start_sending(&self, tenant: &TenantId, email_id: Uuid, recipient: &str) -> Result<bool, Error> {
        let params = [text(tenant.as_ref()), uuid(email_id), text(recipient)];
        Ok(self.row(START_SENDING, &params).await?.is_some())
    }

    /// SES took the mail.
    pub async fn record_sent(&self, tenant: &TenantId, email_id: Uuid, provider_id: &str) -> Result<(), Error> {
        let params = [text(tenant.as_ref()), uuid(email_id), text(provider_id)];
        self.execute(RECORD_SENT, &params).await.map(drop)
    }

    /// SES did not take the mail (`Queued`: to be tried again, `Failed`), or has not said (`Unknown`).
    ///
    /// Does nothing if an event has told more meanwhile.
    pub async fn record_not_sent(
        &self,
        tenant: &TenantId,
        email_id: Uuid,
        status: EmailStatus,
        code: Option<Code>,
    ) -> Result<(), Error> {
        let code = code.map(Code::as_str);
        let params = [text(tenant.as_ref()), uuid(email_id), text(status.as_str()), text(code)];
        self.execute(RECORD_NOT_SENT, &params).await.map(drop)
    }

    /// Keeps an event, once, and takes the mail's status forward, never back, in whatever order events come.
    pub async fn record_email_event(&self, event: &EmailEvent<'_>) -> Result<EventRecord, Error> {
        let params = [
            text(event.tenant_id.as_ref()),
            uuid(event.email_id),
            text(event.kind),
            time(event.occurred_at),
            jsonb(event.detail),
            text(event.provider_id),
            time(event.sent_at),
            text(event.status.map(EmailStatus::as_str)),
            texts(EmailStatus::ORDER.map(EmailStatus::as_str).to_vec()),
        ];
        let Some(row) = self.row(RECORD_EMAIL_EVENT, &params).await? else {
            return Ok(EventRecord::UnknownEmail);
        };
        Ok(match (get(RECORD_EMAIL_EVENT, &row, "recorded")?, get(RECORD_EMAIL_EVENT, &row, "known")?) {
            (true, _) => EventRecord::Recorded,
            (false, true) => EventRecord::Repeated,
            (false, false) => EventRecord::UnknownEmail,
        })
    }
}

fn key_params<'a>(key: &EmailKey<'a>) -> [Param<'a>; 4] {
    [text(key.tenant_id.as_ref()), text(key.session_id.as_ref()), text(key.template), int(key.analysis_version)]
}

fn read(row: &Row) -> Result<Email, Error> {
    Ok(Email {
        email_id: get(EMAIL, row, "email_id")?,
        template: get(EMAIL, row, "template")?,
        recipient: get(EMAIL, row, "recipient")?,
        status: one_of(EMAIL, row, "status", EmailStatus::parse)?,
        code: get(EMAIL, row, "code")?,
        provider_id: get(EMAIL, row, "provider_id")?,
        attempts: get(EMAIL, row, "attempts")?,
        sending_at: get(EMAIL, row, "sending_at")?,
        sent_at: get(EMAIL, row, "sent_at")?,
    })
}
