//! Whether an alert opens, goes on or ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use store::alerts::{Alert, AlertMailStatus};

use super::evidence::Evidence;
use super::rule::Rule;

/// What becomes of a rule's alert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict<'a> {
    /// Nothing has changed.
    Leave,
    Open(&'a Evidence),
    /// The open one has more to tell.
    Update(&'a Alert, &'a Evidence),
    /// The open one is over.
    Recovered(&'a Alert),
    /// The open one has been quiet for long enough: the next one opens.
    CooledDown(&'a Alert, &'a Evidence),
}

/// `evidence` is of the rule's window, `recent` of the time for which it has to be quiet.
pub(crate) fn judge<'a>(
    rule: &Rule,
    open: Option<&'a Alert>,
    evidence: Option<&'a Evidence>,
    recent: Option<&'a Evidence>,
    cool_down: Duration,
    now: DateTime<Utc>,
) -> Verdict<'a> {
    match (open, evidence) {
        (None, Some(evidence)) if evidence.total() >= rule.least() => Verdict::Open(evidence),
        (None, _) => Verdict::Leave,
        (Some(alert), None) => match recent {
            Some(recent) if recent.last_at > alert.last_failure_at => Verdict::Update(alert, recent),
            None if now - alert.last_failure_at >= delta(rule.quiet()) => Verdict::Recovered(alert),
            Some(_) | None => Verdict::Leave,
        },
        (Some(alert), Some(evidence)) => {
            if goes_on(rule, alert, evidence) && now - alert.opened_at >= delta(cool_down) {
                Verdict::CooledDown(alert, evidence)
            } else if evidence.last_at > alert.last_failure_at {
                Verdict::Update(alert, evidence)
            } else {
                Verdict::Leave
            }
        }
    }
}

/// There is enough for another mail, and something in it that the last one could not tell. As long as that one is still
/// to be sent, it will tell.
fn goes_on(rule: &Rule, alert: &Alert, evidence: &Evidence) -> bool {
    let told = match alert.mail {
        AlertMailStatus::Pending | AlertMailStatus::Sending => false,
        AlertMailStatus::Sent | AlertMailStatus::Failed | AlertMailStatus::Unknown => true,
    };
    told && evidence.total() >= rule.least() && evidence.last_at > alert.opened_at
}

/// All windows and cool-downs are days at most.
pub(crate) fn delta(duration: Duration) -> chrono::TimeDelta {
    chrono::TimeDelta::from_std(duration).unwrap_or(chrono::TimeDelta::MAX)
}
