//! Errors of requests to the API.

use domain::id::SessionId;
use domain::standard_webhooks::SignatureError;
use stage::queues::QueueError;

/// Largest body in bytes: Lambda takes events of 6 MB, and base64 and JSON escapes make a body larger.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A field that is not as documented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// RFC 6901; empty for the whole document.
    pub pointer: String,
    pub detail: String,
}

impl FieldError {
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// Error that ends a request; the text is the answer's `detail`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("unknown path or method")]
    UnknownPath,
    #[error("the content type must be application/json")]
    ContentType,
    #[error("the body is not valid base64")]
    Base64(#[source] base64::DecodeError),
    #[error("the body has {bytes} bytes; at most {MAX_BODY_BYTES} are accepted")]
    TooLarge { bytes: usize },
    #[error("invalid signature")]
    Signature(#[source] SignatureError),
    #[error("the body is not valid JSON")]
    Json(#[source] serde_json::Error),
    #[error("{} not as documented", fields(.0))]
    Invalid(Vec<FieldError>),
    #[error("unknown tenant")]
    UnknownTenant,
    #[error("session {session_id} was notified before with other content")]
    Conflict { session_id: SessionId },
    /// The source names the statement.
    #[error("the notification was not stored")]
    Store(#[from] store::Error),
    #[error("queue message not written as JSON")]
    Message(#[source] serde_json::Error),
    #[error("the session was stored but not queued")]
    Queue(#[source] QueueError),
}

fn fields(errors: &[FieldError]) -> String {
    match errors.len() {
        1 => "1 field is".to_owned(),
        n => format!("{n} fields are"),
    }
}

impl Error {
    /// HTTP status of the answer.
    pub fn status(&self) -> u16 {
        self.problem().0
    }

    /// HTTP status, and the last part of the problem's type URI.
    pub(crate) fn problem(&self) -> (u16, &'static str) {
        match self {
            Self::Base64(_) | Self::Json(_) => (400, "malformed-body"),
            Self::Signature(_) => (401, "invalid-signature"),
            Self::UnknownPath => (404, "unknown-path"),
            Self::Conflict { .. } => (409, "conflicting-notification"),
            Self::TooLarge { .. } => (413, "body-too-large"),
            Self::ContentType => (415, "unsupported-content-type"),
            Self::Invalid(_) | Self::UnknownTenant => (422, "invalid-notification"),
            Self::Message(_) => (500, "unavailable"),
            // A repetition would fail the same way, so the caller is not asked for one.
            Self::Store(error) if !error.is_retryable() => (500, "unavailable"),
            Self::Store(_) | Self::Queue(_) => (503, "unavailable"),
        }
    }
}
