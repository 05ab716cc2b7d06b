//! Objects and their fields.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A field's type, by Salesforce's name for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
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

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The most characters; 0 for what is no text.
    pub(crate) length: usize,
    pub(crate) writable: bool,
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

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) name: String,
    /// With which its ids begin.
    pub(crate) prefix: String,
    pub(crate) fields: Vec<Field>,
}

/// The longest text that can be looked for.
const LONGEST_FILTERED: usize = 255;

impl Kind {
    /// What it is in JSON, if it is text there.
    pub(crate) fn is_text(self) -> bool {
        !matches!(self, Self::Boolean | Self::Int | Self::Double | Self::Date | Self::Datetime)
    }
}

impl Field {
    pub(crate) fn new(name: &str, kind: Kind, length: usize) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            length,
            writable: true,
            required: false,
            external_id: false,
            unique: false,
            case_sensitive: false,
            values: Vec::new(),
            restricted: false,
            default: (kind == Kind::Boolean).then_some(Value::Bool(false)),
            refers_to: Vec::new(),
        }
    }

    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) fn read_only(mut self) -> Self {
        self.writable = false;
        self
    }

    /// A picklist that takes other values too.
    pub(crate) fn values(mut self, values: &[&str]) -> Self {
        self.values = values.iter().map(|value| (*value).to_owned()).collect();
        self
    }

    pub(crate) fn default(mut self, value: &str) -> Self {
        self.default = Some(json!(value));
        self
    }

    pub(crate) fn refers_to(mut self, objects: &[&str]) -> Self {
        self.refers_to = objects.iter().map(|object| (*object).to_owned()).collect();
        self
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Whether a record can be named by this field in a URL.
    pub(crate) fn is_key(&self) -> bool {
        self.external_id || self.kind == Kind::Email
    }

    pub(crate) fn is_filterable(&self) -> bool {
        self.kind != Kind::Textarea || self.length <= LONGEST_FILTERED
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
            Some(reference) if self.kind == Kind::Reference => format!("{reference} ID"),
            _ => label,
        }
    }
}

impl Object {
    pub(crate) fn new(name: &str, prefix: &str, fields: Vec<Field>) -> Self {
        let time = |name: &str| Field::new(name, Kind::Datetime, 0).read_only();
        let mut all =
            vec![Field::new("Id", Kind::Id, 18).read_only(), Field::new("IsDeleted", Kind::Boolean, 0).read_only()];
        all.extend([time("CreatedDate"), time("LastModifiedDate"), time("SystemModstamp")]);
        all.push(Field::new("OwnerId", Kind::Reference, 18).refers_to(&["User"]));
        all.extend(fields);
        Self { name: name.to_owned(), prefix: prefix.to_owned(), fields: all }
    }

    /// By its name in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_name_in_words() {
        let label = |name, kind| Field::new(name, kind, 0).label();
        assert_eq!(label("LastName", Kind::String), "Last Name");
        assert_eq!(label("WhoId", Kind::Reference), "Who ID");
        assert_eq!(label("PostSession_Id__c", Kind::String), "PostSession Id");
    }
}
