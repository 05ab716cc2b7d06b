//! Decides what an error of a sync means to its step and to its integration.
//!
//! Errors before a sync is admitted, such as an unknown session, mean nothing to the integration: the stage judges them.

use std::time::Duration;

use connectors::Error;
use connectors::reason::{HealthSign, Next, Reason, ReasonRow};
use domain::integration::{INTEGRATION_DISABLED, Integration, IntegrationConfig};
use domain::step::Code;
use stage::{Outcome, error_chain};
use store::gates::{Health, Standing};

use crate::DISABLED_WAIT;

/// The longest rest that is granted: HubSpot's 477 asks for a day at most.
const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);

/// The integration has failed for [`FAILING_LIMIT`].
pub(crate) const FAILING: Code = Code::new("failing");
/// Failing for so long without a success disables: a receiver that is down over a weekend loses nothing.
const FAILING_LIMIT: Duration = Duration::from_secs(FAILING_DAYS * 24 * 3600);
pub(crate) const FAILING_DAYS: u64 = 5;

/// The meaning of an error to the step and to the integration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judgement {
    pub(crate) code: Code,
    pub(crate) health: Health,
    pub(crate) next: Next,
    /// HubSpot no longer has the property that the last check found: the retry does without.
    pub(crate) forgets_note_key: bool,
}

impl Judgement {
    /// Reads the row of the error's reason.
    pub(crate) fn of(error: &Error, integration: &Integration) -> Self {
        let ReasonRow { code, next, health: sign, .. } = error.reason().row();
        let is_webhook = matches!(integration.config, IntegrationConfig::Webhook(_));
        let forgets_note_key = error.reason() == Reason::FieldRefused && integration.connection.unique_note_property;
        let health = match sign {
            HealthSign::Nothing => Health::Unknown,
            HealthSign::Unsure => Health::Unsure,
            HealthSign::Down => Health::Down,
            HealthSign::Answered if is_webhook => Health::Refuses,
            HealthSign::Answered => Health::Works,
        };
        let asked = error.call().and_then(|call| call.answer()?.retry_after);
        let rest = |after: Duration| {
            let after = after.min(LONGEST_REST);
            let health = match is_webhook {
                true => Health::LimitedAndRefuses { after, code },
                false => Health::Limited { after, code },
            };
            (health, Next::Wait(after))
        };
        let (health, next) = match (next, asked) {
            _ if forgets_note_key => (health, Next::Retry),
            (Next::Rest(after), asked) => rest(asked.unwrap_or(after)),
            (Next::RestOrRetry, Some(asked)) => rest(asked),
            (Next::RestOrRetry, None) => (health, Next::Retry),
            (Next::RetryAfter(after), asked) => (health, Next::RetryAfter(asked.unwrap_or(after))),
            (next, _) => (health, next),
        };
        Self { code, health, next, forgets_note_key }
    }

    /// Decides whether the integration is disabled, and with which code. A replay is no sign of lasting failure.
    pub(crate) fn disables(&self, standing: Standing, is_replay: bool) -> Option<Code> {
        let is_failure = matches!(self.health, Health::Down | Health::Refuses | Health::LimitedAndRefuses { .. });
        match self.next {
            Next::Disable => Some(self.code),
            _ if is_failure && standing.failing_for >= FAILING_LIMIT && !is_replay => Some(FAILING),
            _ => None,
        }
    }

    /// Decides the outcome, as the integration stands after the sync.
    pub(crate) fn outcome(&self, error: &Error, standing: Standing, is_replay: bool) -> Outcome {
        let (code, reason) = (self.code, || error_chain(error));
        let next = self.disables(standing, is_replay).map_or(self.next, |_| Next::Disable);
        match (next, standing.open_for) {
            (Next::Fail, _) => Outcome::Final { code, reason: reason() },
            (Next::Skip, _) => Outcome::Skipped(code),
            (Next::Disable, _) => Outcome::Wait { after: DISABLED_WAIT, code: INTEGRATION_DISABLED },
            (Next::Wait(after) | Next::Rest(after), _) => Outcome::Wait { after, code },
            // No sync is admitted before: a delivery would be used up for nothing.
            (Next::Retry | Next::RestOrRetry | Next::Turn | Next::RetryAfter(_), Some(open_for)) => {
                Outcome::Wait { after: open_for, code }
            }
            (Next::RetryAfter(after), None) => Outcome::Retry { after: Some(after), code, reason: reason() },
            (Next::Retry | Next::RestOrRetry | Next::Turn, None) => {
                Outcome::Retry { after: None, code, reason: reason() }
            }
        }
    }
}

/// The sign of health that counts for the integration.
pub(crate) fn counted(health: Health, is_replay: bool, is_cut_short: bool) -> Health {
    let health = match health {
        // The request had less time than it should have.
        Health::Down if is_cut_short => Health::Unsure,
        health => health,
    };
    if !is_replay {
        return health;
    }
    // An operator tries something out, which counts neither for nor against the integration; a rest is granted.
    match health {
        Health::Works | Health::Unknown => Health::Unknown,
        Health::Down | Health::Refuses | Health::Unsure => Health::Unsure,
        Health::Limited { after, code } | Health::LimitedAndRefuses { after, code } => Health::Limited { after, code },
    }
}
