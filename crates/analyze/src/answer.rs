//! Answers of a model before they are checked: untrusted data of any value.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The answer about a transcript or a part of one, in the shape of `analysis.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisAnswer {
    pub intent: RawIntent,
    pub summary: RawSummary,
    pub category: RawCategory,
    pub sentiment: RawSentiment,
    pub topics: Vec<String>,
    pub insights: Vec<RawInsight>,
    pub action_items: Vec<RawActionItem>,
    pub custom_metrics: Vec<RawCustomMetric>,
}

/// The answer about all parts of a transcript together, in the shape of `merge.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergedAnswer {
    pub intent: RawIntent,
    pub summary: RawSummary,
    pub category: RawCategory,
    pub patterns: Vec<String>,
    pub custom_metrics: Vec<RawCustomMetric>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawIntent {
    pub primary_purpose: String,
    pub objectives: Vec<String>,
    /// The prompt asks for the outcome since version 2.
    pub outcome: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawSummary {
    pub text: String,
    pub key_points: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawCategory {
    pub label: String,
    pub confidence: f64,
    pub reasoning: String,
    pub evidence: Vec<Quote>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    pub turn: i64,
    pub quote: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawSentiment {
    pub timeline: Vec<RawTimelineEntry>,
    pub shifts: Vec<RawShift>,
    pub patterns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawTimelineEntry {
    pub turn: i64,
    pub score: f64,
    pub emotion: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawShift {
    pub from_turn: i64,
    pub to_turn: i64,
    pub cause: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawInsight {
    pub text: String,
    pub evidence: Vec<Quote>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawActionItem {
    pub text: String,
    pub owner: String,
    pub due: Option<String>,
    pub evidence: Vec<Quote>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawCustomMetric {
    pub name: String,
    pub status: String,
    pub value: Value,
    pub rationale: String,
}

#[cfg(test)]
mod tests {
    use crate::testing::{answer, assert_schema_asks_for, merged_answer};

    #[test]
    fn the_schemas_ask_for_what_the_types_read() {
        assert_schema_asks_for(include_str!("../prompts/v2/analysis.schema.json"), &answer());
        assert_schema_asks_for(include_str!("../prompts/v2/merge.schema.json"), &merged_answer());
    }
}
