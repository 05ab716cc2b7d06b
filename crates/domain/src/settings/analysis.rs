//! The analysis of a tenant's conversations.

use serde::{Deserialize, Serialize};

use crate::locale::{InvalidLocale, Locale};
use crate::number::Whole;
use crate::settings::metrics::CustomMetrics;
use crate::settings::section::section;

/// The most requests to a model: more were never seen to help, and each one costs a full prompt.
const MAX_ATTEMPTS: u32 = 5;

section! {
    /// The analysis of a tenant's conversations.
    AnalysisSettings {
        /// The most requests to the model for one session, or for one part of a long one, until its answer is valid.
        max_attempts: Whole<1, MAX_ATTEMPTS> ["attempts, 1 to 5"] = Whole::literal(3),
        /// The model. `TenantModelArns` must contain its ARNs.
        model: Option<String> ["Bedrock model or inference-profile id; null: `BedrockModelId`"] = None,
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

/// Up to 3 model or inference-profile ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct FallbackModels(Vec<String>);

impl FallbackModels {
    /// The most models: each model without an answer takes its share of the invocation's time.
    pub const MAX: usize = 3;

    pub fn ids(&self) -> &[String] {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fallback_models must name at most {} models, each once and none empty", FallbackModels::MAX)]
pub struct InvalidFallbackModels;

impl TryFrom<Vec<String>> for FallbackModels {
    type Error = InvalidFallbackModels;

    fn try_from(models: Vec<String>) -> Result<Self, InvalidFallbackModels> {
        let repeated = models.iter().enumerate().any(|(n, model)| model.is_empty() || models[..n].contains(model));
        if repeated || models.len() > Self::MAX { Err(InvalidFallbackModels) } else { Ok(Self(models)) }
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

/// A tenant's own topics; empty: any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct TopicList(Vec<String>);

impl TopicList {
    /// The most topics: the list stands in every prompt.
    pub const MAX: usize = 50;
    /// Characters of a topic, which is a few words.
    pub const MAX_LENGTH: usize = 60;

    pub fn topics(&self) -> &[String] {
        &self.0
    }

    /// Finds the tenant's spelling of `topic`, ignoring case; `None` if the topic is not on the list.
    pub fn find(&self, topic: &str) -> Option<&str> {
        let wanted = topic.trim().to_lowercase();
        self.0.iter().find(|known| known.to_lowercase() == wanted).map(String::as_str)
    }
}

/// Reasons to refuse a list of topics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopics {
    #[error("topics must be at most {}", TopicList::MAX)]
    TooMany,
    #[error("topic {0} must have 1 to {max} characters, no control characters, and no space at its ends", max = TopicList::MAX_LENGTH)]
    Text(usize),
    #[error("topic {0} is on the list twice, if only in another case")]
    Repeated(usize),
}

impl TryFrom<Vec<String>> for TopicList {
    type Error = InvalidTopics;

    fn try_from(topics: Vec<String>) -> Result<Self, InvalidTopics> {
        if topics.len() > Self::MAX {
            return Err(InvalidTopics::TooMany);
        }
        let mut known = Self::default();
        for (n, topic) in topics.into_iter().enumerate() {
            if !super::is_label(&topic, Self::MAX_LENGTH) {
                return Err(InvalidTopics::Text(n));
            }
            if known.find(&topic).is_some() {
                return Err(InvalidTopics::Repeated(n));
            }
            known.0.push(topic);
        }
        Ok(known)
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
        assert_eq!(settings.topics.find(" billing "), Some("Billing"));
        assert_eq!(settings.topics.find("refunds"), None);
    }

    #[test]
    fn an_invalid_setting_is_refused_with_the_rule() {
        for (json, rule) in [
            (r#"{"max_attempts":6}"#, "must be between 1 and 5"),
            (r#"{"fallback_models":["a","b","c","d"]}"#, "at most 3 models"),
            (r#"{"fallback_models":["a","a"]}"#, "each once"),
            (r#"{"language":"English"}"#, "language must be visitor, transcript, or a language tag"),
            (r#"{"topics":["Billing","billing"]}"#, "topic 1 is on the list twice"),
            (r#"{"topics":[""]}"#, "topic 0 must have 1 to 60 characters"),
            (r#"{"topics":["a\nb"]}"#, "no control characters"),
            (r#"{"monthly_budget_usd":-1}"#, "0 or more"),
        ] {
            assert!(error(json).contains(rule), "{}", error(json));
        }
    }
}
