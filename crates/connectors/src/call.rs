//! Requests to third parties that failed.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;

use crate::reason::Reason;

/// The longest label of an error answer that is logged, in characters; HubSpot's and Salesforce's have at most 40.
const MAX_LABEL_LENGTH: usize = 60;

/// An error answer, without its message: CRMs repeat addresses in it.
#[derive(Debug)]
pub struct ErrorAnswer {
    /// The third party that gave it.
    pub party: &'static str,
    pub status: StatusCode,
    pub reason: Reason,
    /// Codes, correlation ids and names of fields, as far as they look like what they should be.
    pub labels: Vec<String>,
    /// The record that is there already.
    pub existing: Option<String>,
    pub retry_after: Option<Duration>,
}

impl fmt::Display for ErrorAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered with {}", self.party, self.status.as_u16())?;
        self.labels.iter().try_for_each(|label| write!(f, " {label}"))
    }
}

impl ErrorAnswer {
    /// Status and labels, for an administrator who asks the third party about them.
    pub fn details(&self) -> String {
        let labels: String = self.labels.iter().map(|label| format!(", {label}")).collect();
        format!("HTTP {}{labels}", self.status.as_u16())
    }
}

/// A text of an error answer, if it looks like a code or an id and can hold nothing personal.
pub fn label(text: &str) -> Option<String> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (!text.is_empty() && text.len() <= MAX_LABEL_LENGTH && text.chars().all(known)).then(|| text.to_owned())
}

/// A request that failed. The texts hold no personal data.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer: the request may have had its effect.
    #[error("{operation}: no answer")]
    Send {
        operation: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("{operation}: {answer}")]
    Refused { operation: &'static str, answer: ErrorAnswer },
    /// Done, but the answer is unknown to us.
    #[error("{operation}: the answer is not as documented")]
    Unreadable { operation: &'static str },
    #[error("{operation}: the answer is incomplete")]
    Incomplete { operation: &'static str },
    #[error("{operation}: the invocation is about to end")]
    OutOfTime { operation: &'static str },
}

impl CallError {
    pub fn reason(&self) -> Reason {
        match self {
            Self::Send { source, .. } if source.is_timeout() => Reason::TimedOut,
            Self::Send { .. } => Reason::Unreachable,
            Self::Unreadable { .. } | Self::Incomplete { .. } => Reason::UnreadableAnswer,
            Self::OutOfTime { .. } => Reason::OutOfTime,
            Self::Refused { answer, .. } => answer.reason,
        }
    }

    /// Whether the same request may get another answer soon.
    pub fn is_momentary(&self) -> bool {
        // Asked again, an answer that is not as documented is the same, and a conflict is with what is there.
        let lasts = matches!(self.reason(), Reason::UnreadableAnswer | Reason::Conflict);
        self.reason().row().next.is_retried() && !lasts
    }

    pub fn answer(&self) -> Option<&ErrorAnswer> {
        match self {
            Self::Refused { answer, .. } => Some(answer),
            Self::Send { .. } | Self::Unreadable { .. } | Self::Incomplete { .. } | Self::OutOfTime { .. } => None,
        }
    }

    pub fn is(&self, reason: Reason) -> bool {
        self.reason() == reason
    }

    /// Makes a missing person a conflict: they were merged or deleted a moment ago, and the next attempt finds who is
    /// there now.
    pub fn if_gone_again(mut self) -> Self {
        if let Self::Refused { answer, .. } = &mut self
            && answer.reason == Reason::NotFound
        {
            answer.reason = Reason::Conflict;
        }
        self
    }

    /// The record that is there already.
    pub fn existing(&self) -> Option<&str> {
        self.answer().and_then(|answer| answer.existing.as_deref())
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
