//! The model's answer as it comes: untrusted until it is checked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The shape that `schema.json` asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) intent: Intent,
    pub(crate) summary: Summary,
    pub(crate) category: Category,
    pub(crate) sentiment: Sentiment,
    pub(crate) topics: Vec<String>,
    pub(crate) insights: Vec<Insight>,
    pub(crate) action_items: Vec<ActionItem>,
    pub(crate) custom_metrics: Vec<CustomMetric>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) primary_purpose: String,
    pub(crate) objectives: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) text: String,
    pub(crate) key_points: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Category {
    pub(crate) label: String,
    pub(crate) confidence: f64,
    pub(crate) reasoning: String,
    pub(crate) evidence: Vec<Quote>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quote {
    pub(crate) turn: i64,
    pub(crate) quote: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sentiment {
    pub(crate) timeline: Vec<Feeling>,
    pub(crate) shifts: Vec<Shift>,
    pub(crate) patterns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Feeling {
    pub(crate) turn: i64,
    pub(crate) score: f64,
    pub(crate) emotion: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shift {
    pub(crate) from_turn: i64,
    pub(crate) to_turn: i64,
    pub(crate) cause: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Insight {
    pub(crate) text: String,
    pub(crate) evidence: Vec<Quote>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ActionItem {
    pub(crate) text: String,
    pub(crate) owner: String,
    pub(crate) due: Option<String>,
    pub(crate) evidence: Vec<Quote>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CustomMetric {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) value: Value,
    pub(crate) rationale: String,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::testing::answer;

    /// Every object of the example has exactly the properties that its schema declares and requires.
    fn same_shape(root: &Value, schema: &Value, example: &Value, place: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let definition = root.pointer(name.trim_start_matches('#')).unwrap();
            return same_shape(root, definition, example, place);
        }
        match example {
            Value::Object(fields) => {
                let actual: BTreeSet<_> = fields.keys().cloned().collect();
                let declared: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
                let required: BTreeSet<_> = schema["required"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap().to_owned())
                    .collect();
                assert_eq!((&actual, &actual), (&declared, &required), "{place}");
                assert_eq!(schema["additionalProperties"], false, "{place}");
                for (name, field) in fields {
                    same_shape(root, &schema["properties"][name], field, &format!("{place}/{name}"));
                }
            }
            Value::Array(items) => {
                let [first, ..] = items.as_slice() else { panic!("the example has no item at {place}") };
                same_shape(root, &schema["items"], first, place);
            }
            _ => {}
        }
    }

    #[test]
    fn the_schema_asks_for_what_the_types_read() {
        let schema: Value = serde_json::from_str(crate::prompt::SCHEMA).unwrap();
        same_shape(&schema, &schema, &serde_json::to_value(answer()).unwrap(), "");
    }
}
