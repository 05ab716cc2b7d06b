//! The steps a session goes through; each is done by one stage, and once.

use std::fmt;
use std::str::FromStr;

use crate::id::{IntegrationId, InvalidId, SessionId, TenantId};

/// One step of a session. As text: `analyze`, `notify`, `crm_sync:<integration id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    Analyze,
    Notify,
    CrmSync(IntegrationId),
}

const CRM_SYNC_PREFIX: &str = "crm_sync:";

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Analyze => f.write_str("analyze"),
            Self::Notify => f.write_str("notify"),
            Self::CrmSync(integration) => write!(f, "{CRM_SYNC_PREFIX}{integration}"),
        }
    }
}

/// Why a text is not a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStep {
    #[error("unknown step")]
    Unknown,
    #[error("crm_sync without a valid integration id")]
    Integration(#[source] InvalidId),
}

impl FromStr for Step {
    type Err = InvalidStep;

    fn from_str(text: &str) -> Result<Self, InvalidStep> {
        match (text, text.strip_prefix(CRM_SYNC_PREFIX)) {
            ("analyze", _) => Ok(Self::Analyze),
            ("notify", _) => Ok(Self::Notify),
            (_, Some(id)) => id.parse().map(Self::CrmSync).map_err(InvalidStep::Integration),
            (_, None) => Err(InvalidStep::Unknown),
        }
    }
}

/// Where a step's row is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StepKey {
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub step: Step,
}

/// A short machine-readable reason, such as `invalid_email`: why a step was skipped or failed.
///
/// Written by our code only, never taken from outside; lower case letters, digits and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(&'static str);

impl Code {
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_round_trips_through_its_text() {
        for step in [Step::Analyze, Step::Notify, Step::CrmSync("hubspot-main".parse().unwrap())] {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        assert_eq!("crm_sync:".parse::<Step>(), Err(InvalidStep::Integration(InvalidId::Empty)));
        assert_eq!("mail".parse::<Step>(), Err(InvalidStep::Unknown));
    }
}
