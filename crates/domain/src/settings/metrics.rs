//! Metrics of a tenant's own: what to find out, of which type, and when.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::analysis::CategoryLabel;
use crate::id::AgentId;
use crate::session::{Channel, Session};

/// The most metrics of a tenant; each one stands in every prompt and answer.
pub const MAX_METRICS: usize = 20;
/// Characters of a metric's name.
pub const MAX_METRIC_NAME: usize = 40;
/// Characters of a metric's description.
pub const MAX_METRIC_DESCRIPTION: usize = 300;
/// Values of an enum, and the characters of each.
pub const MAX_ENUM_VALUES: usize = 30;
pub const MAX_ENUM_VALUE: usize = 60;
/// The longest text a metric may ask for, in characters.
pub const MAX_METRIC_TEXT: u32 = 500;
/// Integers beyond this (2^53) are not exact in JSON readers that know floating point only.
const MAX_INTEGER: i64 = 1 << 53;

/// The metrics of a tenant, each name once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Metric>", into = "Vec<Metric>")]
pub struct CustomMetrics(Vec<Metric>);

impl CustomMetrics {
    pub fn metrics(&self) -> &[Metric] {
        &self.0
    }
}

/// One question that a tenant asks of every conversation, or of some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "MetricDocument", into = "MetricDocument")]
pub struct Metric {
    name: String,
    description: String,
    kind: MetricKind,
    when: RunCondition,
}

/// What a metric's value is.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricKind {
    Boolean,
    /// Both ends included.
    Integer {
        min: i64,
        max: i64,
    },
    /// Both ends included.
    Number {
        min: f64,
        max: f64,
    },
    /// At most so many characters.
    Text {
        max_length: u32,
    },
    Enum {
        values: Vec<String>,
    },
}

/// When a metric is evaluated; each empty list and `None` stands for "whatever it is".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunCondition {
    pub channels: Vec<Channel>,
    pub agents: Vec<AgentId>,
    /// Looked at when the category is known: the model is asked, and its answer not taken.
    pub categories: Vec<CategoryLabel>,
    pub min_visitor_turns: usize,
}

impl RunCondition {
    /// Whether what is known before the analysis lets the metric be evaluated.
    pub fn may_hold(&self, session: &Session, visitor_turns: usize) -> bool {
        (self.channels.is_empty() || self.channels.contains(&session.channel))
            && (self.agents.is_empty() || self.agents.contains(&session.agent_id))
            && visitor_turns >= self.min_visitor_turns
    }

    /// The same of what is known after it.
    pub fn holds_for(&self, category: CategoryLabel) -> bool {
        self.categories.is_empty() || self.categories.contains(&category)
    }
}

impl Metric {
    /// `a-z`, digits and `_`, beginning with a letter.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn description(&self) -> &str {
        &self.description
    }

    pub fn kind(&self) -> &MetricKind {
        &self.kind
    }

    pub fn when(&self) -> &RunCondition {
        &self.when
    }
}

/// Why a metric was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetric {
    #[error("custom_metrics must be at most {MAX_METRICS}")]
    TooMany,
    #[error("the custom metric {0:?} is there twice")]
    Repeated(String),
    #[error("{0:?} is no name of a custom metric: 1 to {MAX_METRIC_NAME} of a-z, 0-9 and _, beginning with a letter")]
    Name(String),
    #[error("the description of custom metric {0:?} must have 1 to {MAX_METRIC_DESCRIPTION} characters in one line")]
    Description(String),
    #[error("custom metric {name:?} has no {field}, or it does not fit: {rule}")]
    Field { name: String, field: &'static str, rule: &'static str },
    #[error("custom metric {name:?} is of type {kind}, which has no {field}")]
    Superfluous { name: String, kind: &'static str, field: &'static str },
}

/// A metric as JSON has it: which fields belong to which type is checked when it is read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricDocument {
    name: String,
    description: String,
    #[serde(rename = "type")]
    kind: KindDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_length: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<String>>,
    #[serde(default)]
    when: RunCondition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindDocument {
    Boolean,
    Integer,
    Number,
    String,
    Enum,
}

impl KindDocument {
    fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Enum => "enum",
        }
    }
}

impl TryFrom<MetricDocument> for Metric {
    type Error = InvalidMetric;

    fn try_from(document: MetricDocument) -> Result<Self, InvalidMetric> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let name = document.name.clone();
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || name.len() > MAX_METRIC_NAME || !name.chars().all(is_name) {
            return Err(InvalidMetric::Name(name));
        }
        if !super::is_label(&document.description, MAX_METRIC_DESCRIPTION) {
            return Err(InvalidMetric::Description(name));
        }
        let kind = kind(&document)?;
        Ok(Self { name, description: document.description, kind, when: document.when })
    }
}

fn kind(document: &MetricDocument) -> Result<MetricKind, InvalidMetric> {
    let MetricDocument { kind, min, max, max_length, values, .. } = document;
    let superfluous = |field| InvalidMetric::Superfluous { name: document.name.clone(), kind: kind.as_str(), field };
    let unfit = |field, rule| InvalidMetric::Field { name: document.name.clone(), field, rule };
    let is_ranged = matches!(kind, KindDocument::Integer | KindDocument::Number);
    if !is_ranged && (min.is_some() || max.is_some()) {
        return Err(superfluous("min or max"));
    }
    if *kind != KindDocument::String && max_length.is_some() {
        return Err(superfluous("max_length"));
    }
    if *kind != KindDocument::Enum && values.is_some() {
        return Err(superfluous("values"));
    }
    match kind {
        KindDocument::Boolean => Ok(MetricKind::Boolean),
        KindDocument::Integer => integer_range(*min, *max).map_err(|rule| unfit("min and max", rule)),
        KindDocument::Number => {
            let (min, max) = range(*min, *max).map_err(|rule| unfit("min and max", rule))?;
            Ok(MetricKind::Number { min, max })
        }
        KindDocument::String => {
            let fitting = max_length.filter(|max_length| (1..=MAX_METRIC_TEXT).contains(max_length));
            let max_length = fitting.ok_or_else(|| unfit("max_length", "1 to 500 characters"))?;
            Ok(MetricKind::Text { max_length })
        }
        KindDocument::Enum => {
            let values = values.clone().filter(|values| are_values(values));
            let values = values.ok_or_else(|| unfit("values", "2 to 30 different ones of 1 to 60 characters"))?;
            Ok(MetricKind::Enum { values })
        }
    }
}

/// `Err` is the rule that is broken.
fn range(min: Option<f64>, max: Option<f64>) -> Result<(f64, f64), &'static str> {
    let (min, max) = min.zip(max).ok_or("both are needed")?;
    if min.is_finite() && max.is_finite() && min <= max { Ok((min, max)) } else { Err("min must not be more than max") }
}

fn integer_range(min: Option<f64>, max: Option<f64>) -> Result<MetricKind, &'static str> {
    let (min, max) = range(min, max)?;
    let (min, max) = integer(min).zip(integer(max)).ok_or("those of an integer are integers between -2^53 and 2^53")?;
    Ok(MetricKind::Integer { min, max })
}

fn are_values(values: &[String]) -> bool {
    let distinct = values.iter().collect::<BTreeSet<_>>().len() == values.len();
    let fit = values.iter().all(|value| super::is_label(value, MAX_ENUM_VALUE));
    (2..=MAX_ENUM_VALUES).contains(&values.len()) && distinct && fit
}

fn integer(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && number.abs() <= MAX_INTEGER as f64;
    fits.then_some(number as i64)
}

impl From<Metric> for MetricDocument {
    fn from(metric: Metric) -> Self {
        let Metric { name, description, kind, when } = metric;
        let (min, max, max_length, values) = (None, None, None, None);
        let kind_of = |kind| Self { name, description, kind, min, max, max_length, values, when };
        match kind {
            MetricKind::Boolean => kind_of(KindDocument::Boolean),
            MetricKind::Integer { min, max } => {
                Self { min: Some(min as f64), max: Some(max as f64), ..kind_of(KindDocument::Integer) }
            }
            MetricKind::Number { min, max } => Self { min: Some(min), max: Some(max), ..kind_of(KindDocument::Number) },
            MetricKind::Text { max_length } => Self { max_length: Some(max_length), ..kind_of(KindDocument::String) },
            MetricKind::Enum { values } => Self { values: Some(values), ..kind_of(KindDocument::Enum) },
        }
    }
}

impl TryFrom<Vec<Metric>> for CustomMetrics {
    type Error = InvalidMetric;

    fn try_from(metrics: Vec<Metric>) -> Result<Self, InvalidMetric> {
        if metrics.len() > MAX_METRICS {
            return Err(InvalidMetric::TooMany);
        }
        let mut names = BTreeSet::new();
        match metrics.iter().find(|metric| !names.insert(metric.name())) {
            Some(repeated) => Err(InvalidMetric::Repeated(repeated.name.clone())),
            None => Ok(Self(metrics)),
        }
    }
}

impl From<CustomMetrics> for Vec<Metric> {
    fn from(metrics: CustomMetrics) -> Self {
        metrics.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metrics_of_every_type_are_read_and_written_back() {
        let json = json!([
            { "name": "resolved", "description": "Was it solved?", "type": "boolean" },
            { "name": "nps", "description": "0 to 10", "type": "integer", "min": 0, "max": 10 },
            { "name": "urgency", "description": "How urgent?", "type": "number", "min": 0, "max": 1.5 },
            { "name": "product", "description": "Which one?", "type": "string", "max_length": 40 },
            { "name": "reason", "description": "Why?", "type": "enum", "values": ["price", "quality"],
              "when": { "channels": ["voice"], "categories": ["facing_issue"], "min_visitor_turns": 2 } }
        ]);
        let metrics: CustomMetrics = serde_json::from_value(json).unwrap();
        let again: CustomMetrics = serde_json::from_value(serde_json::to_value(&metrics).unwrap()).unwrap();
        assert_eq!(again, metrics);
        assert_eq!(metrics.metrics()[1].kind(), &MetricKind::Integer { min: 0, max: 10 });
        let when = metrics.metrics()[4].when();
        assert!(when.holds_for(CategoryLabel::FacingIssue) && !when.holds_for(CategoryLabel::Others));
    }

    #[test]
    fn a_metric_that_cannot_be_is_refused_by_name() {
        let error = |metric: serde_json::Value| {
            let mut whole = json!({ "name": "nps", "description": "d" });
            let fields = metric.as_object().unwrap().clone();
            whole.as_object_mut().unwrap().extend(fields);
            serde_json::from_value::<CustomMetrics>(json!([whole])).unwrap_err().to_string()
        };
        for (metric, told) in [
            (json!({ "type": "integer" }), "has no min and max"),
            (json!({ "type": "integer", "min": 0.5, "max": 2 }), "integers between"),
            (json!({ "type": "number", "min": 2, "max": 1 }), "min must not be more than max"),
            (json!({ "type": "boolean", "min": 2 }), "of type boolean, which has no min or max"),
            (json!({ "type": "string" }), "1 to 500 characters"),
            (json!({ "type": "enum", "values": ["a", "a"] }), "2 to 30 different ones"),
            (json!({ "type": "percent" }), "unknown variant `percent`"),
            (json!({ "type": "boolean", "name": "NPS" }), "\"NPS\" is no name"),
            (json!({ "type": "boolean", "description": "a\nb" }), "in one line"),
            (json!({ "type": "boolean", "when": { "channel": "voice" } }), "unknown field `channel`"),
        ] {
            assert!(error(metric.clone()).contains(told), "{}", error(metric));
        }
        let twice = json!([
            { "name": "a", "description": "d", "type": "boolean" },
            { "name": "a", "description": "d", "type": "boolean" }
        ]);
        assert!(serde_json::from_value::<CustomMetrics>(twice).unwrap_err().to_string().contains("there twice"));
    }
}
