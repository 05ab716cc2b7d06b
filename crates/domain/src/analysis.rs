//! What was learnt from a conversation: the document that is stored, mailed and synced.
//!
//! Everything here has been validated; what a model answered is a type of `analyze` until then.

mod restored;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::number::{Confidence, Score};
use crate::transcript::Role;

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
    /// What was hidden from the model: entities by kind or pattern, and how often; empty where nothing was.
    #[serde(default)]
    pub redactions: BTreeMap<String, u32>,
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
    /// Whether the visitor got what they came for, whatever ended the conversation; `None` before prompt version 2.
    #[serde(default)]
    pub outcome: Option<IntentOutcome>,
}

/// What came of the visitor's purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentOutcome {
    Achieved,
    Partly,
    NotAchieved,
    Unclear,
}

impl IntentOutcome {
    pub const ALL: [Self; 4] = [Self::Achieved, Self::Partly, Self::NotAchieved, Self::Unclear];

    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Achieved => "achieved",
            Self::Partly => "partly",
            Self::NotAchieved => "not_achieved",
            Self::Unclear => "unclear",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
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

/// Words that were said: `quote` was found in the turn by code, and is written as it stands there.
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

/// A clear change of sentiment between two visitor turns, found by code in the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    pub from_turn: usize,
    pub to_turn: usize,
    pub from: Score,
    pub to: Score,
    /// Why, as the model sees it; `None` where it gave no cause.
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
    /// When, in the words of the conversation.
    pub due: Option<String>,
    pub evidence: Vec<Evidence>,
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    Visitor,
    Agent,
    Business,
}

/// The result of one of the tenant's own metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomMetric {
    pub status: MetricStatus,
    /// Of the metric's type and in its range; null unless the status is `ok`.
    pub value: Value,
    /// Why this value, or why none.
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
pub struct Conversation {
    pub turns: usize,
    pub visitor_turns: usize,
    pub agent_turns: usize,
    /// Of visitor and agent; in scripts without spaces a character may count as a word.
    pub words: usize,
    #[serde(default)]
    pub visitor_words: usize,
    #[serde(default)]
    pub agent_words: usize,
    /// The visitor's share of the words visitor and agent spoke, 0 to 1; `None` when nobody spoke.
    pub talk_ratio: Option<f64>,
    pub duration_s: i64,
    /// The most words that visitor or agent said with nobody else in between.
    #[serde(default)]
    pub longest_monologue: Option<Monologue>,
    /// How long the visitor waited for the agent's words; `None` where the turns have no times.
    #[serde(default)]
    pub visitor_waiting: Option<Waiting>,
    /// `None` where the turns have no times.
    #[serde(default)]
    pub interruptions: Option<Interruptions>,
    /// How the conversation ended, as the AI engine said; it says nothing about what was achieved.
    #[serde(default)]
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

/// Between the end of a visitor's turn and the beginning of the agent's next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// How often the visitor waited.
    pub times: usize,
    pub mean_ms: u64,
    pub longest_ms: u64,
}

/// Turns that began before the other's turn had ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruptions {
    pub by_visitor: usize,
    pub by_agent: usize,
}

/// What part of the transcript was analysed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub turns_total: usize,
    pub turns_analysed: usize,
    /// Parts that the transcript was analysed in; 1 where it fits into one request.
    pub chunks: usize,
    pub chunks_failed: usize,
    /// Insights and action items of a long transcript beyond the most that are kept.
    #[serde(default)]
    pub items_left_out: usize,
}

/// What the analysis cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The last one that was asked; `None` when none was.
    pub model: Option<String>,
    pub prompt_version: Option<String>,
    /// Answers of a model, usable or not, of all parts and deliveries.
    pub attempts: u32,
    /// Without cached tokens.
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Input tokens read from the prompt cache.
    pub cached_tokens: u64,
    /// Input tokens written to the prompt cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// `None` where the price of a model that answered is not known.
    pub cost_usd: Option<f64>,
    /// Of all attempts together, also where parts were analysed at the same time.
    pub latency_ms: u64,
    /// Quotes that were found in the transcript.
    #[serde(default)]
    pub quotes_verified: u32,
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
