//! Texts and documents without null bytes, which Postgres stores in neither.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A text for a column, or NULL.
pub(crate) struct TextParam<'a>(Option<Cow<'a, str>>);

/// A document for a column, or NULL.
pub(crate) struct JsonParam<'a>(Option<Cow<'a, Value>>);

impl<'a> TextParam<'a> {
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        self.0.map(|text| if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { text })
    }
}

impl<'a> JsonParam<'a> {
    pub(crate) fn into_document(self) -> Option<Cow<'a, Value>> {
        self.0.map(|document| if has_nul(&document) { Cow::Owned(stripped(document.into_owned())) } else { document })
    }
}

macro_rules! from {
    ($param:ident: $($type:ty => $value:ident $optional:expr),+ $(,)?) => {
        $(impl<'a> From<$type> for $param<'a> {
            fn from($value: $type) -> Self {
                Self($optional)
            }
        })+
    };
}

from! { TextParam:
    &'a str => text Some(text.into()),
    String => text Some(text.into()),
    &'a String => text Some(text.into()),
    Option<&'a str> => text text.map(Cow::Borrowed),
    Option<String> => text text.map(Cow::Owned),
}
from! { JsonParam:
    &'a Value => document Some(Cow::Borrowed(document)),
    Value => document Some(Cow::Owned(document)),
    Option<&'a Value> => document document.map(Cow::Borrowed),
}

fn has_nul(document: &Value) -> bool {
    match document {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn stripped(document: Value) -> Value {
    match document {
        Value::String(text) => Value::String(text.replace('\0', "")),
        Value::Array(items) => items.into_iter().map(stripped).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name.replace('\0', ""), stripped(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_bytes_are_removed_wherever_they_are_and_nothing_else() {
        assert_eq!(TextParam::from("no\0 such \0user").into_text().as_deref(), Some("no such user"));
        let document = json!({ "a\0": ["\0", { "b": "c\0d", "e": 1.0 }], "f": null, "g": "\\u0000" });
        let expected = json!({ "a": ["", { "b": "cd", "e": 1.0 }], "f": null, "g": "\\u0000" });
        assert_eq!(JsonParam::from(document).into_document().as_deref(), Some(&expected));
    }

    #[test]
    fn a_text_and_a_document_without_null_bytes_are_not_copied() {
        let document = json!({ "a": ["b"] });
        assert!(matches!(TextParam::from("as it was").into_text(), Some(Cow::Borrowed("as it was"))));
        assert!(matches!(JsonParam::from(&document).into_document(), Some(Cow::Borrowed(_))));
    }
}
