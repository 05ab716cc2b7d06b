//! What speaks for a rule: failures, steps that wait, or an integration that is disabled.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::SessionId;
use domain::integration::Disabled;
use domain::settings::alerts::StageName;
use serde_json::{Map, Value};
use store::alerts::Alert;
use store::failures::{FailureCount, WaitingSteps};
use store::integrations::DisabledIntegration;

use super::rule::Rule;

/// Session ids in a mail.
const MAX_SESSIONS: usize = 10;

/// Steps of one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// `None` where that is no longer known.
    pub(crate) step: Option<StageName>,
    pub(crate) code: String,
    pub(crate) count: i64,
}

/// What was found; there is always something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) groups: Vec<Group>,
    /// Up to 10.
    pub(crate) sessions: Vec<SessionId>,
    /// There are more of them.
    pub(crate) more_sessions: bool,
    pub(crate) last_at: DateTime<Utc>,
    /// Why an integration was disabled, in words.
    pub(crate) reason: Option<String>,
}

/// What stands still, whenever it began to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Still<'a> {
    pub(crate) waiting: &'a [WaitingSteps],
    pub(crate) disabled: &'a [DisabledIntegration],
}

impl Evidence {
    /// What there is of a rule, or `None`. `failures` are those of its window.
    pub(crate) fn of(rule: &Rule, failures: &[FailureCount], still: Still<'_>, now: DateTime<Utc>) -> Option<Self> {
        match rule {
            Rule::Threshold(threshold) => {
                let counts = |count: &&FailureCount| threshold.step.is_none_or(|step| step == count.step);
                Self::of_failures(failures.iter().filter(counts))
            }
            Rule::Failed(code) => Self::of_failures(failures.iter().filter(|count| count.code == code.as_str())),
            Rule::Waiting(code) => {
                let found = still.waiting.iter().find(|steps| steps.code == code.as_str())?;
                let group = Group { step: rule.step(), code: found.code.clone(), count: found.steps };
                let more_sessions = found.steps > i64::try_from(found.sessions.len()).unwrap_or(i64::MAX);
                let sessions = found.sessions.clone();
                Some(Self { groups: vec![group], sessions, more_sessions, last_at: now, reason: None })
            }
            Rule::Disabled(id) => {
                let found = still.disabled.iter().find(|found| found.integration_id == *id)?;
                let Disabled { code, reason, since } = found.disabled.clone();
                let group = Group { step: rule.step(), code, count: found.waiting };
                let (sessions, reason) = (Vec::new(), Some(reason));
                Some(Self { groups: vec![group], sessions, more_sessions: false, last_at: since, reason })
            }
        }
    }

    fn of_failures<'f>(failures: impl Iterator<Item = &'f FailureCount>) -> Option<Self> {
        let mut counts: Vec<_> = failures.collect();
        let last_at = counts.iter().map(|count| count.last_at).max()?;
        let groups = counts
            .iter()
            .map(|count| Group { step: Some(count.step), code: count.code.clone(), count: count.failures })
            .collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.last_at));
        let mut sessions: Vec<SessionId> = Vec::new();
        for session in counts.iter().flat_map(|count| &count.sessions) {
            if !sessions.contains(session) {
                sessions.push(session.clone());
            }
        }
        let listed = |count: &&FailureCount| count.session_count > i64::try_from(count.sessions.len()).unwrap_or(0);
        let more_sessions = sessions.len() > MAX_SESSIONS || counts.iter().any(listed);
        sessions.truncate(MAX_SESSIONS);
        Some(Self { groups, sessions, more_sessions, last_at, reason: None })
    }

    /// What an alert's row tells, for when the failures themselves are gone.
    pub(crate) fn of_row(alert: &Alert) -> Self {
        let codes = alert.codes.as_object().cloned().unwrap_or_default();
        let group = |(code, count): (String, Value)| Group { step: None, code, count: count.as_i64().unwrap_or(0) };
        Self {
            groups: codes.into_iter().map(group).collect(),
            sessions: Vec::new(),
            more_sessions: true,
            last_at: alert.last_failure_at,
            reason: None,
        }
    }

    pub(crate) fn total(&self) -> i64 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// How many of each code, for the alert's row.
    pub(crate) fn codes(&self) -> Value {
        let mut codes = BTreeMap::<&str, i64>::new();
        for group in &self.groups {
            *codes.entry(&group.code).or_default() += group.count;
        }
        Value::Object(codes.into_iter().map(|(code, count)| (code.to_owned(), count.into())).collect::<Map<_, _>>())
    }
}
