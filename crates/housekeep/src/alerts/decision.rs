//! Decides whether an alert opens, goes on or ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use store::alerts::{Alert, AlertMailStatus};

use super::evidence::AlertEvidence;
use super::rule::AlertRule;

/// Changes to the alert of a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum AlertDecision<'a> {
    Keep,
    Open(&'a AlertEvidence),
    /// Writes later failures into the row of the open alert.
    Update(&'a Alert, &'a AlertEvidence),
    Recover(&'a Alert),
    /// Closes the open alert, whose cool-down is over while it goes on, and opens the next one.
    Reopen(&'a Alert, &'a AlertEvidence),
}

/// Compares the `evidence` within the rule's window, and the `recent` evidence within its quiet time, with the open
/// alert.
pub(crate) fn decide<'a>(
    rule: &AlertRule,
    open: Option<&'a Alert>,
    evidence: Option<&'a AlertEvidence>,
    recent: Option<&'a AlertEvidence>,
    cool_down: Duration,
    now: DateTime<Utc>,
) -> AlertDecision<'a> {
    match (open, evidence) {
        (None, Some(evidence)) if evidence.total() >= rule.least() => AlertDecision::Open(evidence),
        (None, _) => AlertDecision::Keep,
        (Some(alert), None) => match recent {
            Some(recent) if recent.last_at > alert.last_failure_at => AlertDecision::Update(alert, recent),
            None if now - alert.last_failure_at >= delta(rule.quiet()) => AlertDecision::Recover(alert),
            Some(_) | None => AlertDecision::Keep,
        },
        (Some(alert), Some(evidence)) => {
            if goes_on(rule, alert, evidence) && now - alert.opened_at >= delta(cool_down) {
                AlertDecision::Reopen(alert, evidence)
            } else if evidence.last_at > alert.last_failure_at {
                AlertDecision::Update(alert, evidence)
            } else {
                AlertDecision::Keep
            }
        }
    }
}

/// Returns whether there is enough evidence for another mail, some of it newer than the last mail.
fn goes_on(rule: &AlertRule, alert: &Alert, evidence: &AlertEvidence) -> bool {
    let is_mailed = match alert.mail_status {
        // This mail reports the newer failures too when it is sent.
        AlertMailStatus::Pending | AlertMailStatus::Sending => false,
        AlertMailStatus::Sent | AlertMailStatus::Failed | AlertMailStatus::Unknown => true,
    };
    is_mailed && evidence.total() >= rule.least() && evidence.last_at > alert.opened_at
}

/// Converts a window or a cool-down, which are days at most.
pub(crate) fn delta(duration: Duration) -> chrono::TimeDelta {
    chrono::TimeDelta::from_std(duration).unwrap_or(chrono::TimeDelta::MAX)
}
