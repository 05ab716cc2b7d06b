//! Conversion of the SDK's documents, which are JSON without serde.

use aws_smithy_types::{Document, Number};
use serde_json::Value;

pub(super) fn to_json(document: &Document) -> Value {
    match document {
        Document::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), to_json(value))).collect(),
        Document::Array(items) => items.iter().map(to_json).collect(),
        Document::Number(Number::PosInt(number)) => Value::from(*number),
        Document::Number(Number::NegInt(number)) => Value::from(*number),
        // JSON has no NaN: it becomes null, which fails as a number.
        Document::Number(Number::Float(number)) => Value::from(*number),
        Document::String(text) => Value::from(text.clone()),
        Document::Bool(flag) => Value::from(*flag),
        Document::Null => Value::Null,
    }
}

pub(super) fn from_json(value: Value) -> Document {
    match value {
        Value::Object(fields) => {
            Document::Object(fields.into_iter().map(|(name, value)| (name, from_json(value))).collect())
        }
        Value::Array(items) => Document::Array(items.into_iter().map(from_json).collect()),
        Value::Number(number) => Document::Number(match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Number::PosInt(number),
            (None, Some(number)) => Number::NegInt(number),
            (None, None) => Number::Float(number.as_f64().unwrap_or(f64::NAN)),
        }),
        Value::String(text) => Document::String(text),
        Value::Bool(flag) => Document::Bool(flag),
        Value::Null => Document::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_comes_back_from_a_document_as_it_went_in() {
        let json = json!({ "a": [1, -2, 0.5, "x", true, null], "b": { "c": {} } });
        assert_eq!(to_json(&from_json(json.clone())), json);
    }
}
