//! One attempt to deliver an event to a webhook, with its entry in the log.

use chrono::{DateTime, Utc};
use domain::event::Event;
use domain::id::IntegrationId;
use domain::integration::WebhookConfig;
use domain::session::Session;
use domain::settings::redaction::ShownText;
use secrecy::SecretString;
use stage::{Delivery, error_chain};
use store::Store;
use store::webhook_attempts::{AttemptOf, NewAttempt};

use super::payload::EmailData;
use super::{DeliveryAttempt, SignedEvent, Webhooks, payload, sign};
use crate::error::Error;
use crate::reason::Reason;

/// An event, and the webhook that gets it.
pub struct EventDelivery<'a> {
    pub integration_id: &'a IntegrationId,
    pub config: &'a WebhookConfig,
    pub session: &'a Session,
    pub event: &'a Event,
    /// When the event happened.
    pub at: DateTime<Utc>,
    /// The row that the attempt is logged for.
    pub attempt_of: AttemptOf,
    pub shown: ShownText,
    pub delivery: &'a Delivery,
    pub now: DateTime<Utc>,
}

impl EventDelivery<'_> {
    /// Renders the request's body; each attempt does, so that it shows what webhooks show by then.
    pub async fn body(&self, store: &Store) -> Result<String, Error> {
        let Session { tenant_id: tenant, session_id, .. } = self.session;
        match self.event {
            Event::SessionAnalyzed { version } => {
                let analysis = store.shown_analysis(tenant, session_id, *version, self.shown).await;
                let analysis = analysis?.ok_or(Error::Reason(Reason::UnknownAnalysis))?;
                Ok(payload::analyzed(self.session, &analysis, *version))
            }
            Event::SessionFailed { code, .. } => Ok(payload::failed(self.session, code, self.at)),
            Event::EmailStatus { email_id, status } => {
                let mail = store.email_of_event(tenant, *email_id).await?;
                let (template, analysis_version) = mail.ok_or(Error::Reason(Reason::UnknownEmail))?;
                let email = EmailData { email_id: *email_id, status, template: &template, analysis_version };
                Ok(payload::mailed(self.session, email, self.at))
            }
        }
    }

    /// Sends the event and enters the attempt into the log; returns the webhook id.
    pub async fn send(
        &self,
        body: &str,
        webhooks: &Webhooks,
        secret: &SecretString,
        store: &Store,
    ) -> Result<String, Error> {
        let Session { tenant_id, session_id, .. } = self.session;
        let id = sign::webhook_id(tenant_id, session_id, self.integration_id, self.event);
        let event = SignedEvent { id: &id, body };
        let DeliveryAttempt { duration, status, answer, result } =
            webhooks.send(&event, self.config, secret, self.delivery, self.now).await;
        let entry = NewAttempt {
            tenant_id,
            integration_id: self.integration_id,
            session_id,
            webhook_id: &id,
            of: self.attempt_of,
            began_at: self.now,
            duration,
            status,
            code: result.as_ref().err().map(|error| error.reason().code()),
            answer: answer.as_deref(),
        };
        // The event has been sent, or not, with or without its entry.
        if let Err(error) = store.record_webhook_attempt(&entry).await {
            tracing::warn!(error = error_chain(&error), "webhook attempt not logged");
        }
        result.map(|()| id)
    }
}
