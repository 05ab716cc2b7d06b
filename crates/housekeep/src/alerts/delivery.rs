//! Sends an alert's mails, each at most once: a mail is taken in the database first. After a crash between the two its
//! status is `unknown`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::email_address::EmailAddress;
use domain::step::Code;
use mail::{Envelope, MIN_SEND_TIME, OUTCOME_UNKNOWN, RefusalScope, Rendered, SendError};
use store::alerts::{Alert, AlertMail, AlertMailStatus};

use super::decision::delta;
use super::email::{AlertEmail, Recovery};
use super::evidence::AlertEvidence;
use super::rule::AlertRule;
use super::{AlertRun, WatchedTenant};
use crate::Error;
use crate::pace::{self, RESERVE};

/// Longest wait for SES's answer.
const SEND_TIME: Duration = Duration::from_secs(10);
/// Longer than an invocation can take: a run that took a mail before that never records its outcome.
const TAKEN_FOR: Duration = Duration::from_secs(15 * 60);
/// Time between two attempts at a mail that SES did not accept.
const RETRY_AFTER: Duration = Duration::from_secs(5 * 60);
/// Age at which a mail is given up: it would report the day before.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// The tenant has no admins whose addresses SES accepts.
const NO_ADMINS: Code = Code::new("no_admins");
/// The tenant has removed the rule.
const RULE_GONE: Code = Code::new("rule_gone");
/// The mail could not be sent for a day.
const TOO_LATE: Code = Code::new("too_late");
/// The opening was not mailed, so the recovery is not mailed either.
const OPENING_NOT_MAILED: Code = Code::new("opening_not_mailed");

/// Delivery of one mail of an alert.
#[derive(Clone, Copy)]
struct AlertDelivery<'a> {
    watched: &'a WatchedTenant<'a>,
    alert: &'a Alert,
    mail: AlertMail,
}

impl AlertDelivery<'_> {
    /// Time of the change that the mail reports.
    fn since(&self) -> DateTime<Utc> {
        let closed_at = self.alert.closed_at.filter(|_| self.mail == AlertMail::Recovery);
        closed_at.unwrap_or(self.alert.opened_at)
    }

    /// Time at which a run took the mail for sending.
    fn taken_at(&self) -> Option<DateTime<Utc>> {
        match self.mail {
            AlertMail::Opening => self.alert.mail_at,
            AlertMail::Recovery => self.alert.recovery_at,
        }
    }
}

impl<Q> AlertRun<'_, Q> {
    /// Sends the pending mails of a tenant's alerts.
    pub(super) async fn send_mails(&mut self, watched: &WatchedTenant<'_>) -> Result<(), Error> {
        // Read again: this run has opened and closed some.
        for alert in &self.context.store.alerts_at_work(watched.tenant_id).await? {
            let delivery = |mail| AlertDelivery { watched, alert, mail };
            let opening_mailed = match self.advance(delivery(AlertMail::Opening), alert.mail_status).await? {
                AlertMailStatus::Sent | AlertMailStatus::Unknown => true,
                AlertMailStatus::Failed => false,
                AlertMailStatus::Pending | AlertMailStatus::Sending => continue,
            };
            match alert.recovery_status {
                Some(AlertMailStatus::Pending) if !opening_mailed => {
                    self.give_up(delivery(AlertMail::Recovery), OPENING_NOT_MAILED).await?
                }
                Some(status) => self.advance(delivery(AlertMail::Recovery), status).await?,
                None => continue,
            };
        }
        Ok(())
    }

    /// Brings one mail as far as possible, and returns its new status.
    async fn advance(
        &mut self,
        delivery: AlertDelivery<'_>,
        status: AlertMailStatus,
    ) -> Result<AlertMailStatus, Error> {
        match status {
            AlertMailStatus::Sent | AlertMailStatus::Failed | AlertMailStatus::Unknown => Ok(status),
            AlertMailStatus::Sending => self.check_sender(delivery).await,
            AlertMailStatus::Pending => self.send_pending(delivery).await,
        }
    }

    /// Ends a mail as `unknown` whose sender has had enough time: SES may have the mail.
    async fn check_sender(&mut self, delivery: AlertDelivery<'_>) -> Result<AlertMailStatus, Error> {
        if delivery.taken_at().is_some_and(|at| self.now - at < delta(TAKEN_FOR)) {
            return Ok(AlertMailStatus::Sending);
        }
        self.failed(delivery, OUTCOME_UNKNOWN, "the run that took the mail did not record its outcome");
        self.record(delivery, AlertMailStatus::Unknown, Some(OUTCOME_UNKNOWN)).await
    }

    async fn send_pending(&mut self, delivery: AlertDelivery<'_>) -> Result<AlertMailStatus, Error> {
        let Some(rule) = delivery.watched.rules.iter().find(|rule| rule.to_string() == delivery.alert.rule) else {
            return self.give_up(delivery, RULE_GONE).await;
        };
        // SES accepts only ASCII addresses.
        let admins: Vec<_> = delivery.watched.settings.admins.iter().filter_map(EmailAddress::to_ascii).collect();
        let [to, cc @ ..] = admins.as_slice() else {
            return self.give_up(delivery, NO_ADMINS).await;
        };
        if self.now - delivery.since() > delta(MAX_AGE) {
            return self.give_up(delivery, TOO_LATE).await;
        }
        if delivery.taken_at().is_some_and(|at| self.now - at < delta(RETRY_AFTER)) {
            return Ok(AlertMailStatus::Pending);
        }
        if self.mails_left == 0 || pace::remaining(self.deadline) < RESERVE + MIN_SEND_TIME {
            return Ok(AlertMailStatus::Pending);
        }
        // The mail is made before it is taken: an error after that would leave its outcome unknown.
        let email = self.email(delivery, rule).await?;
        if !self.take(delivery).await? {
            return Ok(AlertMailStatus::Sending);
        }
        let (status, code) = match self.send(to, cc, email).await {
            Ok(_) => (AlertMailStatus::Sent, None),
            Err(error) => {
                self.failed(delivery, error.code(), &stage::error_chain(&error));
                (status_after(&error), Some(error.code()))
            }
        };
        self.record(delivery, status, code).await
    }

    async fn email(&self, delivery: AlertDelivery<'_>, rule: &AlertRule) -> Result<Rendered, Error> {
        let (store, AlertDelivery { watched, alert, mail }) = (&self.context.store, delivery);
        let email = AlertEmail {
            tenant_id: watched.tenant_id,
            tenant_name: watched.name,
            rule,
            cool_down: watched.cool_down(),
            region: &self.context.region,
            queues: &self.context.step_queues,
        };
        let since = alert.opened_at - delta(rule.window());
        let failures = store.failures_since(watched.tenant_id, since).await?;
        let evidence = AlertEvidence::of(rule, &failures, watched.stalled, self.now)
            .unwrap_or_else(|| AlertEvidence::of_row(alert));
        let (AlertMail::Recovery, Some(closed_at)) = (mail, alert.closed_at) else {
            return email.alert(&evidence, since).map_err(Error::AlertEmail);
        };
        let (opened_at, last_failure_at) = (alert.opened_at, alert.last_failure_at);
        let last_success = store.last_success(watched.tenant_id, rule.step(), last_failure_at).await?;
        let integration = match rule {
            AlertRule::Disabled(id) => Some(store.integration(watched.tenant_id, id).await?),
            AlertRule::Threshold(_) | AlertRule::Refused(_) | AlertRule::Waiting(_) => None,
        };
        let integration = integration.flatten().map(|integration| integration.state);
        let recovery = Recovery { opened_at, closed_at, last_failure_at, last_success, integration };
        email.recovery(&evidence, &recovery).map_err(Error::AlertEmail)
    }

    async fn send(&mut self, to: &EmailAddress, cc: &[EmailAddress], email: Rendered) -> Result<String, SendError> {
        let envelope = Envelope {
            from_name: None,
            from: &self.context.sender_address,
            reply_to: None,
            to,
            cc,
            bcc: &[],
            configuration_set: None,
            headers: &[mail::auto_submitted()],
            tags: &[],
        };
        let time = SEND_TIME.min(pace::remaining(self.deadline).saturating_sub(RESERVE));
        let sent = self.context.sender.send(&envelope, email, Vec::new(), time).await;
        self.mails_left -= 1;
        match &sent {
            Ok(_) => self.report.mailed += 1,
            // The next mail would fail too, and a mail without an answer is never sent again.
            Err(error) if fails_every_mail(error) => self.mails_left = 0,
            Err(_) => {}
        }
        sent
    }

    /// Counts a mail that SES did not accept, or may not have accepted.
    fn failed(&mut self, delivery: AlertDelivery<'_>, code: Code, error: &str) {
        let (tenant, rule, code) = (delivery.watched.tenant_id, &delivery.alert.rule, code.as_str());
        tracing::error!(tenant.id = %tenant, rule, code, error, "alert mail failed");
        stage::metrics::count(stage::metrics::ALERT_MAILS_FAILED);
        self.report.mails_failed += 1;
    }

    /// Ends a mail without sending it.
    async fn give_up(&self, delivery: AlertDelivery<'_>, code: Code) -> Result<AlertMailStatus, Error> {
        if !self.take(delivery).await? {
            return Ok(AlertMailStatus::Sending);
        }
        let (tenant, rule) = (delivery.watched.tenant_id, &delivery.alert.rule);
        tracing::warn!(tenant.id = %tenant, rule, code = code.as_str(), "alert mail given up");
        self.record(delivery, AlertMailStatus::Failed, Some(code)).await
    }

    /// Takes a mail for sending; `false` if another run was first.
    async fn take(&self, delivery: AlertDelivery<'_>) -> Result<bool, Error> {
        let AlertDelivery { watched, alert, mail } = delivery;
        Ok(self.context.store.take_alert_mail(watched.tenant_id, alert.alert_id, mail).await?)
    }

    async fn record(
        &self,
        delivery: AlertDelivery<'_>,
        status: AlertMailStatus,
        code: Option<Code>,
    ) -> Result<AlertMailStatus, Error> {
        let (store, AlertDelivery { watched, alert, mail }) = (&self.context.store, delivery);
        store.record_alert_mail(watched.tenant_id, alert.alert_id, mail, status, code).await?;
        Ok(status)
    }
}

fn fails_every_mail(error: &SendError) -> bool {
    match error {
        SendError::Refused { refusal, .. } => error.is_busy() || refusal.scope() == RefusalScope::Account,
        SendError::NotReached(_) | SendError::Unanswered(_) | SendError::NoMessageId => true,
        SendError::Request(_) => false,
    }
}

/// Status of a mail after an error: `Pending` only if SES certainly does not have the mail.
fn status_after(error: &SendError) -> AlertMailStatus {
    match error {
        SendError::Unanswered(_) | SendError::NoMessageId => AlertMailStatus::Unknown,
        SendError::NotReached(_) | SendError::Refused { .. } => AlertMailStatus::Pending,
        // The request is invalid, and would be invalid again.
        SendError::Request(_) => AlertMailStatus::Failed,
    }
}
