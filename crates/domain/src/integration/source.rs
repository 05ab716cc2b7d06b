//! Sources of mapped fields: the fields of the session, its visitor and its analysis.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analysis::{AnalysisStatus, CategoryLabel, IntentOutcome, SentimentLabel};
use crate::session::{Channel, EmailConsent};
use crate::text_type::text_type;

/// Mapped fields of one object.
const MAX_MAPPED: usize = 100;
/// Characters of the name of a field; Salesforce's and HubSpot's have fewer.
const MAX_FIELD: usize = 100;
/// Characters of the key of metadata or the name of a custom metric.
const MAX_KEY: usize = 100;

/// The kind of a source's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceType {
    Text,
    /// One of a closed set of texts.
    Label(&'static [&'static str]),
    Number,
    Integer,
    Time,
    /// Several texts, one per line.
    List,
    /// Any value of the AI engine or of the tenant's settings.
    Any,
}

/// Every source outside of `session.metadata.` and `analysis.custom_metrics.`.
pub const SOURCES: [(&str, SourceType); 38] = [
    ("visitor.id", SourceType::Text),
    ("visitor.name", SourceType::Text),
    ("visitor.first_name", SourceType::Text),
    ("visitor.last_name", SourceType::Text),
    ("visitor.email", SourceType::Text),
    ("visitor.phone", SourceType::Text),
    ("visitor.locale", SourceType::Text),
    ("visitor.time_zone", SourceType::Text),
    ("visitor.email_consent", SourceType::Label(EmailConsent::TEXTS)),
    ("session.session_id", SourceType::Text),
    ("session.agent_id", SourceType::Text),
    ("session.channel", SourceType::Label(Channel::TEXTS)),
    ("session.started_at", SourceType::Time),
    ("session.ended_at", SourceType::Time),
    ("session.end_reason", SourceType::Text),
    ("analysis.status", SourceType::Label(AnalysisStatus::TEXTS)),
    ("analysis.intent.primary_purpose", SourceType::Text),
    ("analysis.intent.objectives", SourceType::List),
    ("analysis.intent.outcome", SourceType::Label(IntentOutcome::TEXTS)),
    ("analysis.summary.text", SourceType::Text),
    ("analysis.summary.key_points", SourceType::List),
    ("analysis.category.label", SourceType::Label(CategoryLabel::TEXTS)),
    ("analysis.category.title", SourceType::Text),
    ("analysis.category.confidence", SourceType::Number),
    ("analysis.category.reasoning", SourceType::Text),
    ("analysis.sentiment.average", SourceType::Number),
    ("analysis.sentiment.label", SourceType::Label(SentimentLabel::TEXTS)),
    ("analysis.sentiment.patterns", SourceType::List),
    ("analysis.topics", SourceType::List),
    ("analysis.insights", SourceType::List),
    ("analysis.action_items", SourceType::List),
    ("analysis.version", SourceType::Integer),
    ("analysis.conversation.turns", SourceType::Integer),
    ("analysis.conversation.visitor_turns", SourceType::Integer),
    ("analysis.conversation.agent_turns", SourceType::Integer),
    ("analysis.conversation.words", SourceType::Integer),
    ("analysis.conversation.talk_ratio", SourceType::Number),
    ("analysis.conversation.duration_s", SourceType::Integer),
];
const METADATA: &str = "session.metadata.";
const CUSTOM_METRICS: &str = "analysis.custom_metrics.";

/// Invalid source. The text may be a secret, so the error does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a source of a field; sources are visitor.name, session.ended_at, session.metadata.<key>, analysis.category.label, \
     analysis.custom_metrics.<name>"
)]
pub struct InvalidSource;

text_type! {
    /// A path to a value.
    Source, InvalidSource, parse
}

/// A parsed source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path<'a> {
    /// One of [`SOURCES`].
    Field(&'a str),
    /// The key of the session's metadata.
    Metadata(&'a str),
    CustomMetric(&'a str),
}

impl Source {
    pub fn path(&self) -> Path<'_> {
        match (self.0.strip_prefix(METADATA), self.0.strip_prefix(CUSTOM_METRICS)) {
            (Some(key), _) => Path::Metadata(key),
            (None, Some(name)) => Path::CustomMetric(name),
            (None, None) => Path::Field(&self.0),
        }
    }

    pub fn kind(&self) -> SourceType {
        let known = SOURCES.into_iter().find(|(name, _)| *name == self.0);
        known.map_or(SourceType::Any, |(_, kind)| kind)
    }
}

fn parse(text: &str) -> Result<String, InvalidSource> {
    let is_key = |key: &str| (1..=MAX_KEY).contains(&key.chars().count()) && !key.chars().any(char::is_control);
    let key = [METADATA, CUSTOM_METRICS].iter().find_map(|start| text.strip_prefix(start));
    let is_known = || SOURCES.iter().any(|(name, _)| *name == text);
    if key.map_or_else(is_known, is_key) { Ok(text.to_owned()) } else { Err(InvalidSource) }
}

/// Reasons to refuse a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMapping {
    #[error("at most {MAX_MAPPED} fields can be mapped")]
    TooMany,
    #[error("invalid field name {0:?}: it must have 1 to {MAX_FIELD} letters, digits and _")]
    Field(String),
}

/// Fields of an object of a third party, by name, and their sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Source>")]
pub struct Mapping(BTreeMap<String, Source>);

impl Mapping {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.0.iter().map(|(field, source)| (field.as_str(), source))
    }
}

impl TryFrom<BTreeMap<String, Source>> for Mapping {
    type Error = InvalidMapping;

    fn try_from(fields: BTreeMap<String, Source>) -> Result<Self, InvalidMapping> {
        if fields.len() > MAX_MAPPED {
            return Err(InvalidMapping::TooMany);
        }
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let wrong = |name: &&String| !(1..=MAX_FIELD).contains(&name.len()) || !name.bytes().all(known);
        match fields.keys().find(wrong) {
            Some(name) => Err(InvalidMapping::Field(name.clone())),
            None => Ok(Self(fields)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source(text: &str) -> Result<Source, InvalidSource> {
        text.to_owned().try_into()
    }

    #[test]
    fn a_source_has_a_kind_and_the_labels_of_the_analysis() {
        for (text, kind) in [
            ("visitor.name", SourceType::Text),
            ("visitor.email_consent", SourceType::Label(&["given", "withdrawn"])),
            ("session.channel", SourceType::Label(&["voice", "text"])),
            ("analysis.status", SourceType::Label(AnalysisStatus::TEXTS)),
            ("analysis.intent.outcome", SourceType::Label(IntentOutcome::TEXTS)),
            ("analysis.category.label", SourceType::Label(CategoryLabel::TEXTS)),
            ("analysis.sentiment.label", SourceType::Label(SentimentLabel::TEXTS)),
            ("analysis.sentiment.average", SourceType::Number),
            ("session.ended_at", SourceType::Time),
            ("analysis.topics", SourceType::List),
            ("session.metadata.utm source", SourceType::Any),
            ("analysis.custom_metrics.nps", SourceType::Any),
        ] {
            assert_eq!(source(text).unwrap().kind(), kind, "{text}");
        }
        assert_eq!(source("session.metadata.a.b").unwrap().path(), Path::Metadata("a.b"));
        assert_eq!(source("analysis.custom_metrics.nps").unwrap().path(), Path::CustomMetric("nps"));
    }

    #[test]
    fn invalid_sources_and_fields_are_refused() {
        for text in ["", "visitor", "visitor.password", "session.metadata.", "analysis.usage.cost_usd", "transcript"] {
            assert_eq!(source(text), Err(InvalidSource), "{text}");
        }
        let mapping = |fields: serde_json::Value| serde_json::from_value::<Mapping>(fields).unwrap_err().to_string();
        assert!(mapping(json!({ "a b": "visitor.name" })).contains("\"a b\""));
        assert!(mapping(json!({ "a": "pat-na1-secret" })).starts_with("not a source"), "a value is not repeated");
        let many: BTreeMap<_, _> = (0..=MAX_MAPPED).map(|n| (format!("f{n}"), "visitor.name")).collect();
        assert!(mapping(json!(many)).contains("at most 100"));
    }
}
