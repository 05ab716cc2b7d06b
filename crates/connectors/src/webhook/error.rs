//! Why a webhook was not delivered, and whether another delivery can help.

use std::time::Duration;

use domain::step::Code;
use reqwest::StatusCode;
use store::gates::Health;

use super::address::Violation;
use super::sign::InvalidSigningSecret;
use crate::verdict::{LONGEST_REST, Next, RATE_LIMIT_WAIT, Verdict};

/// What an answer other than 2xx means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Never followed: the target was not checked.
    Redirect,
    Unauthorized,
    /// The receiver wants no more webhooks.
    Gone,
    /// Asked too often.
    RateLimited,
    /// Overloaded, down or too slow.
    Unavailable,
    Rejected,
}

impl Cause {
    /// `None` for success.
    pub(super) fn of(status: StatusCode) -> Option<Self> {
        match status.as_u16() {
            200..=299 => None,
            300..=399 => Some(Self::Redirect),
            401 => Some(Self::Unauthorized),
            410 => Some(Self::Gone),
            501 => Some(Self::Rejected),
            429 => Some(Self::RateLimited),
            408 | 500.. => Some(Self::Unavailable),
            _ => Some(Self::Rejected),
        }
    }
}

/// A webhook that was not delivered; the text completes "failed to …" and names neither URL nor content.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("use the URL")]
    Forbidden(#[source] Violation),
    #[error("use the signing secret")]
    Secret(#[source] InvalidSigningSecret),
    /// No answer: the receiver may have got it, and knows a repetition by its id.
    #[error("send the request")]
    Send(#[source] reqwest::Error),
    #[error("have it accepted: the receiver answered with {status}")]
    Refused { status: StatusCode, cause: Cause, retry_after: Option<Duration> },
    #[error("send the request: the invocation is about to end")]
    OutOfTime,
}

impl WebhookError {
    /// A request that was not sent because of its target's address, or that got no answer.
    pub(super) fn of_send(error: reqwest::Error) -> Self {
        match Violation::in_chain(&error) {
            Some(violation) => Self::Forbidden(violation),
            None => Self::Send(error.without_url()),
        }
    }

    /// Whether another delivery can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Send(_) | Self::OutOfTime => true,
            Self::Forbidden(_) | Self::Secret(_) => false,
            Self::Refused { cause, .. } => match cause {
                Cause::RateLimited | Cause::Unavailable => true,
                Cause::Redirect | Cause::Unauthorized | Cause::Gone | Cause::Rejected => false,
            },
        }
    }

    pub fn code(&self) -> Code {
        match self {
            Self::Forbidden(_) => Code::new("forbidden_url"),
            Self::Secret(_) => Code::new("invalid_secret"),
            Self::Send(source) if source.is_timeout() => Code::new("timed_out"),
            Self::Send(_) => Code::new("unreachable"),
            Self::OutOfTime => Code::new("out_of_time"),
            Self::Refused { cause, .. } => match cause {
                Cause::Redirect => Code::new("redirected"),
                Cause::Unauthorized => Code::new("unauthorized"),
                Cause::Gone => Code::new("gone"),
                Cause::RateLimited => Code::new("rate_limited"),
                Cause::Unavailable => Code::new("unavailable"),
                Cause::Rejected => Code::new("rejected"),
            },
        }
    }

    /// Any answer but 2xx counts as a failure of the receiver; one that is down also opens the circuit. What it refuses
    /// for good, it refuses for this event only, until it has done so for days.
    pub fn verdict(&self) -> Verdict {
        let refuses = |next| Verdict { health: Health::Refuses, next };
        let down = Verdict { health: Health::Down, next: Next::Retry(None) };
        let rests = |after| {
            let health = Health::LimitedAndRefuses { after, code: self.code() };
            Verdict { health, next: Next::Wait(after) }
        };
        match self {
            Self::Forbidden(_) | Self::Secret(_) => Verdict::own(Next::Disable),
            Self::Send(_) => down,
            Self::OutOfTime => Verdict::own(Next::Retry(None)),
            Self::Refused { cause, retry_after, .. } => match (cause, retry_after) {
                (Cause::Gone, _) => refuses(Next::Disable),
                (Cause::RateLimited | Cause::Unavailable, Some(after)) => rests(LONGEST_REST.min(*after)),
                (Cause::RateLimited, None) => rests(RATE_LIMIT_WAIT),
                (Cause::Unavailable, None) => down,
                (Cause::Redirect | Cause::Unauthorized | Cause::Rejected, _) => refuses(Next::Fail),
            },
        }
    }

    /// The secret was refused, or signs nothing: another may have taken its place.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { cause: Cause::Unauthorized, .. } | Self::Secret(_))
    }
}
