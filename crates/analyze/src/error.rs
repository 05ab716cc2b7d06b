//! Errors of an analysis.

use std::time::Duration;

use domain::step::{Code, MODEL_PRICE_UNKNOWN};
use stage::{Failure, NextDelivery};

use crate::bedrock::ModelError;

/// An error that ended the analysis of a session in this delivery.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source names the statement.
    #[error("database error")]
    Store(#[from] store::Error),
    #[error("no answer from the model")]
    Model(#[source] ModelError),
    /// `last` names the problem of the last answer; `None` if the answer came in another delivery.
    #[error("no valid answer in {attempts} attempts; the last answer: {}", last.map_or("unknown", |code| code.as_str()))]
    InvalidAnswers { attempts: i32, last: Option<Code> },
    #[error(transparent)]
    Refused(RefusedBy),
    #[error("the transcript does not fit into the model's context window")]
    TranscriptTooLong,
    /// The findings of the parts do not fit into one request, even in short.
    #[error("the findings of {parts} parts do not fit into one request")]
    TooManyParts { parts: usize },
    #[error("the claim was lost before the analysis was stored")]
    ClaimLost,
    #[error("too little time is left in this delivery to ask the model")]
    OutOfTime,
    /// Some parts were analysed in this delivery, others are left to the next one.
    #[error("parts of the transcript are left to the next delivery")]
    PartsLeft,
    #[error("the tenant's budget for this month is spent")]
    BudgetSpent { look_in: Duration },
    #[error("the tenant has a budget, and the price of {model} is unknown")]
    PriceUnknown { model: String, look_in: Duration },
    #[error("analysis not written as JSON")]
    Json(#[source] serde_json::Error),
}

/// The party that refused to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedBy {
    #[error("a guardrail blocked the answer")]
    Guardrail,
    #[error("a content filter blocked the answer")]
    ContentFilter,
    #[error("the model refused to answer")]
    Model,
}

impl Error {
    /// Returns the code, and the delivery that follows.
    fn facts(&self) -> (&'static str, NextDelivery) {
        let retry = NextDelivery::Retry { after: None };
        match self {
            Self::Store(error) => ("database", error.next()),
            Self::Model(error) if error.is_retryable() => {
                (error.code(), NextDelivery::Retry { after: error.retry_after() })
            }
            Self::Model(error) => (error.code(), NextDelivery::None),
            Self::InvalidAnswers { .. } => ("model_answers_invalid", NextDelivery::None),
            Self::Refused(RefusedBy::Guardrail) => ("model_guardrail", NextDelivery::None),
            Self::Refused(RefusedBy::ContentFilter) => ("model_content_filtered", NextDelivery::None),
            Self::Refused(RefusedBy::Model) => ("model_refused", NextDelivery::None),
            Self::TranscriptTooLong | Self::TooManyParts { .. } => ("transcript_too_long", NextDelivery::None),
            Self::ClaimLost => ("claim_lost", retry),
            Self::OutOfTime => ("out_of_time", retry),
            // Every such delivery has analysed a part, so this ends.
            Self::PartsLeft => ("parts_left", NextDelivery::Wait { after: Duration::ZERO }),
            Self::BudgetSpent { look_in } => ("budget_spent", NextDelivery::Wait { after: *look_in }),
            Self::PriceUnknown { look_in, .. } => {
                (MODEL_PRICE_UNKNOWN.as_str(), NextDelivery::Wait { after: *look_in })
            }
            Self::Json(_) => ("internal", NextDelivery::None),
        }
    }
}

impl Failure for Error {
    fn next(&self) -> NextDelivery {
        self.facts().1
    }

    fn code(&self) -> Code {
        Code::new(self.facts().0)
    }
}
