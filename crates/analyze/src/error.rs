//! Why a session was not analysed.

use std::time::Duration;

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
    /// `last` says what was wrong with the last answer, without its content; `None` if it came in another delivery.
    #[error("get a valid answer in {attempts} attempts; the last one: {}", last.map_or("unknown", |code| code.as_str()))]
    InvalidAnswers { attempts: i32, last: Option<Code> },
    #[error("get an answer: {0}")]
    Refused(RefusedBy),
    #[error("fit the transcript into the model's context window")]
    TranscriptTooLong,
    /// What was found in the parts takes more room than one request has, however short it is put.
    #[error("put {parts} parts of the transcript together in one request")]
    TooManyParts { parts: usize },
    #[error("keep the claim until the analysis was stored")]
    ClaimLost,
    #[error("ask the model in the time that is left of this delivery")]
    OutOfTime,
    /// Some parts were analysed in this delivery, others are still to be.
    #[error("analyse the whole transcript in one delivery")]
    PartsLeft,
    #[error("ask the model: the tenant's budget for this month is spent")]
    BudgetSpent,
    #[error("keep to the tenant's budget: the price of {model} is not known")]
    PriceUnknown { model: String },
    #[error("write JSON")]
    Json(#[source] serde_json::Error),
}

/// Who refused to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedBy {
    #[error("a guardrail stepped in")]
    Guardrail,
    #[error("a content filter stepped in")]
    ContentFilter,
    #[error("the model refused")]
    Model,
}

impl Failure for Error {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Model(error) => error.is_retryable(),
            Self::ClaimLost | Self::OutOfTime | Self::PartsLeft | Self::BudgetSpent | Self::PriceUnknown { .. } => true,
            Self::InvalidAnswers { .. }
            | Self::Refused(_)
            | Self::TranscriptTooLong
            | Self::TooManyParts { .. }
            | Self::Json(_) => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::Model(error) = self { error.retry_after() } else { None }
    }

    fn code(&self) -> Code {
        Code::new(match self {
            Self::Store(_) => "database",
            Self::Model(error) => error.code(),
            Self::InvalidAnswers { .. } => "model_answers_invalid",
            Self::Refused(RefusedBy::Guardrail) => "model_guardrail",
            Self::Refused(RefusedBy::ContentFilter) => "model_content_filtered",
            Self::Refused(RefusedBy::Model) => "model_refused",
            Self::TranscriptTooLong | Self::TooManyParts { .. } => "transcript_too_long",
            Self::ClaimLost => "claim_lost",
            Self::OutOfTime => "out_of_time",
            Self::PartsLeft => "parts_left",
            Self::BudgetSpent => "budget_spent",
            Self::PriceUnknown { .. } => "model_price_unknown",
            Self::Json(_) => "internal",
        })
    }
}
