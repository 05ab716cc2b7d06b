//! What was found when an integration was last checked against its third party.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answers of the third party that later syncs rely on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// HubSpot: notes are told apart by a unique property, because writing one twice was seen to leave one note.
    pub unique_note_property: bool,
    /// The mapped fields, as `object.field`, with what they take. A field that is not here has not been checked.
    pub fields: BTreeMap<String, FieldType>,
}

/// What a field of a third party takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldType {
    /// `max_length` in UTF-16 units, where there is a limit.
    Text {
        max_length: Option<u32>,
    },
    Number,
    Integer,
    Boolean,
    /// Without a time of day.
    Date,
    DateTime,
    /// Of these, by their internal names.
    Options {
        values: Vec<String>,
        /// Whether it takes several. What was found before this was asked for is taken for yes, as it was then.
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
