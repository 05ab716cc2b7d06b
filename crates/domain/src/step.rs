//! The steps a session goes through; each is done by one stage, and once.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::event::{Event, InvalidEvent};
use crate::id::{IntegrationId, InvalidId, SessionId, TenantId};
use crate::settings::alerts::StepKind;

/// The version of a session's first analysis; each later one is counted on.
pub const FIRST_VERSION: i32 = 1;

/// One step of a session, for one version of its analysis.
///
/// As text: `analyze`, `notify`, `crm_sync:<integration id>`; of later versions `analyze@2`, `notify@2`,
/// `crm_sync@2:<integration id>`.
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
    /// Sends a webhook an event; the session ends without it.
    Tell {
        integration: IntegrationId,
        event: Event,
        replay: Option<Uuid>,
    },
}

impl Step {
    /// The version of the analysis that the step makes or follows from.
    pub fn version(&self) -> i32 {
        match self {
            Self::Analyze { version } | Self::Notify { version } | Self::CrmSync { version, .. } => *version,
            Self::Tell { event: Event::SessionAnalyzed { version }, .. } => *version,
            Self::Tell { event: Event::SessionFailed { .. } | Event::EmailStatus { .. }, .. } => FIRST_VERSION,
        }
    }

    /// Whether the session ends only with it.
    pub fn is_of_session(&self) -> bool {
        match self {
            Self::Analyze { .. } | Self::Notify { .. } | Self::CrmSync { .. } => true,
            Self::Tell { .. } => false,
        }
    }

    /// The third party it is for.
    pub fn integration(&self) -> Option<&IntegrationId> {
        match self {
            Self::Analyze { .. } | Self::Notify { .. } => None,
            Self::CrmSync { integration, .. } | Self::Tell { integration, .. } => Some(integration),
        }
    }

    pub fn kind(&self) -> StepKind {
        match self {
            Self::Analyze { .. } => StepKind::Analyze,
            Self::Notify { .. } => StepKind::Notify,
            Self::CrmSync { .. } | Self::Tell { .. } => StepKind::CrmSync,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().as_str())?;
        if self.is_of_session() && self.version() != FIRST_VERSION {
            write!(f, "@{}", self.version())?;
        }
        match self {
            Self::Analyze { .. } | Self::Notify { .. } => Ok(()),
            Self::CrmSync { integration, .. } => write!(f, ":{integration}"),
            Self::Tell { integration, event, replay } => {
                write!(f, ":{integration}/{event}")?;
                replay.iter().try_for_each(|id| write!(f, "/{id}"))
            }
        }
    }
}

/// Why a text is not a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStep {
    #[error("unknown step")]
    Unknown,
    #[error("a version that is no number above {FIRST_VERSION}")]
    Version,
    #[error("crm_sync without a valid integration id")]
    Integration(#[source] InvalidId),
    #[error("crm_sync with a slash and no event behind it")]
    Event(#[source] InvalidEvent),
    #[error("a replay without a valid id")]
    Replay,
}

impl FromStr for Step {
    type Err = InvalidStep;

    /// Each step has one text: versions are written as [`fmt::Display`] writes them.
    fn from_str(text: &str) -> Result<Self, InvalidStep> {
        let (kind, integration) = match text.split_once(':') {
            Some((kind, integration)) => (kind, Some(integration)),
            None => (text, None),
        };
        let (name, version) = match kind.split_once('@') {
            Some((name, version)) => (name, later_version(version).ok_or(InvalidStep::Version)?),
            None => (kind, FIRST_VERSION),
        };
        match (name, integration) {
            ("analyze", None) => Ok(Self::Analyze { version }),
            ("notify", None) => Ok(Self::Notify { version }),
            ("crm_sync", Some(integration)) => match integration.split_once('/') {
                None => {
                    let integration = integration.parse().map_err(InvalidStep::Integration)?;
                    Ok(Self::CrmSync { version, integration })
                }
                Some((integration, event)) if version == FIRST_VERSION => tell(integration, event),
                Some(_) => Err(InvalidStep::Version),
            },
            _ => Err(InvalidStep::Unknown),
        }
    }
}

fn tell(integration: &str, event: &str) -> Result<Step, InvalidStep> {
    let (event, replay) = match event.split_once('/') {
        Some((event, replay)) => {
            let id: Uuid = replay.parse().map_err(|_| InvalidStep::Replay)?;
            (event, Some(id).filter(|id| id.to_string() == replay).ok_or(InvalidStep::Replay)?.into())
        }
        None => (event, None),
    };
    let integration = integration.parse().map_err(InvalidStep::Integration)?;
    Ok(Step::Tell { integration, event: event.parse().map_err(InvalidStep::Event)?, replay })
}

fn later_version(text: &str) -> Option<i32> {
    let version: i32 = text.parse().ok()?;
    (version > FIRST_VERSION && version.to_string() == text).then_some(version)
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
        for (version, suffix) in [(1, ""), (2, "@2"), (10, "@10")] {
            for (step, text) in [
                (Step::Analyze { version }, format!("analyze{suffix}")),
                (Step::Notify { version }, format!("notify{suffix}")),
                (
                    Step::CrmSync { version, integration: "hubspot:main".parse().unwrap() },
                    format!("crm_sync{suffix}:hubspot:main"),
                ),
            ] {
                assert_eq!((step.to_string(), step.version()), (text.clone(), version));
                assert_eq!(text.parse(), Ok(step));
            }
        }
    }

    #[test]
    fn a_step_that_only_tells_of_a_session_names_its_event() {
        let replay = "0190163d-8694-739b-aea5-966c26f8ad91";
        for (event, replay, text) in [
            (
                Event::SessionFailed { code: "lost".into(), time: 2 },
                None,
                "crm_sync:hook:1/session.failed@lost@2".to_owned(),
            ),
            (
                Event::SessionAnalyzed { version: 2 },
                Some(replay.parse().unwrap()),
                format!("crm_sync:hook:1/session.analyzed@2/{replay}"),
            ),
        ] {
            let step = Step::Tell { integration: "hook:1".parse().unwrap(), event, replay };
            assert_eq!(step.to_string(), text);
            assert_eq!((step.is_of_session(), step.kind()), (false, StepKind::CrmSync));
            assert_eq!(text.parse(), Ok(step));
        }
        for (text, error) in [
            ("crm_sync:hook/", InvalidStep::Event(InvalidEvent)),
            ("crm_sync:hook/session.failed@lost/", InvalidStep::Replay),
            ("crm_sync:hook/session.failed@lost/x", InvalidStep::Replay),
            ("crm_sync@2:hook/session.failed@lost", InvalidStep::Version),
            ("crm_sync:/session.failed@lost", InvalidStep::Integration(InvalidId::Empty)),
        ] {
            assert_eq!(text.parse::<Step>(), Err(error), "{text}");
        }
    }

    #[test]
    fn text_that_no_step_is_written_as_is_refused() {
        assert_eq!("crm_sync:".parse::<Step>(), Err(InvalidStep::Integration(InvalidId::Empty)));
        for text in ["mail", "crm_sync", "notify:hubspot", "", "@2"] {
            assert_eq!(text.parse::<Step>(), Err(InvalidStep::Unknown), "{text:?}");
        }
        for text in ["analyze@1", "analyze@0", "analyze@-2", "analyze@02", "analyze@+2", "analyze@", "notify@two"] {
            assert_eq!(text.parse::<Step>(), Err(InvalidStep::Version), "{text:?}");
        }
    }
}
