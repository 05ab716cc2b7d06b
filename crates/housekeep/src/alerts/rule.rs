//! What is too much.

use std::fmt;
use std::time::Duration;

use domain::id::IntegrationId;
use domain::settings::AlertSettings;
use domain::settings::alerts::{StageName, Threshold};
use domain::step::Code;
use store::alerts::Alert;
use store::integrations::DisabledIntegration;

/// Codes that one failure is enough of: they are about the account or its sender, so every mail will fail.
pub(crate) const OPERATORS: [Code; 6] = [
    Code::new("ses_sender_not_verified"),
    Code::new("ses_account_suspended"),
    Code::new("ses_sending_paused"),
    Code::new("ses_message_rejected"),
    Code::new("ses_access_denied"),
    Code::new("ses_not_found"),
];
/// Codes of steps that wait until an operator has done something.
pub(crate) const WAITING: [Code; 1] = [Code::new("model_price_unknown")];

/// Minutes without a failure with an operator's code, after which it counts as mended: tenants with little traffic have
/// a mail to send only now and then.
const OPERATORS_MINUTES: u64 = 60;
/// Minutes without a waiting step, after which it counts as mended: such a step looks again every hour, and does not
/// wait while it stands in its queue and looks.
const WAITING_MINUTES: u64 = 60;
/// Minutes without a failure, at least, after which it works again: with less, one that comes and goes would mail each
/// time.
const MIN_QUIET_MINUTES: u64 = 15;

/// What an alert is about; as text `all:5/15`, `notify:3/10`, `code:ses_sending_paused`, `waiting:model_price_unknown`,
/// `integration:hubspot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The tenant's own.
    Threshold(Threshold),
    /// Steps that failed with an operator's code.
    Failed(Code),
    /// Steps that wait for an operator.
    Waiting(Code),
    /// An integration that the service has disabled.
    Disabled(IntegrationId),
}

/// Begins the text of a rule about an integration.
const INTEGRATION: &str = "integration:";

impl Rule {
    /// The tenant's thresholds, each once, the built-in rules, and those of integrations: that are disabled, or that
    /// alerts are at work about.
    pub(crate) fn all(settings: &AlertSettings, disabled: &[DisabledIntegration], at_work: &[Alert]) -> Vec<Self> {
        let mut rules = Vec::new();
        let own = settings.thresholds.iter().copied().map(Self::Threshold);
        let built_in = OPERATORS.map(Self::Failed).into_iter().chain(WAITING.map(Self::Waiting));
        let disabled = disabled.iter().map(|found| Self::Disabled(found.integration_id.clone()));
        let told = at_work.iter().filter_map(|alert| Self::of_integration(&alert.rule));
        for rule in own.chain(built_in).chain(disabled).chain(told) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        rules
    }

    fn of_integration(text: &str) -> Option<Self> {
        text.strip_prefix(INTEGRATION)?.parse().ok().map(Self::Disabled)
    }

    /// How many are too many.
    pub(crate) fn least(&self) -> i64 {
        match self {
            Self::Threshold(threshold) => threshold.failures.get().into(),
            Self::Failed(_) | Self::Waiting(_) => 1,
            // Also while no session waits for it.
            Self::Disabled(_) => 0,
        }
    }

    /// For how long failures count.
    pub(crate) fn window(&self) -> Duration {
        let minutes = match self {
            Self::Threshold(threshold) => threshold.minutes.get().into(),
            Self::Failed(_) => OPERATORS_MINUTES,
            Self::Waiting(_) => WAITING_MINUTES,
            Self::Disabled(_) => 0,
        };
        Duration::from_secs(minutes * 60)
    }

    /// After so long without any it works again.
    pub(crate) fn quiet(&self) -> Duration {
        match self {
            Self::Threshold(_) | Self::Failed(_) | Self::Waiting(_) => {
                self.window().max(Duration::from_secs(MIN_QUIET_MINUTES * 60))
            }
            // Somebody has mended it: no chance.
            Self::Disabled(_) => Duration::ZERO,
        }
    }

    /// `None`: all of them.
    pub(crate) fn step(&self) -> Option<StageName> {
        match self {
            Self::Threshold(threshold) => threshold.step,
            Self::Failed(_) => Some(StageName::Notify),
            Self::Waiting(_) => Some(StageName::Analyze),
            Self::Disabled(_) => Some(StageName::CrmSync),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threshold(threshold) => threshold.fmt(f),
            Self::Failed(code) => write!(f, "code:{code}"),
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
        let rules = Rule::all(&serde_json::from_value(settings).unwrap(), &[], &[]);
        let texts: Vec<_> = rules.iter().map(Rule::to_string).collect();
        assert_eq!(texts[..3], ["notify:3/10", "all:5/15", "code:ses_sender_not_verified"]);
        assert_eq!((texts.len(), texts[8].as_str()), (9, "waiting:model_price_unknown"));
    }

    #[test]
    fn the_rule_of_an_integration_is_read_from_its_text() {
        let rule = Rule::Disabled("eu:crm".parse().unwrap());
        assert_eq!(Rule::of_integration(&rule.to_string()), Some(rule));
        for text in ["integration:", "integration:a b", "all:5/15"] {
            assert_eq!(Rule::of_integration(text), None, "{text}");
        }
    }
}
