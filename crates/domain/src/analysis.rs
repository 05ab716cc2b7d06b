//! What was learnt from a conversation: the document that is stored, mailed and synced.
//!
//! Everything here has been validated; what a model answered is a type of `analyze` until then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::number::{Confidence, Score};

/// A validated analysis of one session; its JSON is the stored document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    pub status: AnalysisStatus,
    /// Why the status is not `ok`, such as `no_visitor_turns`.
    pub code: Option<String>,
    /// `None` where the status says that nothing was evaluated.
    pub intent: Option<Intent>,
    pub summary: Option<Summary>,
    pub category: Option<Category>,
    pub sentiment: Option<Sentiment>,
    pub topics: Vec<String>,
    pub insights: Vec<Insight>,
    pub action_items: Vec<ActionItem>,
    pub custom_metrics: BTreeMap<String, CustomMetric>,
    pub conversation: Conversation,
    pub coverage: Coverage,
    pub usage: Usage,
}

/// How much of an analysis can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisStatus {
    Ok,
    /// Some of what was asked for is missing; `code` and `coverage` say what.
    Partial,
    /// The visitor said too little; the model was not asked.
    InsufficientContent,
    Failed,
}

impl AnalysisStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::InsufficientContent => "insufficient_content",
            Self::Failed => "failed",
        }
    }
}

/// What the visitor came for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub primary_purpose: String,
    pub objectives: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub text: String,
    pub key_points: Vec<String>,
}

/// The closed set of visitor categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CategoryLabel {
    ImmediateBuyer,
    PotentialBuyer,
    JustExploring,
    FacingIssue,
    Others,
}

impl CategoryLabel {
    pub const ALL: [Self; 5] =
        [Self::ImmediateBuyer, Self::PotentialBuyer, Self::JustExploring, Self::FacingIssue, Self::Others];

    /// As in JSON, SQL and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImmediateBuyer => "immediate_buyer",
            Self::PotentialBuyer => "potential_buyer",
            Self::JustExploring => "just_exploring",
            Self::FacingIssue => "facing_issue",
            Self::Others => "others",
        }
    }

    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::ImmediateBuyer => "Immediate Buyer",
            Self::PotentialBuyer => "Potential Buyer",
            Self::JustExploring => "Just Exploring",
            Self::FacingIssue => "Facing Issue",
            Self::Others => "Others",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Category {
    pub label: CategoryLabel,
    pub confidence: Confidence,
    pub justification: Justification,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Justification {
    pub reasoning: String,
    pub evidence: Vec<Evidence>,
}

/// Words that were said: `quote` was found in the turn by code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Index of the turn, from 0.
    pub turn: usize,
    pub quote: String,
}

/// How the visitor felt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// The mean of the timeline, computed by code.
    pub average: Score,
    pub label: SentimentLabel,
    pub timeline: Vec<Feeling>,
    pub shifts: Vec<Shift>,
    pub patterns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentimentLabel {
    Positive,
    Neutral,
    Negative,
    Mixed,
}

impl SentimentLabel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
            Self::Mixed => "mixed",
        }
    }
}

/// The sentiment of one visitor turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feeling {
    pub turn: usize,
    pub score: Score,
    pub emotion: String,
}

/// A change of sentiment between two visitor turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    pub from_turn: usize,
    pub to_turn: usize,
    pub from: Score,
    pub to: Score,
    pub cause: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insight {
    pub text: String,
    pub evidence: Vec<Evidence>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionItem {
    pub text: String,
    pub owner: Owner,
    /// When, in the words of the conversation.
    pub due: Option<String>,
    pub evidence: Vec<Evidence>,
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    Visitor,
    Agent,
    Business,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomMetric {
    pub status: MetricStatus,
    pub value: Value,
    pub rationale: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricStatus {
    Ok,
    NotEvaluated,
}

/// Figures of the conversation, counted by code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    pub turns: usize,
    pub visitor_turns: usize,
    pub agent_turns: usize,
    pub words: usize,
    /// The visitor's share of the words visitor and agent spoke, 0 to 1; `None` when nobody spoke.
    pub talk_ratio: Option<f64>,
    pub duration_s: i64,
}

/// What part of the transcript was analysed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub turns_total: usize,
    pub turns_analysed: usize,
    pub chunks: usize,
    pub chunks_failed: usize,
}

/// What the analysis cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// `None` when no model was asked.
    pub model: Option<String>,
    pub prompt_version: Option<String>,
    pub attempts: u32,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cached_tokens: u64,
    /// `None` where the model's price is not known.
    pub cost_usd: Option<f64>,
    pub latency_ms: u64,
    /// Quotes the model gave that were not in the transcript; they are not in this document.
    pub quotes_dropped: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_round_trip_and_match_their_json() {
        for label in CategoryLabel::ALL {
            assert_eq!(CategoryLabel::parse(label.as_str()), Some(label));
            assert_eq!(serde_json::to_value(label).unwrap(), label.as_str());
        }
    }

    #[test]
    fn a_stored_document_with_an_impossible_score_is_refused() {
        let feeling = r#"{"turn":0,"score":1.2,"emotion":"joy"}"#;
        assert!(serde_json::from_str::<Feeling>(feeling).unwrap_err().to_string().contains("between -1 and 1"));
    }
}
