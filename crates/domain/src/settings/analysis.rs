//! How a tenant's conversations are analysed.

use serde::{Deserialize, Serialize};

use crate::locale::{InvalidLocale, Locale};
use crate::settings::metrics::CustomMetrics;
use crate::settings::section::section;

section! {
    /// How a tenant's conversations are analysed.
    AnalysisSettings {
        /// How often the model is asked, for each session or part of a long one, until its answer is valid.
        max_attempts: MaxAttempts ["attempts, 1 to 5"] = MaxAttempts::default(),
        /// The model; its ARNs are among `TenantModelArns`.
        model: Option<String> ["Bedrock model or inference-profile id; null: `BedrockModelId`"] = None,
        /// Models that are asked, in this order, where the one before does not answer.
        fallback_models: FallbackModels ["up to 3 ids"] = FallbackModels::default(),
        /// The language of what the model writes: the visitor's (where it is not known, the transcript's), the
        /// transcript's, or always the same.
        language: OutputLanguage ["`visitor`, `transcript` or a language tag such as `pt-BR`"] = OutputLanguage::default(),
        /// A visitor with fewer turns has said too little: `insufficient_content`, and the model is not asked.
        min_visitor_turns: usize ["turns"] = 1,
        /// The same in words.
        min_visitor_words: usize ["words"] = 1,
        /// The only topics that an analysis may name.
        topics: TopicList ["up to 50 texts of 1 to 60 characters; empty: any"] = TopicList::default(),
        /// What the tenant wants to know besides; see below.
        custom_metrics: CustomMetrics ["up to 20 metrics"] = CustomMetrics::default(),
        /// What analyses may cost in a calendar month (UTC); once it is spent, sessions wait, see below.
        monthly_budget_usd: Option<BudgetUsd> ["US dollars; null: no limit"] = None,
    }
}

/// 1 to 5 model attempts, default 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MaxAttempts(u32);

impl MaxAttempts {
    /// More attempts have not been seen to help and each one costs a full prompt.
    pub const MAX: u32 = 5;

    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for MaxAttempts {
    fn default() -> Self {
        Self(3)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("max_attempts must be between 1 and {}", MaxAttempts::MAX)]
pub struct InvalidMaxAttempts;

impl TryFrom<u32> for MaxAttempts {
    type Error = InvalidMaxAttempts;

    fn try_from(attempts: u32) -> Result<Self, InvalidMaxAttempts> {
        if (1..=Self::MAX).contains(&attempts) { Ok(Self(attempts)) } else { Err(InvalidMaxAttempts) }
    }
}

impl From<MaxAttempts> for u32 {
    fn from(attempts: MaxAttempts) -> Self {
        attempts.0
    }
}

/// Up to 3 model or inference-profile ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct FallbackModels(Vec<String>);

impl FallbackModels {
    /// Each one that does not answer takes its share of the invocation's time.
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

impl From<FallbackModels> for Vec<String> {
    fn from(models: FallbackModels) -> Self {
        models.0
    }
}

/// The language that summaries, reasons and the like are written in; quotes are never translated.
///
/// As text `visitor`, `transcript`, or a language tag such as `pt-BR`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum OutputLanguage {
    /// The visitor's locale, and where that is not known the transcript's language.
    #[default]
    Visitor,
    /// What the visitor speaks.
    Transcript,
    /// Always the same: the tenant's own.
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
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct TopicList(Vec<String>);

impl TopicList {
    /// The list stands in every prompt.
    pub const MAX: usize = 50;
    /// In characters: a topic is a few words.
    pub const MAX_LENGTH: usize = 60;

    pub fn topics(&self) -> &[String] {
        &self.0
    }

    /// The tenant's spelling of `topic`, whatever its case; `None` if it is not on the list.
    pub fn find(&self, topic: &str) -> Option<&str> {
        let wanted = topic.trim().to_lowercase();
        self.0.iter().find(|known| known.to_lowercase() == wanted).map(String::as_str)
    }
}

/// Why a list of topics was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopics {
    #[error("topics must be at most {}", TopicList::MAX)]
    TooMany,
    #[error("topic {0} must have 1 to {max} characters, no control characters, and no space at its ends", max = TopicList::MAX_LENGTH)]
    Text(usize),
    #[error("topic {0} is on the list already, if only in another case")]
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

impl From<TopicList> for Vec<String> {
    fn from(topics: TopicList) -> Self {
        topics.0
    }
}

/// US dollars, not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
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

impl From<BudgetUsd> for f64 {
    fn from(budget: BudgetUsd) -> Self {
        budget.0
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
    fn what_cannot_be_is_refused_with_what_would_be_right() {
        for (json, told) in [
            (r#"{"max_attempts":6}"#, "max_attempts must be between 1 and 5"),
            (r#"{"fallback_models":["a","b","c","d"]}"#, "at most 3 models"),
            (r#"{"fallback_models":["a","a"]}"#, "each once"),
            (r#"{"language":"English"}"#, "language must be visitor, transcript, or a language tag"),
            (r#"{"topics":["Billing","billing"]}"#, "topic 1 is on the list already"),
            (r#"{"topics":[""]}"#, "topic 0 must have 1 to 60 characters"),
            (r#"{"topics":["a\nb"]}"#, "no control characters"),
            (r#"{"monthly_budget_usd":-1}"#, "0 or more"),
        ] {
            assert!(error(json).contains(told), "{}", error(json));
        }
    }
}
