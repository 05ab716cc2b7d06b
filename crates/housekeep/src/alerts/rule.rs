//! Rules of alerts: how many failures are too many.

use std::fmt;
use std::time::Duration;

use domain::id::IntegrationId;
use domain::settings::AlertSettings;
use domain::settings::alerts::Threshold;
use domain::step::{Code, MODEL_PRICE_UNKNOWN, StageName};
use mail::{RefusalScope, SesRefusal};
use store::alerts::Alert;
use store::integrations::DisabledIntegration;

/// Codes of steps that wait until an operator acts.
pub(crate) const WAITING: [Code; 1] = [MODEL_PRICE_UNKNOWN];

/// Minutes without a refusal with the same code until the alert recovers: tenants with little traffic send a mail only
/// now and then.
const REFUSED_MINUTES: u64 = 60;
/// Minutes without a waiting step until the alert recovers: such a step tries again every hour, and does not count as
/// waiting while its message is in the queue.
const WAITING_MINUTES: u64 = 60;
/// Fewest minutes without a failure until an alert recovers: with less, a failure that comes and goes would send a mail
/// each time.
const MIN_QUIET_MINUTES: u64 = 15;

/// Rule of an alert; as text `all:5/15`, `notify:3/10`, `code:ses_sending_paused`, `waiting:model_price_unknown`,
/// `integration:hubspot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AlertRule {
    /// Configured by the tenant.
    Threshold(Threshold),
    /// Mails that SES refuses for a reason that is, or may be, the same for every mail: one failure is enough.
    Refused(SesRefusal),
    /// Steps that wait for an operator.
    Waiting(Code),
    /// An integration that the service has disabled.
    Disabled(IntegrationId),
}

/// Prefix of the text of a rule about an integration.
const INTEGRATION: &str = "integration:";

impl AlertRule {
    /// Lists each rule of a tenant once: its thresholds, the built-in rules, and a rule for each integration that is
    /// disabled or has an alert at work.
    pub(crate) fn all(settings: &AlertSettings, disabled: &[DisabledIntegration], at_work: &[Alert]) -> Vec<Self> {
        let mut rules = Vec::new();
        let own = settings.thresholds.iter().copied().map(Self::Threshold);
        let is_lasting = |of: &SesRefusal| matches!(of.scope(), RefusalScope::Account | RefusalScope::Unclear);
        let refusals = SesRefusal::ALL.into_iter().filter(is_lasting).map(Self::Refused);
        let built_in = refusals.chain(WAITING.map(Self::Waiting));
        let disabled = disabled.iter().map(|found| Self::Disabled(found.integration_id.clone()));
        let alerted = at_work.iter().filter_map(|alert| Self::of_integration(&alert.rule));
        for rule in own.chain(built_in).chain(disabled).chain(alerted) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        rules
    }

    fn of_integration(text: &str) -> Option<Self> {
        text.strip_prefix(INTEGRATION)?.parse().ok().map(Self::Disabled)
    }

    /// Fewest failures that open an alert.
    pub(crate) fn least(&self) -> i64 {
        match self {
            Self::Threshold(threshold) => threshold.failures.get().into(),
            Self::Refused(_) | Self::Waiting(_) => 1,
            // An alert opens also while no session waits for the integration.
            Self::Disabled(_) => 0,
        }
    }

    /// Time for which a failure counts.
    pub(crate) fn window(&self) -> Duration {
        let minutes = match self {
            Self::Threshold(threshold) => threshold.minutes.get().into(),
            Self::Refused(_) => REFUSED_MINUTES,
            Self::Waiting(_) => WAITING_MINUTES,
            Self::Disabled(_) => 0,
        };
        Duration::from_secs(minutes * 60)
    }

    /// Time without a failure after which the alert recovers.
    pub(crate) fn quiet(&self) -> Duration {
        match self {
            Self::Threshold(_) | Self::Refused(_) | Self::Waiting(_) => {
                self.window().max(Duration::from_secs(MIN_QUIET_MINUTES * 60))
            }
            // An integration is enabled by hand, never by chance.
            Self::Disabled(_) => Duration::ZERO,
        }
    }

    /// Kind of step that the rule is about; `None` for all kinds.
    pub(crate) fn step(&self) -> Option<StageName> {
        match self {
            Self::Threshold(threshold) => threshold.step,
            Self::Refused(_) => Some(StageName::Notify),
            Self::Waiting(_) => Some(StageName::Analyze),
            Self::Disabled(_) => Some(StageName::CrmSync),
        }
    }
}

impl fmt::Display for AlertRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threshold(threshold) => threshold.fmt(f),
            Self::Refused(refusal) => write!(f, "code:{}", refusal.as_str()),
            Self::Waiting(code) => write!(f, "waiting:{code}"),
            Self::Disabled(id) => write!(f, "{INTEGRATION}{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_a_tenant_are_its_thresholds_once_and_the_built_in_ones() {
        let settings = serde_json::json!({ "thresholds": [
            { "failures": 3, "minutes": 10, "step": "notify" },
            { "failures": 5, "minutes": 15 },
            { "failures": 5, "minutes": 15 },
        ] });
        let rules = AlertRule::all(&serde_json::from_value(settings).unwrap(), &[], &[]);
        let texts: Vec<_> = rules.iter().map(AlertRule::to_string).collect();
        let expected = [
            "notify:3/10",
            "all:5/15",
            "code:ses_account_suspended",
            "code:ses_sending_paused",
            "code:ses_message_rejected",
            "code:ses_sender_not_verified",
            "code:ses_not_found",
            "code:ses_access_denied",
            "waiting:model_price_unknown",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn the_rule_of_an_integration_is_read_from_its_text() {
        let rule = AlertRule::Disabled("eu:crm".parse().unwrap());
        assert_eq!(AlertRule::of_integration(&rule.to_string()), Some(rule));
        for text in ["integration:", "integration:a b", "all:5/15"] {
            assert_eq!(AlertRule::of_integration(text), None, "{text}");
        }
    }
}
