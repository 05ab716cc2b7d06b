//! The analysis of a tenant's conversations.

use serde::{Deserialize, Serialize};

use crate::label::is_label;
use crate::locale::{InvalidLocale, Locale};
use crate::number::Whole;
use crate::settings::list::{Bounded, ListItem};
use crate::settings::metrics::CustomMetrics;
use crate::settings::section::section;
use crate::text_type::text_type;

/// The most requests to a model: more were never seen to help, and each one costs a full prompt.
const MAX_ATTEMPTS: u32 = 5;
/// The most fallback models: each model without an answer takes its share of the invocation's time.
const MAX_FALLBACKS: usize = 3;
/// The most topics: the list stands in every prompt.
const MAX_TOPICS: usize = 50;
/// Characters of a topic, which is a few words.
const MAX_TOPIC_LENGTH: usize = 60;

section! {
    /// The analysis of a tenant's conversations.
    AnalysisSettings {
        /// The most requests to the model for one session, or for one part of a long one, until its answer is valid.
        max_attempts: Whole<1, MAX_ATTEMPTS> ["attempts, 1 to 5"] = Whole::literal(3),
        /// The model. `TenantModelArns` must contain its ARNs.
        model: Option<ModelId> ["Bedrock model or inference-profile id; null: `BedrockModelId`"] = None,
        /// The models to ask, in this order, when the previous model does not answer.
        fallback_models: FallbackModels ["up to 3 ids"] = FallbackModels::default(),
        /// The language of the analysis: the visitor's (the transcript's if unknown), the transcript's, or always the
        /// same. Quotes are never translated.
        language: OutputLanguage ["`visitor`, `transcript` or a language tag such as `pt-BR`"] = OutputLanguage::default(),
        /// The fewest visitor turns to analyse. Shorter sessions get the status `insufficient_content` without a
        /// request to the model.
        min_visitor_turns: usize ["turns"] = 1,
        /// The fewest visitor words to analyse, with the same effect.
        min_visitor_words: usize ["words"] = 1,
        /// The only topics that an analysis may name.
        topics: TopicList ["up to 50 texts of 1 to 60 characters; empty: any"] = TopicList::default(),
        /// Further questions about each conversation; see below.
        custom_metrics: CustomMetrics ["up to 20 metrics"] = CustomMetrics::default(),
        /// The budget for analyses in a calendar month (UTC). When it is spent, sessions wait; see below.
        monthly_budget_usd: Option<BudgetUsd> ["US dollars; null: no limit"] = None,
    }
}

/// Different models, to ask one after another.
pub type FallbackModels = Bounded<ModelId, MAX_FALLBACKS>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a model id must not be empty")]
pub struct InvalidModelId;

text_type! {
    /// The id of a Bedrock model or inference profile.
    ModelId, InvalidModelId, parse_model_id
}

fn parse_model_id(text: &str) -> Result<String, InvalidModelId> {
    // Bedrock decides what an id is: model ids, inference profiles and ARNs have no form in common.
    if text.is_empty() { Err(InvalidModelId) } else { Ok(text.to_owned()) }
}

impl ListItem for ModelId {
    fn key(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

/// The language of summaries, reasons and the like; quotes are never translated.
///
/// As text `visitor`, `transcript`, or a language tag such as `pt-BR`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum OutputLanguage {
    /// The visitor's locale, or the transcript's language if the locale is unknown.
    #[default]
    Visitor,
    /// The language of the visitor's turns.
    Transcript,
    /// Always the tenant's language.
    Tenant(Locale),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("language must be visitor, transcript, or a language tag such as en or pt-BR")]
pub struct InvalidOutputLanguage(#[source] InvalidLocale);

impl TryFrom<String> for OutputLanguage {
    type Error = InvalidOutputLanguage;

    fn try_from(text: String) -> Result<Self, InvalidOutputLanguage> {
        match text.as_str() {
            "visitor" => Ok(Self::Visitor),
            "transcript" => Ok(Self::Transcript),
            tag => tag.parse().map(Self::Tenant).map_err(InvalidOutputLanguage),
        }
    }
}

impl From<OutputLanguage> for String {
    fn from(language: OutputLanguage) -> Self {
        match language {
            OutputLanguage::Visitor => "visitor".to_owned(),
            OutputLanguage::Transcript => "transcript".to_owned(),
            OutputLanguage::Tenant(locale) => locale.to_string(),
        }
    }
}

/// A tenant's own topics, which differ in more than case; empty: any.
pub type TopicList = Bounded<Topic, MAX_TOPICS>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a topic must have 1 to {MAX_TOPIC_LENGTH} characters, no control characters, and no space at its ends")]
pub struct InvalidTopic;

text_type! {
    /// A topic in the tenant's spelling.
    Topic, InvalidTopic, parse_topic
}

fn parse_topic(text: &str) -> Result<String, InvalidTopic> {
    if is_label(text, MAX_TOPIC_LENGTH) { Ok(text.to_owned()) } else { Err(InvalidTopic) }
}

impl ListItem for Topic {
    fn key(&self) -> Option<String> {
        Some(self.0.to_lowercase())
    }
}

impl TopicList {
    /// Finds the tenant's spelling of `topic`, ignoring case; `None` if the topic is not on the list.
    pub fn find(&self, topic: &str) -> Option<&Topic> {
        let wanted = topic.trim().to_lowercase();
        self.iter().find(|known| known.0.to_lowercase() == wanted)
    }
}

/// US dollars, not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct BudgetUsd(f64);

impl BudgetUsd {
    pub fn get(self) -> f64 {
        self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("monthly_budget_usd must be a number of US dollars, 0 or more")]
pub struct InvalidBudget;

impl TryFrom<f64> for BudgetUsd {
    type Error = InvalidBudget;

    fn try_from(usd: f64) -> Result<Self, InvalidBudget> {
        if usd.is_finite() && usd >= 0.0 { Ok(Self(usd)) } else { Err(InvalidBudget) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        serde_json::from_str::<AnalysisSettings>(json).unwrap_err().to_string()
    }

    #[test]
    fn every_setting_is_read_and_written_back() {
        let json = serde_json::json!({
            "max_attempts": 5, "model": "m", "fallback_models": ["a", "b"], "language": "pt-BR",
            "min_visitor_turns": 2, "min_visitor_words": 10, "topics": ["Billing", "Delivery"],
            "custom_metrics": [], "monthly_budget_usd": 12.5
        });
        let settings: AnalysisSettings = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap(), json);
        assert_eq!(settings.topics.find(" billing ").map(AsRef::as_ref), Some("Billing"));
        assert_eq!(settings.topics.find("refunds"), None);
    }

    #[test]
    fn an_invalid_setting_is_refused_with_the_rule() {
        for (json, rule) in [
            (r#"{"max_attempts":6}"#, "must be between 1 and 5"),
            (r#"{"fallback_models":["a","b","c","d"]}"#, "more than 3 entries"),
            (r#"{"fallback_models":["a","a"]}"#, r#"more than one "a""#),
            (r#"{"language":"English"}"#, "language must be visitor, transcript, or a language tag"),
            (r#"{"topics":["Billing","billing"]}"#, r#"more than one "billing""#),
            (r#"{"topics":[""]}"#, "a topic must have 1 to 60 characters"),
            (r#"{"topics":["a\nb"]}"#, "no control characters"),
            (r#"{"monthly_budget_usd":-1}"#, "0 or more"),
        ] {
            assert!(error(json).contains(rule), "{}", error(json));
        }
    }
}
