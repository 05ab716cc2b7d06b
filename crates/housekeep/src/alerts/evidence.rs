//! Evidence for an alert: failures, steps that wait, or an integration that is disabled.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::SessionId;
use domain::integration::Disabled;
use domain::step::StageName;
use serde_json::{Value, json};
use store::alerts::Alert;
use store::failures::{FailureCount, MAX_SESSIONS, WaitingSteps};
use store::integrations::DisabledIntegration;

use super::rule::AlertRule;

/// Number of steps with one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeCount {
    /// `None` if it was read from an alert's row, which keeps only codes.
    pub(crate) step: Option<StageName>,
    pub(crate) code: String,
    pub(crate) count: i64,
}

/// Evidence for a rule; there is at least one count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlertEvidence {
    pub(crate) counts: Vec<CodeCount>,
    /// Up to [`MAX_SESSIONS`].
    pub(crate) sessions: Vec<SessionId>,
    /// Whether there are more sessions than `sessions` names.
    pub(crate) more_sessions: bool,
    pub(crate) last_at: DateTime<Utc>,
    /// Explains to administrators why an integration was disabled.
    pub(crate) reason: Option<String>,
}

/// Steps and integrations that stand still, however long ago they stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stalled<'a> {
    pub(crate) waiting: &'a [WaitingSteps],
    pub(crate) disabled: &'a [DisabledIntegration],
}

impl AlertEvidence {
    /// Collects the evidence for a rule, if there is any. `failures` are those within its window.
    pub(crate) fn of(
        rule: &AlertRule,
        failures: &[FailureCount],
        stalled: Stalled<'_>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        match rule {
            AlertRule::Threshold(threshold) => {
                let counts = |count: &&FailureCount| threshold.step.is_none_or(|step| step == count.step);
                Self::of_failures(failures.iter().filter(counts))
            }
            AlertRule::Refused(refusal) => {
                Self::of_failures(failures.iter().filter(|count| count.code == refusal.as_str()))
            }
            AlertRule::Waiting(code) => {
                let found = stalled.waiting.iter().find(|steps| steps.code == code.as_str())?;
                let counts = vec![CodeCount { step: rule.step(), code: found.code.clone(), count: found.steps }];
                let more_sessions = found.steps > i64::try_from(found.sessions.len()).unwrap_or(i64::MAX);
                Some(Self { counts, sessions: found.sessions.clone(), more_sessions, last_at: now, reason: None })
            }
            AlertRule::Disabled(id) => {
                let found = stalled.disabled.iter().find(|found| found.integration_id == *id)?;
                let Disabled { code, reason, since } = found.disabled.clone();
                let counts = vec![CodeCount { step: rule.step(), code, count: found.waiting }];
                let (sessions, reason) = (Vec::new(), Some(reason));
                Some(Self { counts, sessions, more_sessions: false, last_at: since, reason })
            }
        }
    }

    fn of_failures<'f>(failures: impl Iterator<Item = &'f FailureCount>) -> Option<Self> {
        let mut failures: Vec<_> = failures.collect();
        let last_at = failures.iter().map(|count| count.last_at).max()?;
        let count = |of: &&FailureCount| CodeCount { step: Some(of.step), code: of.code.clone(), count: of.failures };
        let counts = failures.iter().map(count).collect();
        failures.sort_by_key(|count| std::cmp::Reverse(count.last_at));
        let mut sessions: Vec<SessionId> = Vec::new();
        for session in failures.iter().flat_map(|count| &count.sessions) {
            if !sessions.contains(session) {
                sessions.push(session.clone());
            }
        }
        let has_more = |count: &&FailureCount| count.session_count > i64::try_from(count.sessions.len()).unwrap_or(0);
        let more_sessions = sessions.len() > MAX_SESSIONS || failures.iter().any(has_more);
        sessions.truncate(MAX_SESSIONS);
        Some(Self { counts, sessions, more_sessions, last_at, reason: None })
    }

    /// Reads what an alert's row keeps of failures that are gone.
    pub(crate) fn of_row(alert: &Alert) -> Self {
        let codes = alert.codes.as_object().into_iter().flatten();
        let count = |(code, count): (&String, &Value)| CodeCount {
            step: None,
            code: code.clone(),
            count: count.as_i64().unwrap_or(0),
        };
        let (counts, last_at) = (codes.map(count).collect(), alert.last_failure_at);
        Self { counts, sessions: Vec::new(), more_sessions: true, last_at, reason: None }
    }

    pub(crate) fn total(&self) -> i64 {
        self.counts.iter().map(|count| count.count).sum()
    }

    /// Counts by code, for the alert's row.
    pub(crate) fn codes(&self) -> Value {
        let mut codes = BTreeMap::<&str, i64>::new();
        for CodeCount { code, count, .. } in &self.counts {
            *codes.entry(code).or_default() += count;
        }
        json!(codes)
    }
}
