//! One attempt to tell a webhook of an event, with its entry in the log.

use chrono::{DateTime, Utc};
use domain::event::Event;
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::WebhookConfig;
use domain::session::Session;
use domain::settings::redaction::ShownText;
use secrecy::SecretString;
use stage::{Delivery, error_chain};
use store::Store;
use store::webhook_attempts::{AttemptOf, NewAttempt};

use super::payload::EmailData;
use super::{Attempted, Letter, Webhooks, payload, sign};
use crate::error::Error;

/// What is to be told, to whom.
pub struct Telling<'a> {
    pub tenant_id: &'a TenantId,
    pub session_id: &'a SessionId,
    pub integration_id: &'a IntegrationId,
    pub config: &'a WebhookConfig,
    pub session: &'a Session,
    pub event: &'a Event,
    /// When it came about.
    pub at: DateTime<Utc>,
    /// The row that the attempt is logged for.
    pub attempt_of: AttemptOf,
    pub shown: ShownText,
    pub delivery: &'a Delivery,
    pub now: DateTime<Utc>,
}

impl Telling<'_> {
    pub fn webhook_id(&self) -> String {
        sign::webhook_id(self.tenant_id, self.session_id, self.integration_id, self.event)
    }

    /// Made anew at each attempt.
    pub async fn body(&self, store: &Store) -> Result<String, Error> {
        let (tenant, session) = (self.tenant_id, self.session_id);
        match self.event {
            Event::SessionAnalyzed { version } => {
                let analysis = store.shown_analysis(tenant, session, *version, self.shown).await;
                let analysis = analysis.map_err(Error::Store)?.ok_or(Error::UnknownAnalysis)?;
                Ok(payload::analyzed(self.session, &analysis, *version))
            }
            Event::SessionFailed { code, .. } => Ok(payload::failed(self.session, code, self.at)),
            Event::EmailStatus { email_id, status } => {
                let mail = store.told_email(tenant, *email_id).await.map_err(Error::Store)?;
                let (template, analysis_version) = mail.ok_or(Error::UnknownEmail)?;
                let email = EmailData { email_id: *email_id, status, template: &template, analysis_version };
                Ok(payload::mailed(self.session, email, self.at))
            }
        }
    }
}

/// Sends it and enters the attempt into the log; the record is the webhook id.
pub async fn tell(
    telling: &Telling<'_>,
    body: &str,
    webhooks: &Webhooks,
    secret: &SecretString,
    store: &Store,
) -> Result<String, Error> {
    let Telling { tenant_id, session_id, integration_id, attempt_of, now, .. } = *telling;
    let id = telling.webhook_id();
    let letter = Letter { id: &id, body };
    let attempted = webhooks.send(&letter, telling.config, secret, telling.delivery, now).await;
    let Attempted { duration, status, answer, result } = attempted;
    let entry = NewAttempt {
        tenant_id,
        integration_id,
        session_id,
        webhook_id: &id,
        of: attempt_of,
        began_at: now,
        duration,
        status,
        code: result.as_ref().err().map(|error| error.code()),
        answer: answer.as_deref(),
    };
    // The event has been told, or not, whatever becomes of the entry.
    if let Err(error) = store.record_webhook_attempt(&entry).await {
        tracing::warn!(error = error_chain(&error), "could not enter an attempt into the log");
    }
    result.map(|()| id).map_err(Error::Webhook)
}
