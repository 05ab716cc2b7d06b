//! Steps of a session: each is done by one stage, and once.

use std::fmt;

use uuid::Uuid;

use crate::id::{IntegrationId, SessionId, TenantId};
use crate::text_enum;

/// The version of a session's first analysis; each later version is one more.
pub const FIRST_VERSION: i32 = 1;

/// One step of a session.
///
/// Logs show `analyze`, `notify`, `crm_sync:<integration id>`, of later versions `analyze@2`, `notify@2`,
/// `crm_sync@2:<integration id>`; and `webhook_event:<integration id>/<event id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    Analyze {
        version: i32,
    },
    Notify {
        version: i32,
    },
    CrmSync {
        version: i32,
        integration: IntegrationId,
    },
    /// Sends an event of `webhook_events` to its webhook. The session ends without this step.
    WebhookEvent {
        integration: IntegrationId,
        event_id: Uuid,
    },
}

text_enum! {
    /// The stage that runs a step: alerts and metrics count by stage, whatever the step's version and integration.
    pub enum StageName {
        Analyze = "analyze",
        Notify = "notify",
        CrmSync = "crm_sync",
    }
}

impl Step {
    /// The version of the analysis that the step makes or follows from; 0 for an event, which names its own.
    pub fn version(&self) -> i32 {
        match self {
            Self::Analyze { version } | Self::Notify { version } | Self::CrmSync { version, .. } => *version,
            Self::WebhookEvent { .. } => 0,
        }
    }

    /// The third party that the step is for.
    pub fn integration(&self) -> Option<&IntegrationId> {
        match self {
            Self::Analyze { .. } | Self::Notify { .. } => None,
            Self::CrmSync { integration, .. } | Self::WebhookEvent { integration, .. } => Some(integration),
        }
    }

    /// The text of `steps.kind`. The session ends with its steps of all kinds but `webhook_event`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Analyze { .. } | Self::Notify { .. } | Self::CrmSync { .. } => self.stage().as_str(),
            Self::WebhookEvent { .. } => "webhook_event",
        }
    }

    pub fn stage(&self) -> StageName {
        match self {
            Self::Analyze { .. } => StageName::Analyze,
            Self::Notify { .. } => StageName::Notify,
            Self::CrmSync { .. } | Self::WebhookEvent { .. } => StageName::CrmSync,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        if self.version() > FIRST_VERSION {
            write!(f, "@{}", self.version())?;
        }
        match self {
            Self::Analyze { .. } | Self::Notify { .. } => Ok(()),
            Self::CrmSync { integration, .. } => write!(f, ":{integration}"),
            Self::WebhookEvent { integration, event_id } => write!(f, ":{integration}/{event_id}"),
        }
    }
}

/// The key of a step's row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StepKey {
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub step: Step,
}

/// The code of a step that waits until an operator enters the price of its model.
pub const MODEL_PRICE_UNKNOWN: Code = Code::new("model_price_unknown");

/// A short machine-readable reason, such as `invalid_email`, for which a step was skipped or failed.
///
/// A constant of our code, never text from outside; lower case letters, digits and `_`.
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
    fn a_step_is_shown_with_its_version_and_integration() {
        let integration: IntegrationId = "hubspot:main".parse().unwrap();
        for (version, suffix) in [(1, ""), (2, "@2"), (10, "@10")] {
            for (step, text) in [
                (Step::Analyze { version }, format!("analyze{suffix}")),
                (Step::Notify { version }, format!("notify{suffix}")),
                (Step::CrmSync { version, integration: integration.clone() }, format!("crm_sync{suffix}:hubspot:main")),
            ] {
                assert_eq!((step.to_string(), step.version()), (text, version));
            }
        }
        let event_id: Uuid = "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap();
        let event = Step::WebhookEvent { integration, event_id };
        assert_eq!(event.to_string(), format!("webhook_event:hubspot:main/{event_id}"));
        assert_eq!((event.version(), event.stage()), (0, StageName::CrmSync));
    }
}
