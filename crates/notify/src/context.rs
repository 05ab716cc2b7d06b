//! The stage: from a message to at most one mail.

use std::time::Duration;

use chrono::Utc;
use domain::email_address::EmailAddress;
use domain::id::{SessionId, TenantId};
use domain::message::NotifyMessage;
use domain::step::Code;
use mail::Sender;
use stage::backoff::Backoff;
use stage::{Clock, Delivery, Failure, Outcome, SdkConfig, Stage};
use store::Store;
use store::email_log::EmailStatus;

use crate::config::Config;
use crate::decide::decide;
use crate::error::Error;
use crate::pace;
use crate::quiet::QUIET_HOURS;
use crate::subject::{Settings, Subject};
use crate::unsubscribe::Links;

/// What a message is worked on with.
pub struct Context {
    pub store: Store,
    pub sender: Sender,
    pub sender_address: EmailAddress,
    pub unknown_outcome_wait: Duration,
    pub links: Links,
    /// Between the requests for a mail that SES has no room for.
    pub busy: Backoff,
    pub clock: Clock,
}

impl Context {
    pub fn new(config: &Config, aws: &SdkConfig, store: Store) -> Self {
        Self {
            store,
            sender: Sender::new(aws, config.configuration_set.clone()),
            sender_address: config.sender_address.clone(),
            unknown_outcome_wait: config.unknown_outcome_wait,
            links: config.links.clone(),
            busy: pace::busy_waits(config.stage.backoff.max),
            clock: Utc::now,
        }
    }

    async fn load(&self, tenant_id: &TenantId, session: &SessionId, version: i32) -> Result<Subject, Error> {
        let tenant = self.store.tenant::<Settings>(tenant_id).await.map_err(Error::Database)?;
        let tenant = tenant.ok_or(Error::UnknownTenant)?;
        let stored = self.store.session(tenant_id, session).await.map_err(Error::Database)?;
        let analysis = self.store.shown_analysis(tenant_id, session, version, tenant.settings.redaction.mails).await;
        Ok(Subject {
            tenant_name: tenant.name,
            settings: tenant.settings,
            session: stored.ok_or(Error::UnknownSession)?.session,
            analysis: analysis.map_err(Error::Database)?.ok_or(Error::UnknownAnalysis(version))?,
            analysis_version: version,
        })
    }

    /// A mail that SES has, or may have, is past deciding; anything else is decided anew.
    async fn mail(&self, subject: &Subject, delivery: &Delivery) -> Result<Outcome, Error> {
        if let Some(email) = self.store.email(&subject.key()).await.map_err(Error::Database)? {
            match Progress::of(email.status) {
                Progress::Sent => return Ok(Outcome::Done),
                Progress::Open => {}
                Progress::Unknown => match self.settle(subject, &email).await? {
                    Some(outcome) => return Ok(outcome),
                    None => tracing::warn!(email.id = %email.email_id, "sending a mail again that SES may have"),
                },
            }
        }
        let to = match decide(&subject.settings.email, &subject.session, &subject.analysis) {
            Ok(to) => to,
            Err(reason) => return self.skip(subject, reason).await,
        };
        let addressees = match self.addressees(subject, to).await? {
            Ok(addressees) => addressees,
            Err(reason) => return self.skip(subject, reason).await,
        };
        if let Some(after) = self.quiet_for(subject).await? {
            return Ok(Outcome::Wait { after, code: QUIET_HOURS });
        }
        self.send(subject, &addressees, delivery).await
    }

    /// A mail that will not be tried again by this message has failed, unless SES may have it.
    async fn fail(&self, subject: &Subject, error: &Error) -> Result<(), Error> {
        let recipient = subject.visitor_address();
        let email = subject.email(None, recipient.as_ref().map(EmailAddress::as_str));
        self.store.fail_email(&email, error.code()).await.map_err(Error::Database)
    }

    pub(crate) async fn skip(&self, subject: &Subject, reason: Code) -> Result<Outcome, Error> {
        let recipient = subject.visitor_address();
        let email = subject.email(None, recipient.as_ref().map(EmailAddress::as_str));
        self.store.skip_email(&email, reason).await.map_err(Error::Database)?;
        Ok(Outcome::Skipped(reason))
    }
}

impl Stage for Context {
    type Message = NotifyMessage;
    type Error = Error;

    /// `Err` with [`Error::Database`] or [`Error::NoTime`] asks for another delivery, and so does [`Error::Send`] where
    /// SES could not be reached. A mail that SES has no room for, that comes in quiet hours, or whose outcome is
    /// unknown, is `Wait`; an outcome that stays unknown `Final`, or the mail is sent again.
    async fn handle(&self, message: NotifyMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        let NotifyMessage::V1 { tenant_id, session_id, analysis_version } = message;
        let subject = self.load(&tenant_id, &session_id, analysis_version).await?;
        let outcome = self.mail(&subject, delivery).await;
        if let Err(error) = &outcome
            && (error.is_unmade() || (error.is_retryable() && delivery.is_last))
        {
            self.fail(&subject, error).await?;
        }
        outcome
    }
}

/// How far a mail has come, as far as another delivery has to know.
pub(crate) enum Progress {
    /// SES has not got it.
    Open,
    /// SES may have it.
    Unknown,
    /// SES has it.
    Sent,
}

impl Progress {
    pub(crate) fn of(status: EmailStatus) -> Self {
        match status {
            EmailStatus::Skipped | EmailStatus::Queued | EmailStatus::Failed => Self::Open,
            EmailStatus::Sending | EmailStatus::Unknown => Self::Unknown,
            EmailStatus::Sent
            | EmailStatus::Delayed
            | EmailStatus::SoftBounced
            | EmailStatus::Delivered
            | EmailStatus::Rejected
            | EmailStatus::Bounced
            | EmailStatus::Complained => Self::Sent,
        }
    }
}
