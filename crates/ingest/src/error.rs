//! Why a request to the API was not accepted.

use domain::id::SessionId;
use domain::standard_webhooks::SignatureError;
use stage::queues::QueueError;

use crate::MAX_BODY_BYTES;
use crate::notification::FieldError;

/// A refusal; the text is the answer's `detail`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such path or method")]
    UnknownPath,
    #[error("the content type must be application/json")]
    ContentType,
    #[error("the body is not valid base64")]
    Base64(#[source] base64::DecodeError),
    #[error("the body has {bytes} bytes; at most {MAX_BODY_BYTES} are accepted")]
    TooLarge { bytes: usize },
    #[error("the signature was not accepted")]
    Signature(#[source] SignatureError),
    #[error("the body is not JSON")]
    Json(#[source] serde_json::Error),
    #[error("{} not as documented", fields(.0))]
    Invalid(Vec<FieldError>),
    #[error("the tenant is not known")]
    UnknownTenant,
    #[error("session {session_id} was notified before with other content")]
    Conflict { session_id: SessionId },
    #[error("the notification could not be stored")]
    Store(#[source] store::Error),
    #[error("the queue message could not be written")]
    Message(#[source] serde_json::Error),
    #[error("the session is stored but could not be queued")]
    Queue(#[source] QueueError),
}

fn fields(errors: &[FieldError]) -> String {
    match errors.len() {
        1 => "1 field is".to_owned(),
        n => format!("{n} fields are"),
    }
}

impl Error {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Base64(_) | Self::Json(_) => 400,
            Self::Signature(_) => 401,
            Self::UnknownPath => 404,
            Self::Conflict { .. } => 409,
            Self::TooLarge { .. } => 413,
            Self::ContentType => 415,
            Self::Invalid(_) | Self::UnknownTenant => 422,
            Self::Message(_) => 500,
            Self::Store(error) if !error.is_retryable() => 500,
            Self::Store(_) | Self::Queue(_) => 503,
        }
    }

    /// The last part of the problem's type URI.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown-path",
            Self::ContentType => "unsupported-content-type",
            Self::Base64(_) | Self::Json(_) => "malformed-body",
            Self::TooLarge { .. } => "body-too-large",
            Self::Signature(_) => "invalid-signature",
            Self::Invalid(_) | Self::UnknownTenant => "invalid-notification",
            Self::Conflict { .. } => "conflicting-notification",
            Self::Store(_) | Self::Message(_) | Self::Queue(_) => "unavailable",
        }
    }
}
