//! Objects and their fields.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A field's type, by Salesforce's name for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FieldKind {
    Id,
    #[default]
    String,
    /// Also the long ones, in which nothing can be looked for.
    Textarea,
    Email,
    Phone,
    Url,
    /// A text with suggestions.
    Combobox,
    Picklist,
    Boolean,
    Int,
    Double,
    Date,
    Datetime,
    Reference,
}

/// A field; those of a control are custom ones.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Field {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: FieldKind,
    /// The most characters of a text; 0 allows any.
    #[serde(default = "longest")]
    pub(crate) length: usize,
    pub(crate) read_only: bool,
    pub(crate) required: bool,
    pub(crate) external_id: bool,
    pub(crate) unique: bool,
    pub(crate) case_sensitive: bool,
    pub(crate) values: Vec<String>,
    /// Whether other values are refused.
    pub(crate) restricted: bool,
    pub(crate) default: Option<Value>,
    /// Names of objects.
    pub(crate) refers_to: Vec<String>,
}

fn longest() -> usize {
    255
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Object {
    pub(crate) name: String,
    /// The first characters of its ids.
    pub(crate) prefix: String,
    pub(crate) fields: Vec<Field>,
}

/// Contact, Lead and Task as a new org has them: what a sync may meet of them.
pub(crate) fn standard_objects() -> Vec<Object> {
    serde_json::from_str(include_str!("objects.json")).unwrap_or_default()
}

/// The first characters of ids of objects that the stand-in does not hold: any id of that form is taken.
pub(crate) fn prefix_elsewhere(object: &str) -> Option<&'static str> {
    match object {
        "Account" => Some("001"),
        "User" => Some("005"),
        _ => None,
    }
}

impl FieldKind {
    /// Whether the value is a string in JSON that is not a date.
    pub(crate) fn is_text(self) -> bool {
        !matches!(self, Self::Boolean | Self::Int | Self::Double | Self::Date | Self::Datetime)
    }
}

impl Field {
    /// A boolean is never empty.
    pub(crate) fn initial(&self) -> Option<Value> {
        self.default.clone().or((self.kind == FieldKind::Boolean).then_some(Value::Bool(false)))
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Whether a record can be named by this field in a URL.
    pub(crate) fn is_key(&self) -> bool {
        self.external_id || self.kind == FieldKind::Email
    }

    /// As messages name it: `LastName` is Last Name, `PostSession_Id__c` is PostSession Id.
    pub(crate) fn label(&self) -> String {
        if let Some(name) = self.name.strip_suffix("__c") {
            return name.replace('_', " ");
        }
        let mut label = String::new();
        for letter in self.name.chars() {
            if letter.is_uppercase() && !label.is_empty() {
                label.push(' ');
            }
            label.push(letter);
        }
        match label.strip_suffix(" Id") {
            Some(reference) if self.kind == FieldKind::Reference => format!("{reference} ID"),
            _ => label,
        }
    }

    pub(crate) fn describe(&self) -> Value {
        let value = |value: &String| {
            let is_default = self.default.as_ref().is_some_and(|default| default == value);
            json!({ "active": true, "defaultValue": is_default, "label": value, "value": value })
        };
        json!({
            "name": self.name, "label": self.label(), "type": self.kind, "length": self.length,
            "custom": self.is_custom(), "createable": !self.read_only, "updateable": !self.read_only,
            "nillable": !self.required && self.kind != FieldKind::Boolean && self.kind != FieldKind::Id,
            "defaultedOnCreate": self.initial().is_some(), "externalId": self.external_id, "unique": self.unique,
            "caseSensitive": self.case_sensitive, "idLookup": self.is_key() || self.kind == FieldKind::Id,
            "restrictedPicklist": self.restricted,
            "picklistValues": self.values.iter().map(value).collect::<Vec<_>>(), "referenceTo": self.refers_to,
        })
    }
}

impl Object {
    /// Finds a field by its name in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_objects_can_be_read() {
        let names = standard_objects().into_iter().map(|object| object.name).collect::<Vec<_>>();
        assert_eq!(names, ["Contact", "Lead", "Task"]);
    }

    #[test]
    fn a_label_is_the_name_in_words() {
        let label = |name, kind| Field { name: str::to_owned(name), kind, ..Field::default() }.label();
        assert_eq!(label("LastName", FieldKind::String), "Last Name");
        assert_eq!(label("WhoId", FieldKind::Reference), "Who ID");
        assert_eq!(label("PostSession_Id__c", FieldKind::String), "PostSession Id");
    }
}
