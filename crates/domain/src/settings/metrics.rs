//! Custom metrics: a tenant's own questions about conversations.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::analysis::CategoryLabel;
use crate::id::AgentId;
use crate::label::is_label;
use crate::session::{Channel, Session};
use crate::settings::list::{Bounded, ListItem};
use crate::text_enum;

/// The most metrics of a tenant: each one stands in every prompt and answer.
pub const MAX_METRICS: usize = 20;
/// Characters of a metric's name.
pub const MAX_METRIC_NAME: usize = 40;
/// Characters of a metric's description.
pub const MAX_METRIC_DESCRIPTION: usize = 300;
/// The most values of an enum, and characters of each.
pub const MAX_ENUM_VALUES: usize = 30;
pub const MAX_ENUM_VALUE: usize = 60;
/// The longest text a metric may ask for, in characters.
pub const MAX_METRIC_TEXT: u32 = 500;
/// Integers beyond this (2^53) are not exact in JSON readers that know floating point only.
const MAX_INTEGER: i64 = 1 << 53;

/// The metrics of a tenant; their names differ.
pub type CustomMetrics = Bounded<Metric, MAX_METRICS>;

impl ListItem for Metric {
    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }
}

/// One question about all or some conversations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "MetricDocument", into = "MetricDocument")]
pub struct Metric {
    name: String,
    description: String,
    kind: MetricKind,
    when: RunCondition,
}

/// The type and the range of a metric's value.
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
    /// `max_length` in characters.
    Text {
        max_length: u32,
    },
    Enum {
        values: Vec<String>,
    },
}

/// The sessions for which a metric is evaluated; an empty list accepts all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunCondition {
    pub channels: Vec<Channel>,
    pub agents: Vec<AgentId>,
    /// Checked after the analysis: for other categories the model's answer is dropped.
    pub categories: Vec<CategoryLabel>,
    pub min_visitor_turns: usize,
}

impl RunCondition {
    /// Checks the conditions that are known before the analysis.
    pub fn may_hold(&self, session: &Session, visitor_turns: usize) -> bool {
        (self.channels.is_empty() || self.channels.contains(&session.channel))
            && (self.agents.is_empty() || self.agents.contains(&session.agent_id))
            && visitor_turns >= self.min_visitor_turns
    }

    /// Checks the condition that is known after the analysis.
    pub fn holds_for(&self, category: CategoryLabel) -> bool {
        self.categories.is_empty() || self.categories.contains(&category)
    }
}

impl Metric {
    /// The name: `a-z`, digits and `_`, beginning with a letter.
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

/// Reasons to refuse a metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetric {
    #[error(
        "invalid name of a custom metric {0:?}: it must have 1 to {MAX_METRIC_NAME} characters of a-z, 0-9 and _, and begin with a letter"
    )]
    Name(String),
    #[error("the description of custom metric {0:?} must have 1 to {MAX_METRIC_DESCRIPTION} characters in one line")]
    Description(String),
    #[error("missing or invalid {field} of custom metric {name:?}: {rule}")]
    Field { name: String, field: &'static str, rule: &'static str },
    #[error("custom metric {name:?} of type {kind} cannot have {field}")]
    Superfluous { name: String, kind: &'static str, field: &'static str },
}

/// The JSON of a metric, before the fields of its type are checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricDocument {
    name: String,
    description: String,
    #[serde(rename = "type")]
    kind: MetricType,
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

text_enum! {
    /// The `type` of a metric in JSON.
    pub enum MetricType {
        Boolean = "boolean",
        Integer = "integer",
        Number = "number",
        String = "string",
        Enum = "enum",
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
        if !is_label(&document.description, MAX_METRIC_DESCRIPTION) {
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
    // A field that the type ignores is a mistake, like an unknown field.
    let is_ranged = matches!(kind, MetricType::Integer | MetricType::Number);
    if !is_ranged && (min.is_some() || max.is_some()) {
        return Err(superfluous("min or max"));
    }
    if *kind != MetricType::String && max_length.is_some() {
        return Err(superfluous("max_length"));
    }
    if *kind != MetricType::Enum && values.is_some() {
        return Err(superfluous("values"));
    }
    match kind {
        MetricType::Boolean => Ok(MetricKind::Boolean),
        MetricType::Integer => integer_range(*min, *max).map_err(|rule| unfit("min and max", rule)),
        MetricType::Number => {
            let (min, max) = range(*min, *max).map_err(|rule| unfit("min and max", rule))?;
            Ok(MetricKind::Number { min, max })
        }
        MetricType::String => {
            let fitting = max_length.filter(|max_length| (1..=MAX_METRIC_TEXT).contains(max_length));
            let max_length = fitting.ok_or_else(|| unfit("max_length", "1 to 500 characters"))?;
            Ok(MetricKind::Text { max_length })
        }
        MetricType::Enum => {
            let values = values.clone().filter(|values| are_values(values));
            let values = values.ok_or_else(|| unfit("values", "2 to 30 different texts of 1 to 60 characters"))?;
            Ok(MetricKind::Enum { values })
        }
    }
}

/// Returns the broken rule as the error.
fn range(min: Option<f64>, max: Option<f64>) -> Result<(f64, f64), &'static str> {
    let (min, max) = min.zip(max).ok_or("both are required")?;
    if min.is_finite() && max.is_finite() && min <= max { Ok((min, max)) } else { Err("min must not be more than max") }
}

fn integer_range(min: Option<f64>, max: Option<f64>) -> Result<MetricKind, &'static str> {
    let (min, max) = range(min, max)?;
    let (min, max) = integer(min).zip(integer(max)).ok_or("an integer needs integers between -2^53 and 2^53")?;
    Ok(MetricKind::Integer { min, max })
}

fn are_values(values: &[String]) -> bool {
    let distinct = values.iter().collect::<BTreeSet<_>>().len() == values.len();
    let fit = values.iter().all(|value| is_label(value, MAX_ENUM_VALUE));
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
            MetricKind::Boolean => kind_of(MetricType::Boolean),
            MetricKind::Integer { min, max } => {
                Self { min: Some(min as f64), max: Some(max as f64), ..kind_of(MetricType::Integer) }
            }
            MetricKind::Number { min, max } => Self { min: Some(min), max: Some(max), ..kind_of(MetricType::Number) },
            MetricKind::Text { max_length } => Self { max_length: Some(max_length), ..kind_of(MetricType::String) },
            MetricKind::Enum { values } => Self { values: Some(values), ..kind_of(MetricType::Enum) },
        }
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
        assert_eq!(metrics[1].kind(), &MetricKind::Integer { min: 0, max: 10 });
        let when = metrics[4].when();
        assert!(when.holds_for(CategoryLabel::FacingIssue) && !when.holds_for(CategoryLabel::Others));
    }

    #[test]
    fn an_invalid_metric_is_refused_by_name() {
        let error = |metric: serde_json::Value| {
            let mut whole = json!({ "name": "nps", "description": "d" });
            let fields = metric.as_object().unwrap().clone();
            whole.as_object_mut().unwrap().extend(fields);
            serde_json::from_value::<CustomMetrics>(json!([whole])).unwrap_err().to_string()
        };
        for (metric, rule) in [
            (json!({ "type": "integer" }), "missing or invalid min and max"),
            (json!({ "type": "integer", "min": 0.5, "max": 2 }), "integers between"),
            (json!({ "type": "number", "min": 2, "max": 1 }), "min must not be more than max"),
            (json!({ "type": "boolean", "min": 2 }), "of type boolean cannot have min or max"),
            (json!({ "type": "string" }), "1 to 500 characters"),
            (json!({ "type": "enum", "values": ["a", "a"] }), "2 to 30 different texts"),
            (json!({ "type": "percent" }), "unknown variant `percent`"),
            (json!({ "type": "boolean", "name": "NPS" }), "invalid name of a custom metric \"NPS\""),
            (json!({ "type": "boolean", "description": "a\nb" }), "in one line"),
            (json!({ "type": "boolean", "when": { "channel": "voice" } }), "unknown field `channel`"),
        ] {
            assert!(error(metric.clone()).contains(rule), "{}", error(metric));
        }
        let twice = json!([
            { "name": "a", "description": "d", "type": "boolean" },
            { "name": "a", "description": "d", "type": "boolean" }
        ]);
        let error = serde_json::from_value::<CustomMetrics>(twice).unwrap_err().to_string();
        assert_eq!(error, "the list has more than one \"a\"");
    }
}
