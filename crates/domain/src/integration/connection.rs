//! Results of the last check of an integration against its third party.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Results of a check that later syncs rely on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// HubSpot: whether a unique property identifies notes; the check wrote a note twice and found one.
    pub unique_note_property: bool,
    /// The checked fields, as `object.field`, with the values that they accept.
    pub fields: BTreeMap<String, FieldType>,
}

/// The values that a field of a third party accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldType {
    /// `max_length` is in UTF-16 units; `None`: unlimited.
    Text {
        max_length: Option<u32>,
    },
    Number,
    Integer,
    Boolean,
    /// A day without time.
    Date,
    DateTime,
    /// Values of a list, by their internal names.
    Options {
        values: Vec<String>,
        /// Whether the field accepts several values. Earlier checks did not store this; syncs then assumed yes.
        #[serde(default = "yes")]
        is_multiple: bool,
    },
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_that_were_found_earlier_are_still_read() {
        let options = |found: serde_json::Value| serde_json::from_value::<FieldType>(found).unwrap();
        let values = vec!["a".to_owned()];
        let earlier = options(json!({ "type": "options", "values": ["a"] }));
        assert_eq!(earlier, FieldType::Options { values: values.clone(), is_multiple: true });
        let single = FieldType::Options { values, is_multiple: false };
        assert_eq!(options(serde_json::to_value(&single).unwrap()), single);
    }
}
