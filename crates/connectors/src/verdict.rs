//! What a failed sync means: to the message, to the integration and to those who administer it.

use std::time::Duration;

use domain::integration::IntegrationConfig;
use domain::step::Code;
use stage::{Failure, Outcome};
use store::gates::{Health, Standing};

use crate::call::{CallError, Trouble};
use crate::error::Error;
use crate::secrets::SecretError;

pub use domain::integration::INTEGRATION_DISABLED as DISABLED;

/// How often a step looks whether its integration was mended; who mends it through `cargo xtask integrations` wakes it
/// at once.
pub const DISABLED_WAIT: Duration = Duration::from_secs(24 * 3600);
/// A daily limit ends at midnight of the account's time zone, or 24 hours after the requests; one sync an hour finds
/// out.
pub const DAILY_LIMIT_WAIT: Duration = Duration::from_secs(3600);
/// Where no interval is named: HubSpot's, which is the longest.
pub const RATE_LIMIT_WAIT: Duration = Duration::from_secs(10);
/// The longest rest that is granted, whatever is asked for: HubSpot's 477 asks for a day at most.
pub const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);
/// A locked record is free again within seconds; HubSpot asks for two at least.
const LOCKED_WAIT: Duration = Duration::from_secs(5);
/// Another function gets a token, or writes another version, within a second.
const SHORT_WAIT: Duration = Duration::from_secs(2);
/// Another function makes the person within seconds; where nobody knows whether it has, its lease lasts for a minute,
/// and each look takes two requests.
const PERSON_WAIT: Duration = Duration::from_secs(5);
/// Failing for so long, without a success, switches an integration off.
pub const FAILING_LIMIT: Duration = Duration::from_secs(5 * 24 * 3600);

/// What is to be done about an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub health: Health,
    pub next: Next,
}

/// What becomes of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It fails.
    Fail,
    /// Another delivery, which counts.
    Retry(Option<Duration>),
    /// Another delivery, which does not.
    Wait(Duration),
    /// There is nothing to be done for this session.
    Skip,
    /// The integration cannot work: it is switched off, and the step waits until it is mended.
    Disable,
}

impl Verdict {
    pub fn of(error: &Error, config: &IntegrationConfig) -> Self {
        match error {
            Error::Store(_) => Self::own(if error.is_retryable() { Next::Retry(None) } else { Next::Fail }),
            Error::UnknownIntegration
            | Error::UnknownSession
            | Error::UnknownAnalysis
            | Error::UnknownEvent
            | Error::UnknownEmail
            | Error::NoWebhook => Self::own(Next::Fail),
            Error::Secret(SecretError::Unavailable(_)) => Self::own(Next::Wait(RATE_LIMIT_WAIT)),
            Error::ForeignUrl | Error::Secret(_) => Self::own(Next::Disable),
            Error::Renewing | Error::OtherVersion => Self::own(Next::Wait(SHORT_WAIT)),
            Error::OtherSession => Self::own(Next::Wait(PERSON_WAIT)),
            Error::Token(error) | Error::Crm(error) => Self::of_call(error, config),
            Error::Webhook(error) => error.verdict(),
        }
    }

    /// Says nothing of the third party.
    pub fn own(next: Next) -> Self {
        let health = match next {
            Next::Retry(_) => Health::Unsure,
            Next::Fail | Next::Wait(_) | Next::Skip | Next::Disable => Health::Unknown,
        };
        Self { health, next }
    }

    /// Whether it is one of the failures for which an integration is switched off in the end.
    pub fn is_failure(&self) -> bool {
        matches!(self.health, Health::Down | Health::Refuses | Health::LimitedAndRefuses { .. })
    }

    /// What a replay says: whoever asked for it tries something out, which counts neither for nor against the
    /// integration. A rest that is asked for is granted all the same.
    pub fn of_replay(&self) -> Health {
        match self.health {
            Health::Works | Health::Unknown => Health::Unknown,
            Health::Down | Health::Refuses | Health::Unsure => Health::Unsure,
            Health::Limited { after, code } | Health::LimitedAndRefuses { after, code } => {
                Health::Limited { after, code }
            }
        }
    }

    /// The request was given less time than it is meant to have.
    pub fn cut_short(self) -> Self {
        let health = if self.health == Health::Down { Health::Unsure } else { self.health };
        Self { health, ..self }
    }

    fn of_call(error: &CallError, config: &IntegrationConfig) -> Self {
        let down = Self { health: Health::Down, next: Next::Retry(None) };
        let works = |next| Self { health: Health::Works, next };
        match error {
            CallError::Send { .. } => down,
            CallError::Unreadable { .. } | CallError::Incomplete { .. } | CallError::OutOfTime { .. } => {
                Self::own(Next::Retry(None))
            }
            CallError::Refused { refusal, .. } => match refusal.trouble {
                Trouble::Unauthorized => Self::own(Next::Disable),
                // HubSpot's says that a scope is missing; Salesforce's may be about the one record.
                Trouble::Forbidden if matches!(config, IntegrationConfig::Hubspot(_)) => Self::own(Next::Disable),
                Trouble::RateLimited => limited(refusal.retry_after.unwrap_or(RATE_LIMIT_WAIT), error.code()),
                Trouble::DailyLimit => limited(refusal.retry_after.unwrap_or(DAILY_LIMIT_WAIT), error.code()),
                Trouble::Unavailable => match refusal.retry_after {
                    Some(after) => limited(after, error.code()),
                    None => down,
                },
                Trouble::Locked => works(Next::Retry(Some(refusal.retry_after.unwrap_or(LOCKED_WAIT)))),
                Trouble::Conflict => works(Next::Retry(None)),
                Trouble::InvalidEmail => works(Next::Skip),
                Trouble::Forbidden | Trouble::NotFound | Trouble::Field | Trouble::Required | Trouble::Rejected => {
                    works(Next::Fail)
                }
            },
        }
    }

    /// What becomes of the step, as the integration stands after it.
    pub fn outcome(&self, code: Code, standing: Standing) -> Outcome {
        match (self.next, standing.open_for) {
            (Next::Fail, _) => Outcome::Final(code),
            (Next::Skip, _) => Outcome::Skipped(code),
            (Next::Disable, _) => Outcome::Wait { after: DISABLED_WAIT, code: DISABLED },
            (Next::Wait(after), _) => Outcome::Wait { after, code },
            // Nobody is let through before: a delivery would be used up for nothing.
            (Next::Retry(_), Some(open_for)) => Outcome::Wait { after: open_for, code },
            (Next::Retry(after), None) => Outcome::Retry { after, code },
        }
    }
}

/// It has said when to come again.
pub fn limited(after: Duration, code: Code) -> Verdict {
    let after = after.min(LONGEST_REST);
    Verdict { health: Health::Limited { after, code }, next: Next::Wait(after) }
}
