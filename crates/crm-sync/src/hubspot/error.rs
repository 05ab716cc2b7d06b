//! Why a request to HubSpot failed, and whether another delivery can help.

use std::time::Duration;

use domain::step::Code;

use super::refusal::{Cause, Refusal};

/// A request to HubSpot that failed; the text completes "failed to …" and holds no personal data.
#[derive(Debug, thiserror::Error)]
pub enum HubSpotError {
    /// No answer: the request may have had its effect.
    #[error("{operation}")]
    Send {
        operation: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("{operation}: HubSpot answered with {refusal}")]
    Refused { operation: &'static str, refusal: Refusal },
    /// Done, but the answer says nothing we know.
    #[error("{operation}: the answer is not as documented")]
    Unreadable { operation: &'static str },
    #[error("{operation}: the answer is incomplete")]
    Incomplete { operation: &'static str },
    #[error("{operation}: the invocation is about to end")]
    OutOfTime { operation: &'static str },
}

impl HubSpotError {
    /// Whether another delivery can help.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Send { .. } | Self::Unreadable { .. } | Self::Incomplete { .. } | Self::OutOfTime { .. } => true,
            Self::Refused { refusal, .. } => match refusal.cause {
                Cause::RateLimited | Cause::DailyLimit | Cause::Unavailable | Cause::Conflict => true,
                Cause::Unauthorized | Cause::Forbidden | Cause::NotFound | Cause::InvalidEmail | Cause::Rejected => {
                    false
                }
            },
        }
    }

    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Send { source, .. } if source.is_timeout() => Code::new("timed_out"),
            Self::Send { .. } => Code::new("unreachable"),
            Self::Unreadable { .. } | Self::Incomplete { .. } => Code::new("unreadable_answer"),
            Self::OutOfTime { .. } => Code::new("out_of_time"),
            Self::Refused { refusal, .. } => refusal.cause.code(),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { refusal, .. } => refusal.retry_after,
            Self::Send { .. } | Self::Unreadable { .. } | Self::Incomplete { .. } | Self::OutOfTime { .. } => None,
        }
    }

    pub(crate) fn is_unauthorized(&self) -> bool {
        self.cause() == Some(Cause::Unauthorized)
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.cause() == Some(Cause::NotFound)
    }

    pub(super) fn is_invalid_email(&self) -> bool {
        self.cause() == Some(Cause::InvalidEmail)
    }

    /// The contact that has the address already.
    pub(super) fn existing_contact(&self) -> Option<&str> {
        match self {
            Self::Refused { refusal, .. } => refusal.existing_contact.as_deref(),
            Self::Send { .. } | Self::Unreadable { .. } | Self::Incomplete { .. } | Self::OutOfTime { .. } => None,
        }
    }

    fn cause(&self) -> Option<Cause> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.cause),
            Self::Send { .. } | Self::Unreadable { .. } | Self::Incomplete { .. } | Self::OutOfTime { .. } => None,
        }
    }
}
