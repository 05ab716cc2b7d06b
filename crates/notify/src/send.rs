//! Sends the mail and records the outcome.

use std::time::Duration;

use domain::settings::email::{ConfigurationSet, OnUnknown};
use domain::step::Code;
use mail::{Envelope, MIN_SEND_TIME, OUTCOME_UNKNOWN, Rendered, SendError};
use stage::{Delivery, NextDelivery, Outcome, error_chain};
use store::email_log::{Body, Email, EmailStatus};
use store::sending::{Sending, Start};
use uuid::Uuid;

use crate::addressees::Addressees;
use crate::compose::Composed;
use crate::context::{Context, Progress};
use crate::error::Error;
use crate::pace::MAX_REQUESTS;
use crate::source::MailSource;

/// The visitor got another mail of the tenant within `email.min_hours_between_mails`.
const TOO_SOON: Code = Code::new("too_soon");
/// The least time between two checks of a mail whose outcome is unknown.
const MIN_WAIT: Duration = Duration::from_secs(1);

impl Context {
    /// Makes the mail, claims its row in the log, and asks SES.
    ///
    /// Every error happens before the log says `sending`, but for errors of SES and of recording its answer.
    pub(crate) async fn send(
        &self,
        source: &MailSource,
        addressees: &Addressees,
        delivery: &Delivery,
    ) -> Result<Outcome, Error> {
        let (tenant, settings) = (source.tenant(), &source.settings.email);
        let from = settings.from_address.as_ref().unwrap_or(&self.sender_address);
        let from = from.to_ascii().ok_or(Error::SenderAddress)?;
        let reply_to = settings.reply_to.as_ref().map(|address| address.to_ascii().ok_or(Error::SenderAddress));
        let reply_to = reply_to.transpose()?;
        let link = settings.unsubscribe_link.then(|| self.links.to(tenant, addressees.to_hash));
        let composed = self.compose(source, link.as_deref()).await?;
        let new = source.email(Some(&composed.locale), Some(&addressees.to));
        let email = self.store.queue_email(&new).await?;
        // A request that is cut off has an unknown outcome.
        if delivery.remaining() < MIN_SEND_TIME {
            return Err(Error::NoTime);
        }
        match self.start(source, addressees, &composed, email.email_id).await? {
            Start::Started => {}
            // Another delivery has the mail, and its outcome is known in a moment.
            Start::Taken => return Ok(Outcome::Wait { after: MIN_WAIT, code: OUTCOME_UNKNOWN }),
            Start::TooSoon => return self.skip(source, TOO_SOON).await,
        }
        let envelope = Envelope {
            from_name: Some(settings.from_name.as_deref().unwrap_or(&source.tenant_name)),
            from: &from,
            reply_to: reply_to.as_ref(),
            to: &addressees.to,
            cc: &addressees.cc,
            bcc: &addressees.bcc,
            configuration_set: settings.configuration_set.as_ref().map(ConfigurationSet::as_ref),
            headers: &mail::headers(settings, link.as_deref()),
            tags: &mail::tags(email.email_id, tenant, &source.session.session_id),
        };
        self.request(source, &email, &envelope, composed, delivery).await
    }

    /// Moves the row in the log to `sending`; only the delivery that does so may ask SES.
    async fn start(
        &self,
        source: &MailSource,
        addressees: &Addressees,
        composed: &Composed,
        email_id: Uuid,
    ) -> Result<Start, Error> {
        let settings = &source.settings.email;
        if let Some(code) = composed.left_out {
            tracing::warn!(email.id = %email_id, code = code.as_str(), "attachments left out of mail");
        }
        let names: Vec<_> = composed.attachments.iter().map(|file| file.name).collect();
        let sending = Sending {
            tenant_id: source.tenant(),
            email_id,
            recipient: Some(addressees.to.as_str()).filter(|_| source.keeps_metadata()),
            recipient_hash: addressees.to_hash,
            template: settings.template.as_ref(),
            template_version: composed.template_version,
            locale: Some(&composed.locale),
            attachments: &names,
            attachments_left_out: composed.left_out,
            keep_events: source.keeps_metadata(),
            min_hours: settings.min_hours_between_mails.map(|hours| hours.get()),
        };
        Ok(self.store.start_sending(&sending).await?)
    }

    async fn request(
        &self,
        source: &MailSource,
        email: &Email,
        envelope: &Envelope<'_>,
        composed: Composed,
        delivery: &Delivery,
    ) -> Result<Outcome, Error> {
        let email_id = email.email_id;
        let body = source.keeps_body().then(|| composed.mail.clone());
        match self.sender.send(envelope, composed.mail, composed.attachments, delivery.remaining()).await {
            Ok(message_id) => {
                // If the database fails now, this line alone shows that SES has the mail.
                tracing::info!(email.id = %email_id, ses.message_id = message_id, "mail sent");
                self.store.record_sent(source.tenant(), email_id, &message_id).await?;
                self.keep(source, email_id, body).await;
                Ok(Outcome::Done)
            }
            Err(error) if error.is_outcome_unknown() => {
                // SES may have sent the mail, so its body belongs in the log.
                self.keep(source, email_id, body).await;
                let next = NextDelivery::Wait { after: self.unknown_outcome_wait.max(MIN_WAIT) };
                Err(Error::Send { source: error, next })
            }
            Err(error) => self.not_sent(source, email, error).await,
        }
    }

    /// Keeps the body of the mail; an error is only logged, because the mail is sent.
    async fn keep(&self, source: &MailSource, email_id: Uuid, mail: Option<Rendered>) {
        let Some(Rendered { subject, text, html }) = &mail else { return };
        let body = Body { subject, text, html };
        if let Err(error) = self.store.keep_body(source.tenant(), email_id, body).await {
            tracing::warn!(error = error_chain(&error), email.id = %email_id, "mail body not kept");
        }
    }

    /// Records an error of SES; while SES is busy the mail waits, and uses up none of its message's deliveries.
    async fn not_sent(&self, source: &MailSource, email: &Email, error: SendError) -> Result<Outcome, Error> {
        let request = u32::try_from(email.attempts).unwrap_or_default() + 1;
        // `attempts` counts over replays, each of which has as many requests.
        let gives_up = error.is_busy() && request.is_multiple_of(MAX_REQUESTS);
        let status = if error.is_retryable() && !gives_up { EmailStatus::Queued } else { EmailStatus::Failed };
        let recorded = self.store.record_not_sent(source.tenant(), email.email_id, status, Some(error.code())).await?;
        if !recorded {
            tracing::warn!(error = error_chain(&error), email.id = %email.email_id, "earlier request of mail confirmed by an event");
            return Ok(Outcome::Wait { after: MIN_WAIT, code: OUTCOME_UNKNOWN });
        }
        let next = match error.is_busy() {
            true if gives_up => NextDelivery::None,
            true => NextDelivery::Wait { after: self.busy.spread(request) },
            false => NextDelivery::retry_if(error.is_retryable()),
        };
        Err(Error::Send { source: error, next })
    }

    /// Settles a mail that SES may have: waits for its `Send` event, then holds the mail.
    ///
    /// Returns `None` if the mail shall be sent again, because the tenant prefers two mails to none.
    pub(crate) async fn settle(&self, source: &MailSource, email: &Email) -> Result<Option<Outcome>, Error> {
        let waited =
            email.sending_at.map_or(Duration::MAX, |since| ((self.clock)() - since).to_std().unwrap_or_default());
        let rest = self.unknown_outcome_wait.saturating_sub(waited);
        let later = |rest: Duration| Outcome::Wait { after: rest.max(MIN_WAIT), code: OUTCOME_UNKNOWN };
        if rest > Duration::ZERO {
            return Ok(Some(later(rest)));
        }
        let (tenant, email_id) = (source.tenant(), email.email_id);
        match source.settings.email.on_unknown {
            OnUnknown::Resend if email.resent_at.is_none() => {
                let queued = self.store.requeue_unknown(tenant, email_id, self.unknown_outcome_wait).await?;
                // If the row was not queued, an event has come meanwhile, or another delivery sends the mail.
                Ok(if queued { None } else { Some(later(MIN_WAIT)) })
            }
            OnUnknown::Resend | OnUnknown::WaitThenHold => self.hold(source, email_id).await.map(Some),
        }
    }

    async fn hold(&self, source: &MailSource, email_id: Uuid) -> Result<Outcome, Error> {
        self.store.record_not_sent(source.tenant(), email_id, EmailStatus::Unknown, Some(OUTCOME_UNKNOWN)).await?;
        let held = self.store.email(&source.key()).await?;
        Ok(match held.map(|email| Progress::of(email.status)) {
            // An event came first.
            Some(Progress::Sent) => Outcome::Done,
            Some(Progress::Open | Progress::Unknown) | None => {
                let reason = "SES did not answer, and no event says whether the mail was sent".to_owned();
                Outcome::Final { code: OUTCOME_UNKNOWN, reason }
            }
        })
    }
}
