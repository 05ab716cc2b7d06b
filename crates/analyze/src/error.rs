//! Why a session was not analysed.

use domain::step::Code;
use stage::Failure;

use crate::bedrock::ModelError;

/// An analysis that did not come about; the text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("use the database")]
    Store(#[source] store::Error),
    #[error("ask the model")]
    Model(#[source] ModelError),
    /// `last` says what was wrong with the last answer, without its content.
    #[error("get a valid answer in {attempts} attempts; the last one {last}")]
    InvalidAnswers { attempts: i32, last: &'static str },
    #[error("get an answer: a guardrail or content filter refused it")]
    Refused,
    #[error("fit the transcript into the model's context window")]
    TranscriptTooLong,
    #[error("keep the claim until the analysis was stored")]
    ClaimLost,
    #[error("ask the model in the time that is left of this delivery")]
    OutOfTime,
    #[error("write the messages that follow")]
    Message(#[source] serde_json::Error),
}

impl Failure for Error {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Model(error) => error.is_retryable(),
            Self::ClaimLost | Self::OutOfTime => true,
            Self::InvalidAnswers { .. } | Self::Refused | Self::TranscriptTooLong | Self::Message(_) => false,
        }
    }

    fn code(&self) -> Code {
        Code::new(match self {
            Self::Store(_) => "database",
            Self::Model(ModelError::Throttled(_)) => "model_throttled",
            Self::Model(ModelError::Unavailable(_)) => "model_unavailable",
            Self::Model(ModelError::Timeout(_)) => "model_timeout",
            Self::Model(ModelError::Denied(_)) => "model_access_denied",
            Self::Model(ModelError::UnknownModel(_)) => "model_not_found",
            Self::Model(ModelError::Rejected(_) | ModelError::Build(_)) => "model_rejected_request",
            Self::InvalidAnswers { .. } => "model_answers_invalid",
            Self::Refused => "model_refused",
            Self::TranscriptTooLong => "transcript_too_long",
            Self::ClaimLost => "claim_lost",
            Self::OutOfTime => "out_of_time",
            Self::Message(_) => "internal",
        })
    }
}
