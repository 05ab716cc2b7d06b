//! The stage: from a message to at most one mail.

use std::time::Duration;

use chrono::Utc;
use domain::analysis::Analysis;
use domain::email_address::EmailAddress;
use domain::id::{SessionId, TenantId};
use domain::message::NotifyMessage;
use domain::session::{Session, VisitorEmail};
use domain::settings::EmailSettings;
use domain::step::Code;
use stage::step::StageConfig;
use stage::{Clock, ConfigError, Delivery, Env, Outcome, Stage, error_chain};
use store::Store;
use store::email_log::{Email, EmailKey, EmailStatus, NewEmail};

use crate::Error;
use crate::decide::decide;
use crate::header::ascii_address;
use crate::mail::{Mail, TEMPLATE, Templates};
use crate::send_error::{OUTCOME_UNKNOWN, SendError};
use crate::sender::{Envelope, MIN_SEND_TIME, Sender};

/// The least time between two looks at a mail whose outcome is unknown.
const MIN_WAIT: Duration = Duration::from_secs(1);

/// The function's configuration.
#[derive(Clone)]
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    /// Sends for tenants that have no address of their own.
    pub sender_address: EmailAddress,
    /// Where SES publishes its events; `None`: it publishes none.
    pub configuration_set: Option<String>,
    /// How long a mail that SES has not answered for waits for an event.
    pub unknown_outcome_wait: Duration,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        Ok(Self {
            store: stage::config::store(env, stage.queue.concurrency)?,
            stage,
            sender_address: env.parsed("SENDER_ADDRESS")?,
            configuration_set: env.optional("SES_CONFIGURATION_SET").map(str::to_owned),
            unknown_outcome_wait: env.seconds("UNKNOWN_OUTCOME_WAIT_SECONDS")?,
        })
    }
}

/// What a message is worked on with.
pub struct Context {
    pub store: Store,
    pub sender: Sender,
    pub templates: Templates,
    pub sender_address: EmailAddress,
    pub unknown_outcome_wait: Duration,
    pub clock: Clock,
}

/// What a mail is about.
struct Subject {
    settings: EmailSettings,
    session: Session,
    analysis: Analysis,
    analysis_version: i32,
}

impl Subject {
    fn key(&self) -> EmailKey<'_> {
        let Session { tenant_id, session_id, .. } = &self.session;
        EmailKey { tenant_id, session_id, template: TEMPLATE, analysis_version: self.analysis_version }
    }

    fn email<'a>(&'a self, recipient: Option<&'a EmailAddress>) -> NewEmail<'a> {
        NewEmail { key: self.key(), recipient: recipient.map(EmailAddress::as_str) }
    }
}

impl Context {
    pub fn new(config: &Config, aws: &aws_config::SdkConfig, store: Store) -> Self {
        Self {
            store,
            sender: Sender::new(aws, config.configuration_set.clone()),
            templates: Templates::default(),
            sender_address: config.sender_address.clone(),
            unknown_outcome_wait: config.unknown_outcome_wait,
            clock: Utc::now,
        }
    }

    async fn load(&self, tenant_id: &TenantId, session: &SessionId, version: i32) -> Result<Subject, Error> {
        let tenant = self.store.tenant(tenant_id).await.map_err(Error::Database)?.ok_or(Error::UnknownTenant)?;
        let (mut settings, shown) = (tenant.settings.email, tenant.settings.redaction.mails);
        settings.from_name.get_or_insert(tenant.name);
        let stored = self.store.session(tenant_id, session).await.map_err(Error::Database)?;
        let analysis = self.store.shown_analysis(tenant_id, session, version, shown).await;
        let analysis = analysis.map_err(Error::Database)?;
        Ok(Subject {
            settings,
            session: stored.ok_or(Error::UnknownSession)?.session,
            analysis: analysis.ok_or(Error::UnknownAnalysis(version))?,
            analysis_version: version,
        })
    }

    /// A mail that SES has, or may have, is past deciding; anything else is decided anew.
    async fn mail(&self, subject: &Subject, delivery: &Delivery) -> Result<Outcome, Error> {
        let recorded = self.store.email(&subject.key()).await.map_err(Error::Database)?;
        match recorded.as_ref().map(|email| (email, email.status)) {
            Some((email, EmailStatus::Sending | EmailStatus::Unknown)) => {
                self.settle(&subject.session.tenant_id, email).await
            }
            Some((_, status)) if is_sent(status) => Ok(Outcome::Done),
            _ => match decide(&subject.settings, &subject.session, &subject.analysis) {
                Ok(to) => self.send(subject, &to, delivery).await,
                Err(reason) => self.skip(subject, reason).await,
            },
        }
    }

    async fn skip(&self, subject: &Subject, reason: Code) -> Result<Outcome, Error> {
        let recipient = match subject.session.visitor.email() {
            VisitorEmail::Usable(address) => Some(address),
            VisitorEmail::Absent | VisitorEmail::Invalid => None,
        };
        let email = subject.email(recipient.as_ref());
        self.store.skip_email(&email, reason).await.map_err(Error::Database)?;
        Ok(Outcome::Skipped(reason))
    }

    /// Whatever can fail without SES fails before the log says `sending`.
    async fn send(&self, subject: &Subject, to: &EmailAddress, delivery: &Delivery) -> Result<Outcome, Error> {
        let Subject { settings, session, analysis, .. } = subject;
        let from = settings.from_address.as_ref().unwrap_or(&self.sender_address);
        let from = ascii_address(from).ok_or(Error::SenderAddress)?;
        let reply_to = settings.reply_to.as_ref().map(|address| ascii_address(address).ok_or(Error::SenderAddress));
        let reply_to = reply_to.transpose()?;
        let mail = self.templates.render(settings, session, analysis).map_err(Error::Render)?;
        let email = self.store.queue_email(&subject.email(Some(to))).await.map_err(Error::Database)?;
        let envelope = Envelope {
            from_name: settings.from_name.as_deref(),
            from: &from,
            reply_to: reply_to.as_ref(),
            to,
            tenant_id: &session.tenant_id,
            session_id: &session.session_id,
            email_id: email.email_id,
        };
        self.deliver(&envelope, mail, delivery).await
    }

    /// The one place a mail leaves from: only who takes the log to `sending` may ask SES.
    async fn deliver(&self, envelope: &Envelope<'_>, mail: Mail, delivery: &Delivery) -> Result<Outcome, Error> {
        if delivery.remaining() < MIN_SEND_TIME {
            return Err(Error::NoTime);
        }
        let (tenant, email_id) = (envelope.tenant_id, envelope.email_id);
        let started = self.store.start_sending(tenant, email_id, envelope.to.as_str()).await;
        if !started.map_err(Error::Database)? {
            return Ok(Outcome::Retry { after: Some(MIN_WAIT), code: OUTCOME_UNKNOWN });
        }
        match self.sender.send(envelope, mail, delivery.remaining()).await {
            Ok(message_id) => {
                // First of all: if the log cannot be written, this line alone tells that SES has the mail.
                tracing::info!(email.id = %email_id, ses.message_id = message_id, to = %envelope.to, "sent");
                self.store.record_sent(tenant, email_id, &message_id).await.map_err(Error::Database)?;
                Ok(Outcome::Done)
            }
            Err(error) if error.is_outcome_unknown() => {
                tracing::warn!(error = error_chain(&error), email.id = %email_id, "the outcome is unknown");
                Ok(Outcome::Retry { after: Some(self.unknown_outcome_wait.max(MIN_WAIT)), code: OUTCOME_UNKNOWN })
            }
            Err(error) => self.not_sent(envelope, error).await,
        }
    }

    async fn not_sent(&self, envelope: &Envelope<'_>, error: SendError) -> Result<Outcome, Error> {
        let status = if error.is_retryable() { EmailStatus::Queued } else { EmailStatus::Failed };
        let recorded = self.store.record_not_sent(envelope.tenant_id, envelope.email_id, status, Some(error.code()));
        recorded.await.map_err(Error::Database)?;
        Err(Error::Send(error))
    }

    /// SES may have the mail. Its `Send` event is waited for, then the mail is held; it is never sent again.
    async fn settle(&self, tenant: &TenantId, email: &Email) -> Result<Outcome, Error> {
        let waited =
            email.sending_at.map_or(Duration::MAX, |since| ((self.clock)() - since).to_std().unwrap_or_default());
        let rest = self.unknown_outcome_wait.saturating_sub(waited);
        if rest > Duration::ZERO {
            return Ok(Outcome::Retry { after: Some(rest.max(MIN_WAIT)), code: OUTCOME_UNKNOWN });
        }
        let held = self.store.record_not_sent(tenant, email.email_id, EmailStatus::Unknown, Some(OUTCOME_UNKNOWN));
        held.await.map_err(Error::Database)?;
        Ok(Outcome::Final(OUTCOME_UNKNOWN))
    }
}

impl Stage for Context {
    type Message = NotifyMessage;
    type Error = Error;

    /// `Err` with [`Error::Database`] or [`Error::NoTime`] asks for another delivery, and so does [`Error::Send`] where
    /// SES could not be reached or was busy. A mail whose outcome is unknown is `Retry`, then `Final`.
    async fn handle(&self, message: NotifyMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        let NotifyMessage::V1 { tenant_id, session_id, analysis_version } = message;
        let subject = self.load(&tenant_id, &session_id, analysis_version).await?;
        self.mail(&subject, delivery).await
    }
}

fn is_sent(status: EmailStatus) -> bool {
    match status {
        EmailStatus::Sent
        | EmailStatus::Delayed
        | EmailStatus::Delivered
        | EmailStatus::Rejected
        | EmailStatus::Bounced
        | EmailStatus::Complained => true,
        EmailStatus::Skipped
        | EmailStatus::Queued
        | EmailStatus::Failed
        | EmailStatus::Sending
        | EmailStatus::Unknown => false,
    }
}
