//! Requests that got no reply.

use std::time::Duration;

use aws_sdk_bedrockruntime::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse::ConverseError;

type Source = Box<SdkError<ConverseError>>;

/// A request without a reply.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("build the request")]
    Build(#[source] BuildError),
    #[error("read the JSON schema")]
    Schema(#[source] serde_json::Error),
    #[error("get a reply: the model is throttled")]
    Throttled(#[source] Source),
    #[error("get a reply: the model is not ready yet")]
    NotReady(#[source] Source),
    #[error("get a reply: the model is not available now")]
    Unavailable(#[source] Source),
    #[error("get a reply: Bedrock has an internal error")]
    Internal(#[source] Source),
    #[error("get a reply in time")]
    Timeout(#[source] Source),
    #[error("get a reply: access to the model is denied")]
    Denied(#[source] Source),
    #[error("get a reply: there is no such model")]
    UnknownModel(#[source] Source),
    #[error("get a reply: the request was rejected")]
    Rejected(#[source] Source),
    #[error("get a reply: the transcript does not fit the model")]
    InputTooLong(#[source] Source),
}

impl ModelError {
    /// Whether another delivery can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled(_) | Self::NotReady(_) | Self::Unavailable(_) | Self::Internal(_) | Self::Timeout(_) => {
                true
            }
            Self::Build(_)
            | Self::Schema(_)
            | Self::Denied(_)
            | Self::UnknownModel(_)
            | Self::Rejected(_)
            | Self::InputTooLong(_) => false,
        }
    }

    /// As operators read it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Throttled(_) => "model_throttled",
            Self::NotReady(_) => "model_not_ready",
            Self::Unavailable(_) | Self::Internal(_) => "model_unavailable",
            Self::Timeout(_) => "model_timeout",
            Self::Denied(_) => "model_access_denied",
            Self::UnknownModel(_) => "model_not_found",
            Self::Build(_) | Self::Schema(_) | Self::Rejected(_) => "model_rejected_request",
            Self::InputTooLong(_) => "transcript_too_long",
        }
    }

    /// How long Bedrock asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        let source = match self {
            Self::Throttled(source)
            | Self::NotReady(source)
            | Self::Unavailable(source)
            | Self::Internal(source)
            | Self::Timeout(source) => source,
            Self::Build(_)
            | Self::Schema(_)
            | Self::Denied(_)
            | Self::UnknownModel(_)
            | Self::Rejected(_)
            | Self::InputTooLong(_) => return None,
        };
        source.raw_response()?.headers().get("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }

    pub(super) fn from_sdk(error: SdkError<ConverseError>) -> Self {
        let source = Box::new(error);
        match source.as_ref() {
            SdkError::TimeoutError(_) => Self::Timeout(source),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::Timeout(source),
            SdkError::ServiceError(service) => {
                let sort = sort(service.err(), service.raw().status().as_u16());
                sort(source)
            }
            SdkError::ConstructionFailure(_) => Self::Rejected(source),
            SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => Self::Unavailable(source),
            // The enum may grow; what the SDK does not name yet was no answer.
            _ => Self::Unavailable(source),
        }
    }
}

fn sort(error: &ConverseError, status: u16) -> fn(Source) -> ModelError {
    match error {
        ConverseError::ThrottlingException(_) => ModelError::Throttled,
        ConverseError::ModelNotReadyException(_) => ModelError::NotReady,
        ConverseError::ModelTimeoutException(_) => ModelError::Timeout,
        ConverseError::ModelErrorException(_) | ConverseError::ServiceUnavailableException(_) => {
            ModelError::Unavailable
        }
        ConverseError::InternalServerException(_) => ModelError::Internal,
        ConverseError::AccessDeniedException(_) => ModelError::Denied,
        ConverseError::ResourceNotFoundException(_) => ModelError::UnknownModel,
        ConverseError::ValidationException(_) if is_about_length(error) => ModelError::InputTooLong,
        ConverseError::ValidationException(_) => ModelError::Rejected,
        // What Converse does not declare: the signature's errors, and what is newer than the SDK.
        _ => by_status(error.code().unwrap_or_default(), status),
    }
}

fn by_status(code: &str, status: u16) -> fn(Source) -> ModelError {
    match status {
        // New credentials are on their way.
        _ if code.starts_with("ExpiredToken") => ModelError::Unavailable,
        408 => ModelError::Timeout,
        429 => ModelError::Throttled,
        401 | 403 => ModelError::Denied,
        501 => ModelError::Rejected,
        500..=599 => ModelError::Unavailable,
        _ => ModelError::Rejected,
    }
}

/// Some models say so by an error instead of a stop reason, each vendor in words of its own.
fn is_about_length(error: &ConverseError) -> bool {
    const PHRASES: [&str; 5] =
        ["too long", "context length", "context window", "too many tokens", "too many input tokens"];
    let message = error.message().unwrap_or_default().to_ascii_lowercase();
    PHRASES.iter().any(|phrase| message.contains(phrase))
}
