//! The analysis of a conversation: the document that is stored, mailed and synced.
//!
//! Every value here is validated; `analyze` has its own types for unchecked answers of a model.

mod restored;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::number::{Confidence, Score};
use crate::text_enum;
use crate::transcript::Role;

/// A validated analysis of one session; its JSON is the stored document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    pub status: AnalysisStatus,
    /// The reason for a status other than `ok`, such as `no_visitor_turns`.
    pub code: Option<String>,
    /// `None` if the status says that nothing was evaluated.
    pub intent: Option<Intent>,
    pub summary: Option<Summary>,
    pub category: Option<Category>,
    pub sentiment: Option<Sentiment>,
    pub topics: Vec<String>,
    pub insights: Vec<Insight>,
    pub action_items: Vec<ActionItem>,
    pub custom_metrics: BTreeMap<String, CustomMetric>,
    pub conversation: ConversationFigures,
    pub coverage: Coverage,
    /// Values hidden from the model, counted by entity or pattern.
    // Here and below: documents that were stored earlier lack the fields with a default, and some optional ones.
    #[serde(default)]
    pub redactions: BTreeMap<String, u32>,
    pub usage: Usage,
}

text_enum! {
    /// How much of an analysis can be relied on.
    pub enum AnalysisStatus {
        Ok = "ok",
        /// Some parts are missing; `code` and `coverage` say which.
        Partial = "partial",
        /// The visitor said too little; the model was not asked.
        InsufficientContent = "insufficient_content",
        Failed = "failed",
    }
}

/// The purpose of the visitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub primary_purpose: String,
    pub objectives: Vec<String>,
    /// `None` before prompt version 2.
    pub outcome: Option<IntentOutcome>,
}

text_enum! {
    /// Whether the visitor achieved their purpose, however the conversation ended.
    pub enum IntentOutcome {
        Achieved = "achieved",
        Partly = "partly",
        NotAchieved = "not_achieved",
        Unclear = "unclear",
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub text: String,
    pub key_points: Vec<String>,
}

text_enum! {
    /// The closed set of visitor categories.
    pub enum CategoryLabel {
        ImmediateBuyer = "immediate_buyer",
        PotentialBuyer = "potential_buyer",
        JustExploring = "just_exploring",
        FacingIssue = "facing_issue",
        Others = "others",
    }
}

impl CategoryLabel {
    /// The label for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::ImmediateBuyer => "Immediate Buyer",
            Self::PotentialBuyer => "Potential Buyer",
            Self::JustExploring => "Just Exploring",
            Self::FacingIssue => "Facing Issue",
            Self::Others => "Others",
        }
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

/// A verbatim quote: code found it in the turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Index of the turn, from 0.
    pub turn: usize,
    pub quote: String,
}

/// The feelings of the visitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// The mean of the timeline, computed by code.
    pub average: Score,
    pub label: SentimentLabel,
    pub timeline: Vec<Feeling>,
    pub shifts: Vec<Shift>,
    pub patterns: Vec<String>,
}

text_enum! {
    pub enum SentimentLabel {
        Positive = "positive",
        Neutral = "neutral",
        Negative = "negative",
        Mixed = "mixed",
    }
}

/// The sentiment of one visitor turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feeling {
    pub turn: usize,
    pub score: Score,
    pub emotion: String,
}

/// A clear change of sentiment between two visitor turns, found by code in the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    pub from_turn: usize,
    pub to_turn: usize,
    pub from: Score,
    pub to: Score,
    /// The cause in the words of the model; `None` if the model gave none.
    pub cause: Option<String>,
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
    /// The time in the words of the conversation.
    pub due: Option<String>,
    pub evidence: Vec<Evidence>,
}

text_enum! {
    /// The person or party that has to act.
    pub enum Owner {
        Visitor = "visitor",
        Agent = "agent",
        Business = "business",
    }
}

/// The result of one of the tenant's own metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomMetric {
    pub status: MetricStatus,
    /// A value of the metric's type and range; null unless the status is `ok`.
    pub value: Value,
    /// The reason for this value, or for its absence.
    pub rationale: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricStatus {
    Ok,
    NotEvaluated,
}

/// Figures of the conversation, counted by code.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConversationFigures {
    pub turns: usize,
    pub visitor_turns: usize,
    pub agent_turns: usize,
    /// Words of visitor and agent; in scripts without spaces a character may count as a word.
    pub words: usize,
    #[serde(default)]
    pub visitor_words: usize,
    #[serde(default)]
    pub agent_words: usize,
    /// The visitor's share of the words of visitor and agent, 0 to 1; `None` without words.
    pub talk_ratio: Option<f64>,
    pub duration_s: i64,
    /// The most words of visitor or agent without an interruption.
    pub longest_monologue: Option<Monologue>,
    /// The visitor's waits for the agent; `None` if the turns have no times.
    pub visitor_waiting: Option<Waiting>,
    /// `None` if the turns have no times.
    pub interruptions: Option<Interruptions>,
    /// The technical end of the conversation as the AI engine reported it.
    pub end_reason: Option<String>,
}

/// Turns of one speaker in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monologue {
    pub role: Role,
    /// The first of its turns.
    pub turn: usize,
    pub words: usize,
}

/// Waits between the end of a visitor's turn and the beginning of the agent's next turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub times: usize,
    pub mean_ms: u64,
    pub longest_ms: u64,
}

/// Turns that began before the other speaker's turn had ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruptions {
    pub by_visitor: usize,
    pub by_agent: usize,
}

/// The analysed part of the transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub turns_total: usize,
    pub turns_analysed: usize,
    /// Parts of the transcript; 1 if the transcript fits into one request.
    pub chunks: usize,
    pub chunks_failed: usize,
    /// Insights and action items of a long transcript beyond the most that are kept.
    #[serde(default)]
    pub items_left_out: usize,
}

/// The cost of an analysis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The model of the last request; `None` without requests.
    pub model: Option<String>,
    pub prompt_version: Option<String>,
    /// Answers of all models, valid or not, for all parts and deliveries.
    pub attempts: u32,
    /// Excludes cached tokens.
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Input tokens read from the prompt cache.
    pub cached_tokens: u64,
    /// Input tokens written to the prompt cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// `None` if the price of a model is unknown.
    pub cost_usd: Option<f64>,
    /// The sum over all attempts, also of those at the same time.
    pub latency_ms: u64,
    /// Quotes that were found in the transcript.
    #[serde(default)]
    pub quotes_verified: u32,
    /// Quotes of the model that are not in the transcript, and therefore not in this document.
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
    fn a_stored_document_with_an_invalid_score_is_refused() {
        let feeling = r#"{"turn":0,"score":1.2,"emotion":"joy"}"#;
        assert!(serde_json::from_str::<Feeling>(feeling).unwrap_err().to_string().contains("between -1 and 1"));
    }
}
