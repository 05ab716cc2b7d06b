//! E-mails to a tenant's admins.

mod integration;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::integration::IntegrationState;
use domain::step::StageName;
use mail::{Notice, RefusalScope, Rendered, TemplateError, Values, notice};

use super::console::queue_page;
use super::evidence::{AlertEvidence, CodeCount};
use super::rule::AlertRule;
use crate::StepQueues;

const ALERT: Notice = Notice {
    subject: include_str!("../../templates/alert/subject.txt.j2"),
    text: include_str!("../../templates/alert/body.txt.j2"),
};
const RECOVERY: Notice = Notice {
    subject: include_str!("../../templates/recovery/subject.txt.j2"),
    text: include_str!("../../templates/recovery/body.txt.j2"),
};

/// Characters of the tenant's name in a subject.
const MAX_NAME_CHARS: usize = 64;

/// E-mails about one alert: that it opened, and that it closed.
pub(crate) struct AlertEmail<'a> {
    pub(crate) tenant_id: &'a TenantId,
    pub(crate) tenant_name: &'a str,
    pub(crate) rule: &'a AlertRule,
    pub(crate) cool_down: Duration,
    pub(crate) region: &'a str,
    pub(crate) queues: &'a StepQueues,
}

/// End of an alert.
pub(crate) struct Recovery {
    pub(crate) opened_at: DateTime<Utc>,
    pub(crate) closed_at: DateTime<Utc>,
    pub(crate) last_failure_at: DateTime<Utc>,
    /// Latest success of a step of the rule since then.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// State of the integration that the rule is about, now.
    pub(crate) integration: Option<IntegrationState>,
}

impl AlertEmail<'_> {
    /// Writes the mail about an open alert. `evidence` was counted from `since` on.
    pub(crate) fn alert(&self, evidence: &AlertEvidence, since: DateTime<Utc>) -> Result<Rendered, TemplateError> {
        let (state, since) = match self.rule {
            AlertRule::Threshold(_) | AlertRule::Refused(_) => ("failed", Some(minute(since))),
            AlertRule::Waiting(_) => ("waiting", None),
            AlertRule::Disabled(id) => return self.disabled(id, evidence),
        };
        let group = |CodeCount { step, code, count }: &CodeCount| {
            Values::new().with("count", *count).with("step", step.map_or("step", StageName::as_str)).with("code", code)
        };
        let sessions = evidence.sessions.iter().map(|session| Values::new().with("id", session.as_ref()));
        let values = self
            .values(evidence)
            .with("total", evidence.total())
            .with("state", state)
            .optional("since", since.as_deref())
            .with("meaning", self.meaning())
            .list("groups", evidence.counts.iter().map(group))
            .list("sessions", sessions)
            .optional("more_sessions", evidence.more_sessions.then_some("yes"))
            .with("cool_down", minutes(self.cool_down));
        notice(&ALERT, values)
    }

    /// Writes the mail about a closed alert.
    pub(crate) fn recovery(&self, evidence: &AlertEvidence, recovery: &Recovery) -> Result<Rendered, TemplateError> {
        let last_at = minute(recovery.last_failure_at);
        let in_all = match self.rule {
            AlertRule::Threshold(_) | AlertRule::Refused(_) => match evidence.total() {
                1 => format!("1 step failed in all, at {last_at}."),
                total => format!("{total} steps failed in all, the last one at {last_at}."),
            },
            AlertRule::Waiting(_) => format!("A step was last seen waiting at {last_at}."),
            AlertRule::Disabled(id) => return self.changed(id, evidence, recovery),
        };
        let values = self
            .values(evidence)
            .with("opened_at", minute(recovery.opened_at))
            .with("closed_at", minute(recovery.closed_at))
            .with("in_all", in_all)
            .optional("last_success", recovery.last_success.map(minute).as_deref());
        notice(&RECOVERY, values)
    }

    fn values(&self, evidence: &AlertEvidence) -> Values {
        let words = self.tenant_name.split(|c: char| c.is_whitespace() || c.is_control());
        let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let name: String = line.chars().take(MAX_NAME_CHARS).collect();
        Values::new()
            .with("tenant", name)
            .with("tenant_id", self.tenant_id.as_ref())
            .with("rule", self.rule.to_string())
            .with("recovered", self.recovered())
            .list("queues", self.pages(evidence))
    }

    fn meaning(&self) -> String {
        match self.rule {
            AlertRule::Threshold(threshold) => {
                let of = threshold.step.map_or("any step", StageName::as_str);
                let window = minutes(self.rule.window());
                format!("{} or more failures of {of} within {window}", threshold.failures.get())
            }
            AlertRule::Refused(refusal) if refusal.scope() == RefusalScope::Account => {
                "one failure with this code is enough, because every later step will fail too".to_owned()
            }
            AlertRule::Refused(_) => {
                "one failure with this code is enough, because SES may refuse every mail; see whether others are sent"
                    .to_owned()
            }
            AlertRule::Waiting(_) => "one step that waits with this code".to_owned(),
            AlertRule::Disabled(_) => "an integration that the service has disabled".to_owned(),
        }
    }

    fn recovered(&self) -> String {
        let quiet = minutes(self.rule.quiet());
        match self.rule {
            AlertRule::Threshold(_) | AlertRule::Refused(_) => format!("no such step has failed for {quiet}"),
            AlertRule::Waiting(_) => format!("no such step has waited for {quiet}"),
            AlertRule::Disabled(_) => "the integration is no longer disabled".to_owned(),
        }
    }

    /// Pages of the dead-letter queues that hold the failed messages. Waiting steps have no message there.
    fn pages(&self, evidence: &AlertEvidence) -> Vec<Values> {
        let known: BTreeSet<_> = evidence.counts.iter().filter_map(|group| group.step).collect();
        let steps = match self.rule {
            AlertRule::Threshold(_) | AlertRule::Refused(_) if known.is_empty() => StageName::ALL.into(),
            AlertRule::Threshold(_) | AlertRule::Refused(_) => known,
            AlertRule::Waiting(_) | AlertRule::Disabled(_) => BTreeSet::new(),
        };
        let page = |step: StageName| {
            let page = queue_page(self.region, &self.queues.of(step).dead_letter_url);
            Values::new().with("step", step.as_str()).with("page", page)
        };
        steps.into_iter().map(page).collect()
    }
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn minutes(duration: Duration) -> String {
    match duration.as_secs() / 60 {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests;
