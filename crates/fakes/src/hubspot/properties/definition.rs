//! What a property is.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::error::Problem;

/// What HubSpot calls a property's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Type {
    String,
    Number,
    Bool,
    Enumeration,
    Date,
    DateTime,
}

/// A value that a property may have.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Choice {
    pub(crate) label: String,
    pub(crate) value: String,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    display_order: i32,
    #[serde(default)]
    description: Option<String>,
}

impl Choice {
    pub(crate) fn new(label: &str, value: &str) -> Self {
        let (label, value) = (label.to_owned(), value.to_owned());
        Self { label, value, hidden: false, display_order: -1, description: None }
    }
}

/// One property of contacts or notes; as it is posted, HubSpot's marks are not looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) group_name: String,
    #[serde(rename = "type")]
    pub(crate) kind: Type,
    pub(crate) field_type: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) options: Option<Vec<Choice>>,
    #[serde(default)]
    pub(crate) has_unique_value: bool,
    #[serde(default)]
    pub(crate) external_options: bool,
    #[serde(skip)]
    pub(crate) is_hubspots: bool,
    #[serde(skip)]
    pub(crate) is_calculated: bool,
    #[serde(skip)]
    pub(crate) is_read_only: bool,
}

impl Definition {
    /// A custom property from the body that defines it.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let parsed = serde_json::from_slice::<Self>(body);
        let mut new = parsed.map_err(|error| Problem::invalid(format!("Invalid input JSON on {error}")))?;
        let required = [
            ("name", &new.name),
            ("label", &new.label),
            ("groupName", &new.group_name),
            ("fieldType", &new.field_type),
        ];
        if let Some((name, _)) = required.iter().find(|(_, value)| value.is_empty()) {
            return Err(Problem::invalid(format!("Invalid input JSON: '{name}' is required")));
        }
        if !is_name(&new.name) {
            let message = "Property names begin with a letter and have lower-case letters, digits and underscores";
            return Err(Problem::invalid(message));
        }
        if new.has_unique_value && !matches!(new.kind, Type::String | Type::Number) {
            return Err(Problem::invalid("Only properties of type string and number can be unique"));
        }
        if new.kind == Type::Bool && new.choices().is_empty() {
            new.options = Some(yes_and_no());
        }
        Ok(new)
    }

    pub(crate) fn choices(&self) -> &[Choice] {
        self.options.as_deref().unwrap_or_default()
    }

    pub(crate) fn view(&self) -> Value {
        json!({
            "name": self.name, "label": self.label, "type": self.kind, "fieldType": self.field_type,
            "description": self.description.as_deref().unwrap_or_default(), "groupName": self.group_name,
            "options": self.choices(), "displayOrder": -1, "calculated": self.is_calculated,
            "externalOptions": self.external_options, "archived": false, "hasUniqueValue": self.has_unique_value,
            "hidden": false, "formField": !self.is_read_only, "hubspotDefined": self.is_hubspots,
            "modificationMetadata": {
                "archivable": !self.is_hubspots, "readOnlyDefinition": self.is_hubspots, "readOnlyValue": self.is_read_only,
            },
        })
    }
}

/// What a bool is to HubSpot.
pub(crate) fn yes_and_no() -> Vec<Choice> {
    vec![Choice::new("Yes", "true"), Choice::new("No", "false")]
}

fn is_name(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
