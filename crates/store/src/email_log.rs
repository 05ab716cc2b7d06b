//! The log of mails: one row for each version of a session's analysis that is mailed.

use chrono::{DateTime, Utc};
use domain::id::{SessionId, TenantId};
use domain::step::Code;
use uuid::Uuid;

use crate::row::{Row, column_enum, row};
use crate::sql::{int, statements, text, uuid};
use crate::webhook_events::{plan_deliveries, report_email_status, webhooks_asking_for};
use crate::{Error, Store};

statements! {
QUEUE_EMAIL = "
-- queue_email()
INSERT INTO email_log (tenant_id, email_id, session_id, analysis_version, template, locale, recipient, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued')
ON CONFLICT (tenant_id, session_id, analysis_version) DO NOTHING";

NOT_SENT_EMAIL = "
-- not_sent_email()
WITH changed AS (
    INSERT INTO email_log (tenant_id, email_id, session_id, analysis_version, template, locale, recipient, status, code)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (tenant_id, session_id, analysis_version) DO UPDATE
    SET status = EXCLUDED.status, code = EXCLUDED.code, template = EXCLUDED.template,
        locale = coalesce(EXCLUDED.locale, email_log.locale),
        recipient = EXCLUDED.recipient, updated_at = now()
    WHERE email_log.status IN ('queued', 'failed', 'skipped')
    RETURNING session_id, email_id, status
), ", report_email_status!(), "
SELECT count(*) FROM changed";

EMAIL = "
-- email()
SELECT email_id, template, template_version, locale, recipient, status, code, provider_id, attempts,
       coalesce(attachments, '{}') AS attachments, attachments_left_out, sending_at, resent_at, sent_at, created_at, updated_at
FROM email_log WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3";

EMAIL_OF_EVENT = "
-- email_of_event()
SELECT template, analysis_version FROM email_log WHERE tenant_id = $1 AND email_id = $2";

KEEP_BODY = "
-- keep_body()
INSERT INTO email_bodies (tenant_id, email_id, subject, text, html)
SELECT $1, $2, $3, $4, $5 FROM email_log WHERE tenant_id = $1 AND email_id = $2
ON CONFLICT (tenant_id, email_id) DO UPDATE
SET subject = EXCLUDED.subject, text = EXCLUDED.text, html = EXCLUDED.html, created_at = now()";
}

column_enum! {
    /// The progress of a mail.
    ///
    /// Events take a mail forward in this order, and none takes it back.
    pub enum EmailStatus {
        Skipped = "skipped",
        Queued = "queued",
        /// Refused by SES, or never made; the code says why.
        Failed = "failed",
        /// A request to SES is under way, or its outcome is not known yet.
        Sending = "sending",
        /// A request to SES has not been answered and no event has reported its outcome.
        Unknown = "unknown",
        Sent = "sent",
        Delayed = "delayed",
        /// Refused for now, such as by a full mailbox. A later delivery goes beyond it.
        SoftBounced = "soft_bounced",
        Delivered = "delivered",
        Rejected = "rejected",
        Bounced = "bounced",
        Complained = "complained",
    }
}

/// The key of a mail: a session gets one per version of its analysis, whatever its template.
#[derive(Debug, Clone, Copy)]
pub struct EmailKey<'a> {
    pub tenant_id: &'a TenantId,
    pub session_id: &'a SessionId,
    pub analysis_version: i32,
}

/// The mail a session is to get, or would have got.
#[derive(Clone, Copy)]
pub struct NewEmail<'a> {
    pub key: EmailKey<'a>,
    pub template: &'a str,
    /// `None` where none was chosen.
    pub locale: Option<&'a str>,
    /// `None` without an address, and for tenants that want no address in the log.
    pub recipient: Option<&'a str>,
}

row! {
    /// A row of the log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Email {
        pub email_id: Uuid,
        pub template: String,
        /// `None`: the built-in one, or none was rendered.
        pub template_version: Option<i32>,
        pub locale: Option<String>,
        pub recipient: Option<String>,
        pub status: EmailStatus,
        /// The reason for which the mail was skipped or failed.
        pub code: Option<String>,
        /// The message id of SES.
        pub provider_id: Option<String>,
        /// Requests made to SES.
        pub attempts: i32,
        /// Names of the files that went with it.
        pub attachments: Vec<String>,
        /// The reason for which files that were asked for are missing.
        pub attachments_left_out: Option<String>,
        /// The time at which the last request began.
        pub sending_at: Option<DateTime<Utc>>,
        /// The time at which the mail was queued again although SES may have had it.
        pub resent_at: Option<DateTime<Utc>>,
        pub sent_at: Option<DateTime<Utc>>,
        pub created_at: DateTime<Utc>,
        pub updated_at: DateTime<Utc>,
    }
}

/// The content of a mail that was sent.
#[derive(Clone, Copy)]
pub struct Body<'a> {
    pub subject: &'a str,
    pub text: &'a str,
    pub html: &'a str,
}

impl Store {
    /// Makes sure that the log has this one mail, and returns it as it stands.
    pub async fn queue_email(&self, new: &NewEmail<'_>) -> Result<Email, Error> {
        loop {
            if let Some(email) = self.email(&new.key).await? {
                return Ok(email);
            }
            // Another delivery may insert the row first, so the row is read again instead of returned.
            self.execute(QUEUE_EMAIL, &new_params(new)).await?;
        }
    }

    /// Records that a mail will not be sent (`Skipped`) or could not be made (`Failed`), and why. A mail that SES may have
    /// got already keeps its status.
    pub async fn not_sent_email(&self, new: &NewEmail<'_>, status: EmailStatus, code: Code) -> Result<(), Error> {
        let [tenant, id, session, version, template, locale, recipient] = new_params(new);
        let (status, code) = (text(status.as_str()), text(code.as_str()));
        let params = [tenant, id, session, version, template, locale, recipient, status, code];
        self.execute(NOT_SENT_EMAIL, &params).await.map(drop)
    }

    pub async fn email(&self, key: &EmailKey<'_>) -> Result<Option<Email>, Error> {
        let params = [text(key.tenant_id.as_ref()), text(key.session_id.as_ref()), int(key.analysis_version)];
        self.first(EMAIL, &params).await
    }

    /// Returns the template of a mail, and the version of the analysis that it is about; `None` if it is gone.
    pub async fn email_of_event(&self, tenant: &TenantId, email_id: Uuid) -> Result<Option<(String, i32)>, Error> {
        let row = self.row(EMAIL_OF_EVENT, &[text(tenant.as_ref()), uuid(email_id)]).await?;
        row.map(|row: Row| Ok((row.get("template")?, row.get("analysis_version")?))).transpose()
    }

    /// Keeps the content of a mail, over earlier content. Does nothing if the log has no such mail.
    pub async fn keep_body(&self, tenant: &TenantId, email_id: Uuid, body: Body<'_>) -> Result<(), Error> {
        let params = [text(tenant.as_ref()), uuid(email_id), text(body.subject), text(body.text), text(body.html)];
        self.execute(KEEP_BODY, &params).await.map(drop)
    }
}

fn new_params<'a>(new: &NewEmail<'a>) -> [crate::sql::Param<'a>; 7] {
    [
        text(new.key.tenant_id.as_ref()),
        uuid(Uuid::now_v7()),
        text(new.key.session_id.as_ref()),
        int(new.key.analysis_version),
        text(new.template),
        text(new.locale),
        text(new.recipient),
    ]
}
