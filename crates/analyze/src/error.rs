//! Errors of an analysis.

use std::time::Duration;

use domain::step::Code;
use stage::Failure;

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
    BudgetSpent,
    #[error("the tenant has a budget, and the price of {model} is unknown")]
    PriceUnknown { model: String },
    #[error("JSON could not be written")]
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
    /// Returns the code, and whether another delivery can help.
    fn facts(&self) -> (&'static str, bool) {
        match self {
            Self::Store(error) => ("database", error.is_retryable()),
            Self::Model(error) => (error.code(), error.is_retryable()),
            Self::InvalidAnswers { .. } => ("model_answers_invalid", false),
            Self::Refused(RefusedBy::Guardrail) => ("model_guardrail", false),
            Self::Refused(RefusedBy::ContentFilter) => ("model_content_filtered", false),
            Self::Refused(RefusedBy::Model) => ("model_refused", false),
            Self::TranscriptTooLong | Self::TooManyParts { .. } => ("transcript_too_long", false),
            Self::ClaimLost => ("claim_lost", true),
            Self::OutOfTime => ("out_of_time", true),
            Self::PartsLeft => ("parts_left", true),
            Self::BudgetSpent => ("budget_spent", true),
            Self::PriceUnknown { .. } => ("model_price_unknown", true),
            Self::Json(_) => ("internal", false),
        }
    }
}

impl Failure for Error {
    fn is_retryable(&self) -> bool {
        self.facts().1
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::Model(error) = self { error.retry_after() } else { None }
    }

    fn code(&self) -> Code {
        Code::new(self.facts().0)
    }
}
