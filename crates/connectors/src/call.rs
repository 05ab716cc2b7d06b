//! A request to a CRM that failed: what all of them have in common.

use std::fmt;
use std::time::Duration;

use domain::step::Code;
use reqwest::StatusCode;

/// The longest label of an error answer that is logged, in characters; HubSpot's and Salesforce's have at most 40.
const MAX_LABEL_LENGTH: usize = 60;

/// What an error answer means to a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The token is wrong, expired or revoked.
    Unauthorized,
    /// The token is not allowed what every sync needs.
    Forbidden,
    NotFound,
    /// Somebody else was faster, or the same is there already.
    Conflict,
    /// The address is taken for none; says nothing of the integration.
    InvalidEmail,
    /// A limit of requests in seconds.
    RateLimited,
    /// A limit that ends with the day.
    DailyLimit,
    /// The record is held by another request.
    Locked,
    /// Down or overloaded.
    Unavailable,
    /// A field that was sent does not exist, or does not take its value.
    Field,
    /// Whoever administers the account wants a field that was not sent.
    Required,
    /// Anything else: the same request would be refused again.
    Rejected,
}

impl Trouble {
    /// Exhaustive: whether another delivery can help.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Conflict | Self::RateLimited | Self::DailyLimit | Self::Locked | Self::Unavailable => true,
            Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::InvalidEmail
            | Self::Field
            | Self::Required
            | Self::Rejected => false,
        }
    }

    pub fn code(self) -> Code {
        match self {
            Self::Unauthorized => Code::new("unauthorized"),
            Self::Forbidden => Code::new("forbidden"),
            Self::NotFound => Code::new("not_found"),
            Self::Conflict => Code::new("conflict"),
            Self::InvalidEmail => Code::new("invalid_email"),
            Self::RateLimited => Code::new("rate_limited"),
            Self::DailyLimit => Code::new("daily_limit"),
            Self::Locked => Code::new("locked"),
            Self::Unavailable => Code::new("unavailable"),
            Self::Field => Code::new("field_refused"),
            Self::Required => Code::new("field_required"),
            Self::Rejected => Code::new("rejected"),
        }
    }
}

/// An error answer, without its message: CRMs repeat addresses in it.
#[derive(Debug)]
pub struct Refusal {
    /// Whose.
    pub party: &'static str,
    pub status: StatusCode,
    pub trouble: Trouble,
    /// Codes, correlation ids and names of fields, as far as they look like what they should be.
    pub labels: Vec<String>,
    /// The record that is there already.
    pub existing: Option<String>,
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered with {}", self.party, self.status.as_u16())?;
        self.labels.iter().try_for_each(|label| write!(f, " {label}"))
    }
}

/// A text of an error answer, if it looks like a code or an id and can hold nothing personal.
pub fn label(text: &str) -> Option<String> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (!text.is_empty() && text.len() <= MAX_LABEL_LENGTH && text.chars().all(known)).then(|| text.to_owned())
}

/// A request that failed; the text completes "failed to …" and holds no personal data.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer: the request may have had its effect.
    #[error("{operation}")]
    Send {
        operation: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("{operation}: {refusal}")]
    Refused { operation: &'static str, refusal: Refusal },
    /// Done, but the answer says nothing we know.
    #[error("{operation}: the answer is not as documented")]
    Unreadable { operation: &'static str },
    #[error("{operation}: the answer is incomplete")]
    Incomplete { operation: &'static str },
    #[error("{operation}: the invocation is about to end")]
    OutOfTime { operation: &'static str },
}

impl CallError {
    /// Whether another delivery can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Send { .. } | Self::Unreadable { .. } | Self::Incomplete { .. } | Self::OutOfTime { .. } => true,
            Self::Refused { refusal, .. } => refusal.trouble.is_retryable(),
        }
    }

    /// Whether it is about the moment: the same request may get another answer soon.
    pub fn passes(&self) -> bool {
        match self {
            Self::Send { .. } | Self::OutOfTime { .. } => true,
            Self::Unreadable { .. } | Self::Incomplete { .. } => false,
            Self::Refused { refusal, .. } => match refusal.trouble {
                Trouble::RateLimited | Trouble::DailyLimit | Trouble::Locked | Trouble::Unavailable => true,
                Trouble::Unauthorized
                | Trouble::Forbidden
                | Trouble::NotFound
                | Trouble::Conflict
                | Trouble::InvalidEmail
                | Trouble::Field
                | Trouble::Required
                | Trouble::Rejected => false,
            },
        }
    }

    pub fn code(&self) -> Code {
        match self {
            Self::Send { source, .. } if source.is_timeout() => Code::new("timed_out"),
            Self::Send { .. } => Code::new("unreachable"),
            Self::Unreadable { .. } | Self::Incomplete { .. } => Code::new("unreadable_answer"),
            Self::OutOfTime { .. } => Code::new("out_of_time"),
            Self::Refused { refusal, .. } => refusal.trouble.code(),
        }
    }

    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            Self::Send { .. } | Self::Unreadable { .. } | Self::Incomplete { .. } | Self::OutOfTime { .. } => None,
        }
    }

    pub fn is(&self, trouble: Trouble) -> bool {
        self.refusal().is_some_and(|refusal| refusal.trouble == trouble)
    }

    /// About a person who was there a moment ago, and was merged with another or deleted since: whoever looks again
    /// finds who is there now.
    pub fn if_gone_again(mut self) -> Self {
        if let Self::Refused { refusal, .. } = &mut self
            && refusal.trouble == Trouble::NotFound
        {
            refusal.trouble = Trouble::Conflict;
        }
        self
    }

    /// The record that is there already.
    pub fn existing(&self) -> Option<&str> {
        self.refusal().and_then(|refusal| refusal.existing.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_and_ids_are_labels() {
        for text in ["CONFLICT", "aeb5f871-7f07-4993-9211-075dc63e7cbf", "UNABLE_TO_LOCK_ROW"] {
            assert_eq!(label(text).as_deref(), Some(text));
        }
        for text in ["", "ana@example.com", "two words", &"x".repeat(61)] {
            assert_eq!(label(text), None, "{text}");
        }
    }
}
