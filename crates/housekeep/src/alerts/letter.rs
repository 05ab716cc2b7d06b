//! The mails to a tenant's admins.

mod disabled;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::integration::IntegrationState;
use domain::settings::alerts::StageName;
use mail::{Notice, Rendered, TemplateError, Values, notice};

use super::console::queue_page;
use super::evidence::{Evidence, Group};
use super::rule::Rule;
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

/// What both mails are about.
pub(crate) struct Letter<'a> {
    pub(crate) tenant_id: &'a TenantId,
    pub(crate) tenant_name: &'a str,
    pub(crate) rule: &'a Rule,
    pub(crate) cool_down: Duration,
    pub(crate) region: &'a str,
    pub(crate) queues: &'a StepQueues,
}

/// How an alert ended.
pub(crate) struct Recovery {
    pub(crate) opened_at: DateTime<Utc>,
    pub(crate) closed_at: DateTime<Utc>,
    pub(crate) last_failure_at: DateTime<Utc>,
    /// When a step of the rule was last done after that.
    pub(crate) last_success: Option<DateTime<Utc>>,
    /// What has become of the integration that the rule is about.
    pub(crate) integration: Option<IntegrationState>,
}

impl Letter<'_> {
    /// `since`: from when on `evidence` was counted.
    pub(crate) fn alert(&self, evidence: &Evidence, since: DateTime<Utc>) -> Result<Rendered, TemplateError> {
        let (state, since) = match self.rule {
            Rule::Threshold(_) | Rule::Failed(_) => ("failed", Some(minute(since))),
            Rule::Waiting(_) => ("waiting", None),
            Rule::Disabled(id) => return self.disabled(id, evidence),
        };
        let group = |Group { step, code, count }: &Group| {
            Values::new()
                .number("count", *count)
                .text("step", step.map_or("step", StageName::as_str))
                .text("code", code)
        };
        let sessions = evidence.sessions.iter().map(|session| Values::new().text("id", session.as_ref()));
        let values = self
            .values(evidence)
            .number("total", evidence.total())
            .text("state", state)
            .optional("since", since.as_deref())
            .text("meaning", self.meaning())
            .list("groups", evidence.groups.iter().map(group))
            .list("sessions", sessions)
            .optional("more_sessions", evidence.more_sessions.then_some("yes"))
            .text("cool_down", minutes(self.cool_down));
        notice(&ALERT, values)
    }

    pub(crate) fn recovery(&self, evidence: &Evidence, recovery: &Recovery) -> Result<Rendered, TemplateError> {
        let last_at = minute(recovery.last_failure_at);
        let in_all = match self.rule {
            Rule::Threshold(_) | Rule::Failed(_) => {
                format!("Failed in all: {}, the last at {last_at}.", evidence.total())
            }
            Rule::Waiting(_) => format!("A step was last seen waiting at {last_at}."),
            Rule::Disabled(id) => return self.mended(id, evidence, recovery),
        };
        let values = self
            .values(evidence)
            .text("opened_at", minute(recovery.opened_at))
            .text("closed_at", minute(recovery.closed_at))
            .text("in_all", in_all)
            .optional("last_success", recovery.last_success.map(minute).as_deref());
        notice(&RECOVERY, values)
    }

    fn values(&self, evidence: &Evidence) -> Values {
        let words = self.tenant_name.split(|c: char| c.is_whitespace() || c.is_control());
        let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let name: String = line.chars().take(MAX_NAME_CHARS).collect();
        Values::new()
            .text("tenant", name)
            .text("tenant_id", self.tenant_id.as_ref())
            .text("rule", self.rule.to_string())
            .text("recovered", self.recovered())
            .list("queues", self.pages(evidence))
    }

    fn meaning(&self) -> String {
        match self.rule {
            Rule::Threshold(threshold) => {
                let of = threshold.step.map_or("all steps", StageName::as_str);
                let window = minutes(self.rule.window());
                format!("{} or more failures of {of} within {window}", threshold.failures.get())
            }
            Rule::Failed(_) => "one failure with this code, because others will follow".to_owned(),
            Rule::Waiting(_) => "one step that waits for this".to_owned(),
            Rule::Disabled(_) => "an integration that the service has disabled".to_owned(),
        }
    }

    fn recovered(&self) -> String {
        let quiet = minutes(self.rule.quiet());
        match self.rule {
            Rule::Threshold(_) | Rule::Failed(_) => format!("no such step has failed for {quiet}"),
            Rule::Waiting(_) => format!("no such step has waited for {quiet}"),
            Rule::Disabled(_) => "it is no longer disabled".to_owned(),
        }
    }

    /// The dead-letter queues that hold what failed; a step that waits is in none.
    fn pages(&self, evidence: &Evidence) -> Vec<Values> {
        let known: BTreeSet<_> = evidence.groups.iter().filter_map(|group| group.step).collect();
        let steps = match self.rule {
            Rule::Threshold(_) | Rule::Failed(_) if known.is_empty() => StageName::ALL.into(),
            Rule::Threshold(_) | Rule::Failed(_) => known,
            Rule::Waiting(_) | Rule::Disabled(_) => BTreeSet::new(),
        };
        let page = |step: StageName| {
            let page = queue_page(self.region, &self.queues.of_stage(step).dead_letter_url);
            Values::new().text("step", step.as_str()).text("page", page)
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
