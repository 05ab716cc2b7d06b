//! The one place a mail leaves from.

use std::time::Duration;

use domain::settings::email::{ConfigurationSet, OnUnknown};
use domain::step::Code;
use mail::{Envelope, MIN_SEND_TIME, OUTCOME_UNKNOWN, Rendered, SendError};
use stage::{Delivery, Outcome, error_chain};
use store::email_log::{Body, Email, EmailStatus};
use store::sending::{Sending, Start};
use uuid::Uuid;

use crate::addressees::Addressees;
use crate::compose::Composed;
use crate::context::{Context, Progress};
use crate::error::Error;
use crate::pace::MAX_REQUESTS;
use crate::subject::Subject;

/// The recipient has got another mail of the tenant within the time that is to lie between two.
const TOO_SOON: Code = Code::new("too_soon");
/// The least time between two looks at a mail whose outcome is unknown.
const MIN_WAIT: Duration = Duration::from_secs(1);

impl Context {
    /// Whatever can fail without SES fails before the log says `sending`.
    pub(crate) async fn send(
        &self,
        subject: &Subject,
        addressees: &Addressees,
        delivery: &Delivery,
    ) -> Result<Outcome, Error> {
        let (tenant, settings) = (subject.tenant(), &subject.settings.email);
        let from = settings.from_address.as_ref().unwrap_or(&self.sender_address);
        let from = from.to_ascii().ok_or(Error::SenderAddress)?;
        let reply_to = settings.reply_to.as_ref().map(|address| address.to_ascii().ok_or(Error::SenderAddress));
        let reply_to = reply_to.transpose()?;
        let link = settings.unsubscribe_link.then(|| self.links.to(tenant, addressees.to_hash));
        let composed = self.compose(subject, link.as_deref()).await?;
        let new = subject.email(Some(&composed.locale), Some(addressees.to.as_str()));
        let email = self.store.queue_email(&new).await.map_err(Error::Database)?;
        if delivery.remaining() < MIN_SEND_TIME {
            return Err(Error::NoTime);
        }
        match self.start(subject, addressees, &composed, email.email_id).await? {
            Start::Started => {}
            Start::Taken => return Ok(Outcome::Wait { after: MIN_WAIT, code: OUTCOME_UNKNOWN }),
            Start::TooSoon => return self.skip(subject, TOO_SOON).await,
        }
        let envelope = Envelope {
            from_name: Some(settings.from_name.as_deref().unwrap_or(&subject.tenant_name)),
            from: &from,
            reply_to: reply_to.as_ref(),
            to: &addressees.to,
            cc: &addressees.cc,
            bcc: &addressees.bcc,
            configuration_set: settings.configuration_set.as_ref().map(ConfigurationSet::as_ref),
            headers: &mail::headers(settings, link.as_deref()),
            tags: &mail::tags(email.email_id, tenant, &subject.session.session_id),
        };
        self.request(subject, &email, &envelope, composed, delivery).await
    }

    /// Only who takes the log to `sending` may ask SES.
    async fn start(
        &self,
        subject: &Subject,
        addressees: &Addressees,
        composed: &Composed,
        email_id: Uuid,
    ) -> Result<Start, Error> {
        let settings = &subject.settings.email;
        if let Some(code) = composed.left_out {
            tracing::warn!(email.id = %email_id, code = code.as_str(), "the mail goes without files that were asked for");
        }
        let names: Vec<_> = composed.attachments.iter().map(|file| file.name).collect();
        let sending = Sending {
            tenant_id: subject.tenant(),
            email_id,
            recipient: Some(addressees.to.as_str()).filter(|_| subject.keeps_metadata()),
            recipient_hash: addressees.to_hash,
            template: settings.template.as_ref(),
            template_version: composed.template_version,
            locale: Some(&composed.locale),
            attachments: &names,
            attachments_left_out: composed.left_out,
            keep_events: subject.keeps_metadata(),
            min_hours: settings.min_hours_between_mails.map(|hours| hours.get()),
        };
        self.store.start_sending(&sending).await.map_err(Error::Database)
    }

    async fn request(
        &self,
        subject: &Subject,
        email: &Email,
        envelope: &Envelope<'_>,
        composed: Composed,
        delivery: &Delivery,
    ) -> Result<Outcome, Error> {
        let email_id = email.email_id;
        let body = subject.keeps_body().then(|| composed.mail.clone());
        match self.sender.send(envelope, composed.mail, composed.attachments, delivery.remaining()).await {
            Ok(message_id) => {
                // First of all: if the log cannot be written, this line alone tells that SES has the mail.
                tracing::info!(email.id = %email_id, ses.message_id = message_id, to = %envelope.to, "sent");
                let recorded = self.store.record_sent(subject.tenant(), email_id, &message_id).await;
                recorded.map_err(Error::Database)?;
                self.keep(subject, email_id, body).await;
                Ok(Outcome::Done)
            }
            Err(error) if error.is_outcome_unknown() => {
                tracing::warn!(error = error_chain(&error), email.id = %email_id, "the outcome is unknown");
                self.keep(subject, email_id, body).await;
                Ok(Outcome::Wait { after: self.unknown_outcome_wait.max(MIN_WAIT), code: OUTCOME_UNKNOWN })
            }
            Err(error) => self.not_sent(subject, email, error).await,
        }
    }

    /// A mail is no less sent where its body cannot be kept.
    async fn keep(&self, subject: &Subject, email_id: Uuid, mail: Option<Rendered>) {
        let Some(Rendered { subject: line, text, html }) = &mail else { return };
        let body = Body { subject: line, text, html };
        if let Err(error) = self.store.keep_body(subject.tenant(), email_id, body).await {
            tracing::warn!(error = error_chain(&error), email.id = %email_id, "could not keep the mail as it was sent");
        }
    }

    /// Where SES has no room now, the mail waits, and burns none of its message's deliveries.
    async fn not_sent(&self, subject: &Subject, email: &Email, error: SendError) -> Result<Outcome, Error> {
        let request = u32::try_from(email.attempts).unwrap_or_default() + 1;
        let gives_up = error.is_busy() && request.is_multiple_of(MAX_REQUESTS);
        let status = if error.is_retryable() && !gives_up { EmailStatus::Queued } else { EmailStatus::Failed };
        let recorded = self.store.record_not_sent(subject.tenant(), email.email_id, status, Some(error.code())).await;
        if !recorded.map_err(Error::Database)? {
            tracing::warn!(error = error_chain(&error), email.id = %email.email_id, "an event told of an earlier request");
            return Ok(Outcome::Wait { after: MIN_WAIT, code: OUTCOME_UNKNOWN });
        }
        if !error.is_busy() {
            return Err(Error::Send(error));
        }
        tracing::info!(error = error_chain(&error), email.id = %email.email_id, request, "SES has no room");
        let code = error.code();
        Ok(if gives_up { Outcome::Final(code) } else { Outcome::Wait { after: self.busy.spread(request), code } })
    }

    /// SES may have the mail. Its `Send` event is waited for; without it the mail is held, or, where the tenant would
    /// rather send twice than not at all, decided on once more as if it were new: `None`.
    pub(crate) async fn settle(&self, subject: &Subject, email: &Email) -> Result<Option<Outcome>, Error> {
        let waited =
            email.sending_at.map_or(Duration::MAX, |since| ((self.clock)() - since).to_std().unwrap_or_default());
        let rest = self.unknown_outcome_wait.saturating_sub(waited);
        let later = |rest: Duration| Outcome::Wait { after: rest.max(MIN_WAIT), code: OUTCOME_UNKNOWN };
        if rest > Duration::ZERO {
            return Ok(Some(later(rest)));
        }
        let (tenant, email_id) = (subject.tenant(), email.email_id);
        match subject.settings.email.on_unknown {
            OnUnknown::Resend if email.resent_at.is_none() => {
                let queued = self.store.requeue_unknown(tenant, email_id, self.unknown_outcome_wait).await;
                // An event has told meanwhile, or another delivery sends it.
                Ok(if queued.map_err(Error::Database)? { None } else { Some(later(MIN_WAIT)) })
            }
            OnUnknown::Resend | OnUnknown::WaitThenHold => self.hold(subject, email_id).await.map(Some),
        }
    }

    async fn hold(&self, subject: &Subject, email_id: Uuid) -> Result<Outcome, Error> {
        let held = self.store.record_not_sent(subject.tenant(), email_id, EmailStatus::Unknown, Some(OUTCOME_UNKNOWN));
        held.await.map_err(Error::Database)?;
        let held = self.store.email(&subject.key()).await.map_err(Error::Database)?;
        Ok(match held.map(|email| Progress::of(email.status)) {
            // An event was faster.
            Some(Progress::Sent) => Outcome::Done,
            Some(Progress::Open | Progress::Unknown) | None => Outcome::Final(OUTCOME_UNKNOWN),
        })
    }
}
