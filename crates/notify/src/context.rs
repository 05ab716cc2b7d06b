//! Handles a message: at most one mail.

use std::time::Duration;

use chrono::Utc;
use domain::email_address::EmailAddress;
use domain::id::{SessionId, TenantId};
use domain::message::NotifyMessage;
use domain::step::Code;
use mail::Sender;
use stage::backoff::Backoff;
use stage::{Clock, Delivery, Failure, NextDelivery, Outcome, SdkConfig, Stage};
use store::Store;
use store::email_log::EmailStatus;

use crate::config::Config;
use crate::decide::decide;
use crate::error::Error;
use crate::pace;
use crate::source::{MailSource, Settings};
use crate::unsubscribe::Links;

/// Collaborators of the handler.
pub struct Context {
    pub store: Store,
    pub sender: Sender,
    pub sender_address: EmailAddress,
    pub unknown_outcome_wait: Duration,
    pub links: Links,
    /// Waits between the requests for a mail while SES is busy.
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

    async fn load(&self, tenant_id: &TenantId, session: &SessionId, version: i32) -> Result<MailSource, Error> {
        let tenant = self.store.tenant::<Settings>(tenant_id).await?.ok_or(Error::UnknownTenant)?;
        let stored = self.store.session(tenant_id, session).await?;
        let analysis = self.store.shown_analysis(tenant_id, session, version, tenant.settings.redaction.mails).await;
        Ok(MailSource {
            tenant_name: tenant.name,
            settings: tenant.settings,
            session: stored.ok_or(Error::UnknownSession)?.session,
            analysis: analysis?.ok_or(Error::UnknownAnalysis(version))?,
            analysis_version: version,
        })
    }

    /// Sends the mail, unless SES has or may have it, or the settings exclude it.
    ///
    /// Every delivery decides again, because settings and session may have changed.
    async fn mail(&self, source: &MailSource, delivery: &Delivery) -> Result<Outcome, Error> {
        if let Some(email) = self.store.email(&source.key()).await? {
            match Progress::of(email.status) {
                Progress::Sent => return Ok(Outcome::Done),
                Progress::Open => {}
                Progress::Unknown => match self.settle(source, &email).await? {
                    Some(outcome) => return Ok(outcome),
                    None => tracing::warn!(email.id = %email.email_id, "mail with unknown outcome queued again"),
                },
            }
        }
        let to = match decide(&source.settings.email, &source.session, &source.analysis) {
            Ok(to) => to,
            Err(reason) => return self.skip(source, reason).await,
        };
        let addressees = match self.addressees(source, to).await? {
            Ok(addressees) => addressees,
            Err(reason) => return self.skip(source, reason).await,
        };
        // A mail that is skipped anyway need not wait for the end of the night.
        if let Some(wait) = self.quiet_for(source).await? {
            return Ok(wait);
        }
        self.send(source, &addressees, delivery).await
    }

    /// Records that this message will not send the mail, unless SES may have it.
    async fn fail(&self, source: &MailSource, error: &Error) -> Result<(), Error> {
        let recipient = source.visitor_address();
        let email = source.email(None, recipient.as_ref());
        Ok(self.store.not_sent_email(&email, EmailStatus::Failed, error.code()).await?)
    }

    /// Records that no mail is sent, with the reason.
    pub(crate) async fn skip(&self, source: &MailSource, reason: Code) -> Result<Outcome, Error> {
        let recipient = source.visitor_address();
        let email = source.email(None, recipient.as_ref());
        self.store.not_sent_email(&email, EmailStatus::Skipped, reason).await?;
        Ok(Outcome::Skipped(reason))
    }
}

impl Stage for Context {
    type Message = NotifyMessage;
    type Error = Error;

    /// Sends a mail; `Err` says by [`Failure::next`] which delivery follows.
    ///
    /// The message waits while SES is busy, in quiet hours, and while the outcome of the mail is unknown. If the outcome
    /// stays unknown, it is `Final`, or the mail is sent again: the tenant's settings decide.
    async fn handle(&self, message: NotifyMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        let NotifyMessage::V1 { tenant_id, session_id, analysis_version } = message;
        let source = self.load(&tenant_id, &session_id, analysis_version).await?;
        let outcome = self.mail(&source, delivery).await;
        // Errors of SES are in the log already: `not_sent` records them.
        if let Err(error) = &outcome
            && (error.is_unmade() || (matches!(error.next(), NextDelivery::Retry { .. }) && delivery.is_last))
        {
            self.fail(&source, error).await?;
        }
        outcome
    }
}

/// The progress of a mail that another delivery finds.
pub(crate) enum Progress {
    /// SES does not have the mail.
    Open,
    /// SES may have the mail.
    Unknown,
    /// SES has the mail.
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
