//! Errors of requests to Bedrock that got no reply.

use std::fmt;
use std::time::Duration;

use aws_sdk_bedrockruntime::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse::ConverseError;

/// A request without a reply.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("invalid request to the model")]
    Build(#[source] BuildError),
    #[error("invalid JSON schema of the answer")]
    Schema(#[source] serde_json::Error),
    #[error("invalid tool input in the conversation")]
    ToolInput(#[source] serde_json::Error),
    #[error("{kind}")]
    NoReply { kind: NoReply, source: Box<SdkError<ConverseError>> },
}

/// Reasons for which Bedrock gave no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoReply {
    Throttled,
    NotReady,
    Unavailable,
    Internal,
    Timeout,
    AccessDenied,
    UnknownModel,
    Rejected,
    InputTooLong,
}

impl NoReply {
    /// Returns the code, whether another delivery can help, and the explanation.
    fn facts(self) -> (&'static str, bool, &'static str) {
        match self {
            Self::Throttled => ("model_throttled", true, "the model is throttled"),
            Self::NotReady => ("model_not_ready", true, "the model is not ready yet"),
            Self::Unavailable => ("model_unavailable", true, "the model is not available now"),
            Self::Internal => ("model_unavailable", true, "Bedrock has an internal error"),
            Self::Timeout => ("model_timeout", true, "the model did not answer in time"),
            Self::AccessDenied => ("model_access_denied", false, "access to the model is denied"),
            Self::UnknownModel => ("model_not_found", false, "the model is unknown"),
            Self::Rejected => (REJECTED, false, "Bedrock rejected the request"),
            Self::InputTooLong => ("transcript_too_long", false, "the transcript does not fit the model"),
        }
    }
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts().2)
    }
}

const REJECTED: &str = "model_rejected_request";

impl ModelError {
    /// Returns whether another delivery can help.
    pub fn is_retryable(&self) -> bool {
        self.kind().is_some_and(|kind| kind.facts().1)
    }

    pub fn code(&self) -> &'static str {
        self.kind().map_or(REJECTED, |kind| kind.facts().0)
    }

    /// Returns `None` for a request that was never sent.
    pub(crate) fn kind(&self) -> Option<NoReply> {
        match self {
            Self::NoReply { kind, .. } => Some(*kind),
            Self::Build(_) | Self::Schema(_) | Self::ToolInput(_) => None,
        }
    }

    /// Returns the wait that Bedrock asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NoReply { source, .. } if self.is_retryable() => {
                source.raw_response()?.headers().get("retry-after")?.trim().parse().ok().map(Duration::from_secs)
            }
            Self::NoReply { .. } | Self::Build(_) | Self::Schema(_) | Self::ToolInput(_) => None,
        }
    }

    pub(super) fn from_sdk(error: SdkError<ConverseError>) -> Self {
        let kind = match &error {
            SdkError::TimeoutError(_) => NoReply::Timeout,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => NoReply::Timeout,
            SdkError::ServiceError(service) => kind_of(service.err(), service.raw().status().as_u16()),
            SdkError::ConstructionFailure(_) => NoReply::Rejected,
            SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => NoReply::Unavailable,
            // The SDK's enum may grow: an error without a name yet is no answer.
            _ => NoReply::Unavailable,
        };
        Self::NoReply { kind, source: Box::new(error) }
    }
}

fn kind_of(error: &ConverseError, status: u16) -> NoReply {
    match error {
        ConverseError::ThrottlingException(_) => NoReply::Throttled,
        ConverseError::ModelNotReadyException(_) => NoReply::NotReady,
        ConverseError::ModelTimeoutException(_) => NoReply::Timeout,
        ConverseError::ModelErrorException(_) | ConverseError::ServiceUnavailableException(_) => NoReply::Unavailable,
        ConverseError::InternalServerException(_) => NoReply::Internal,
        ConverseError::AccessDeniedException(_) => NoReply::AccessDenied,
        ConverseError::ResourceNotFoundException(_) => NoReply::UnknownModel,
        ConverseError::ValidationException(_) if is_about_length(error) => NoReply::InputTooLong,
        ConverseError::ValidationException(_) => NoReply::Rejected,
        // Converse does not declare errors of the signature, nor errors that are newer than the SDK.
        _ => kind_of_status(error.code().unwrap_or_default(), status),
    }
}

fn kind_of_status(code: &str, status: u16) -> NoReply {
    match status {
        // The next delivery has new credentials.
        _ if code.starts_with("ExpiredToken") => NoReply::Unavailable,
        408 => NoReply::Timeout,
        429 => NoReply::Throttled,
        401 | 403 => NoReply::AccessDenied,
        501 => NoReply::Rejected,
        500..=599 => NoReply::Unavailable,
        _ => NoReply::Rejected,
    }
}

/// Recognizes an input that is too long: some models answer with an error instead of a stop reason.
fn is_about_length(error: &ConverseError) -> bool {
    // Each vendor has its own message.
    const PHRASES: [&str; 5] =
        ["too long", "context length", "context window", "too many tokens", "too many input tokens"];
    let message = error.message().unwrap_or_default().to_ascii_lowercase();
    PHRASES.iter().any(|phrase| message.contains(phrase))
}
