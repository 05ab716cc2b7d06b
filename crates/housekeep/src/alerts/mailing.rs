//! Sending an alert's mails: each is taken before it is sent, so that it is sent once or, after a crash, not known to
//! be.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::email_address::EmailAddress;
use domain::step::Code;
use mail::{Envelope, MIN_SEND_TIME, OUTCOME_UNKNOWN, Rendered, SendError};
use store::alerts::{Alert, AlertMail, AlertMailStatus};

use super::evidence::Evidence;
use super::judge::delta;
use super::letter::{Letter, Recovery};
use super::rule::Rule;
use super::{Run, Watched};
use crate::Error;
use crate::pace::{self, RESERVE};

/// The longest that SES is waited for.
const SEND_TIME: Duration = Duration::from_secs(10);
/// Longer than an invocation can take: whoever took a mail before that will never tell what became of it.
const TAKEN_FOR: Duration = Duration::from_secs(15 * 60);
/// Between two tries of a mail that SES has not taken.
const TRY_AGAIN: Duration = Duration::from_secs(5 * 60);
/// After this a mail is given up: it would tell of the day before.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// The tenant has no admins that SES could mail.
const NO_ADMINS: Code = Code::new("no_admins");
/// The rule is no longer among the tenant's.
const RULE_GONE: Code = Code::new("rule_gone");
/// It could not be sent for a day.
const TOO_LATE: Code = Code::new("too_late");
/// Nobody was told of the alert, so nobody waits for its end.
const NOT_TOLD: Code = Code::new("not_told");

/// One mail of an alert.
#[derive(Clone, Copy)]
struct Item<'a> {
    watched: &'a Watched<'a>,
    alert: &'a Alert,
    mail: AlertMail,
}

impl Item<'_> {
    /// From when on it was to be sent.
    fn since(&self) -> DateTime<Utc> {
        let closed_at = self.alert.closed.map(|(_, at)| at).filter(|_| self.mail == AlertMail::Recovery);
        closed_at.unwrap_or(self.alert.opened_at)
    }

    /// When a run took it for sending.
    fn taken_at(&self) -> Option<DateTime<Utc>> {
        match self.mail {
            AlertMail::Opening => self.alert.mail_at,
            AlertMail::Recovery => self.alert.recovery_at,
        }
    }
}

impl<Q> Run<'_, Q> {
    /// Sends what is to be sent of a tenant's alerts.
    pub(super) async fn send_mails(&mut self, watched: &Watched<'_>) -> Result<(), Error> {
        for alert in &self.context.store.alerts_at_work(watched.tenant_id).await.map_err(Error::Watch)? {
            let item = |mail| Item { watched, alert, mail };
            let told = match self.forward(item(AlertMail::Opening), alert.mail).await? {
                AlertMailStatus::Sent | AlertMailStatus::Unknown => true,
                AlertMailStatus::Failed => false,
                AlertMailStatus::Pending | AlertMailStatus::Sending => continue,
            };
            match alert.recovery {
                Some(AlertMailStatus::Pending) if !told => self.give_up(item(AlertMail::Recovery), NOT_TOLD).await?,
                Some(status) => self.forward(item(AlertMail::Recovery), status).await?,
                None => continue,
            };
        }
        Ok(())
    }

    /// Takes one mail as far as it goes, and returns how far that is.
    async fn forward(&mut self, item: Item<'_>, status: AlertMailStatus) -> Result<AlertMailStatus, Error> {
        match status {
            AlertMailStatus::Sent | AlertMailStatus::Failed | AlertMailStatus::Unknown => Ok(status),
            AlertMailStatus::Sending => self.look_after(item).await,
            AlertMailStatus::Pending => self.send_pending(item).await,
        }
    }

    /// A mail that was taken long ago is held: SES may have it.
    async fn look_after(&mut self, item: Item<'_>) -> Result<AlertMailStatus, Error> {
        if item.taken_at().is_some_and(|at| self.now - at < delta(TAKEN_FOR)) {
            return Ok(AlertMailStatus::Sending);
        }
        self.failed(item, OUTCOME_UNKNOWN, "its sender was lost");
        self.record(item, AlertMailStatus::Unknown, Some(OUTCOME_UNKNOWN)).await
    }

    async fn send_pending(&mut self, item: Item<'_>) -> Result<AlertMailStatus, Error> {
        let Some(rule) = item.watched.rules.iter().find(|rule| rule.to_string() == item.alert.rule) else {
            return self.give_up(item, RULE_GONE).await;
        };
        // In ASCII, as SES takes them.
        let admins: Vec<_> = item.watched.settings.admins.iter().filter_map(EmailAddress::to_ascii).collect();
        let [to, cc @ ..] = admins.as_slice() else {
            return self.give_up(item, NO_ADMINS).await;
        };
        if self.now - item.since() > delta(MAX_AGE) {
            return self.give_up(item, TOO_LATE).await;
        }
        if item.taken_at().is_some_and(|at| self.now - at < delta(TRY_AGAIN)) {
            return Ok(AlertMailStatus::Pending);
        }
        if self.mails_left == 0 || pace::remaining(self.deadline) < RESERVE + MIN_SEND_TIME {
            return Ok(AlertMailStatus::Pending);
        }
        let letter = self.letter(item, rule).await?;
        if !self.take(item).await? {
            return Ok(AlertMailStatus::Sending);
        }
        let (status, code) = match self.send(to, cc, letter).await {
            Ok(_) => (AlertMailStatus::Sent, None),
            Err(error) => {
                self.failed(item, error.code(), &stage::error_chain(&error));
                (after(&error), Some(error.code()))
            }
        };
        self.record(item, status, code).await
    }

    async fn letter(&self, item: Item<'_>, rule: &Rule) -> Result<Rendered, Error> {
        let (store, Item { watched, alert, mail }) = (&self.context.store, item);
        let letter = Letter {
            tenant_id: watched.tenant_id,
            tenant_name: watched.name,
            rule,
            cool_down: watched.cool_down(),
            region: &self.context.region,
            queues: &self.context.step_queues,
        };
        let since = alert.opened_at - delta(rule.window());
        let failures = store.failures_since(watched.tenant_id, since).await.map_err(Error::Watch)?;
        let evidence =
            Evidence::of(rule, &failures, watched.still, self.now).unwrap_or_else(|| Evidence::of_row(alert));
        let (AlertMail::Recovery, Some((_, closed_at))) = (mail, alert.closed) else {
            return letter.alert(&evidence, since).map_err(Error::Letter);
        };
        let (opened_at, last_failure_at) = (alert.opened_at, alert.last_failure_at);
        let last_success = store.last_success(watched.tenant_id, rule.step(), last_failure_at).await;
        let last_success = last_success.map_err(Error::Watch)?;
        let integration = match rule {
            Rule::Disabled(id) => Some(store.integration(watched.tenant_id, id).await.map_err(Error::Watch)?),
            Rule::Threshold(_) | Rule::Failed(_) | Rule::Waiting(_) => None,
        };
        let integration = integration.flatten().map(|integration| integration.state);
        let recovery = Recovery { opened_at, closed_at, last_failure_at, last_success, integration };
        letter.recovery(&evidence, &recovery).map_err(Error::Letter)
    }

    async fn send(&mut self, to: &EmailAddress, cc: &[EmailAddress], letter: Rendered) -> Result<String, SendError> {
        let envelope = Envelope {
            from_name: None,
            from: &self.context.sender_address,
            reply_to: None,
            to,
            cc,
            bcc: &[],
            configuration_set: None,
            headers: &[],
            tags: &[],
        };
        let time = SEND_TIME.min(pace::remaining(self.deadline).saturating_sub(RESERVE));
        let sent = self.context.sender.send(&envelope, letter, Vec::new(), time).await;
        self.mails_left -= 1;
        match &sent {
            Ok(_) => self.report.mailed += 1,
            // The next mail would fare no better, and each one that is not answered is held for good.
            Err(error) if is_of_all_mails(error) => self.mails_left = 0,
            Err(_) => {}
        }
        sent
    }

    /// Counts a mail that SES has not got, or may not have got.
    fn failed(&mut self, item: Item<'_>, code: Code, error: &str) {
        let (tenant, rule, code) = (item.watched.tenant_id, &item.alert.rule, code.as_str());
        tracing::error!(tenant.id = %tenant, rule, code, error, "could not mail an alert");
        stage::metrics::alert_mail_failed();
        self.report.mails_failed += 1;
    }

    /// Ends a mail that is not sent.
    async fn give_up(&self, item: Item<'_>, code: Code) -> Result<AlertMailStatus, Error> {
        if !self.take(item).await? {
            return Ok(AlertMailStatus::Sending);
        }
        let (tenant, rule) = (item.watched.tenant_id, &item.alert.rule);
        tracing::warn!(tenant.id = %tenant, rule, code = code.as_str(), "an alert is not mailed");
        self.record(item, AlertMailStatus::Failed, Some(code)).await
    }

    /// `false` if another run was first.
    async fn take(&self, item: Item<'_>) -> Result<bool, Error> {
        let Item { watched, alert, mail } = item;
        let taken = self.context.store.take_alert_mail(watched.tenant_id, alert.alert_id, mail).await;
        taken.map_err(Error::Watch)
    }

    async fn record(
        &self,
        item: Item<'_>,
        status: AlertMailStatus,
        code: Option<Code>,
    ) -> Result<AlertMailStatus, Error> {
        let (store, Item { watched, alert, mail }) = (&self.context.store, item);
        let recorded = store.record_alert_mail(watched.tenant_id, alert.alert_id, mail, status, code).await;
        recorded.map(|()| status).map_err(Error::Watch)
    }
}

fn is_of_all_mails(error: &SendError) -> bool {
    match error {
        SendError::Refused { refusal, .. } => error.is_busy() || refusal.is_of_account(),
        SendError::NotReached(_) | SendError::Unanswered(_) | SendError::NoMessageId => true,
        SendError::Request(_) => false,
    }
}

/// What SES surely has not got is sent again by a later run; what it may have is not.
fn after(error: &SendError) -> AlertMailStatus {
    match error {
        SendError::Unanswered(_) | SendError::NoMessageId => AlertMailStatus::Unknown,
        SendError::NotReached(_) | SendError::Refused { .. } => AlertMailStatus::Pending,
        // It is not a request, and never will be.
        SendError::Request(_) => AlertMailStatus::Failed,
    }
}
