//! Definitions of properties.

use serde::{Deserialize, Serialize};

use super::super::error;
use crate::rest::Problem;

/// A property's `type`.
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Choice {
    label: String,
    pub(crate) value: String,
    hidden: bool,
    display_order: i32,
    description: Option<String>,
}

/// One property of contacts or notes, as HubSpot lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Definition {
    pub(crate) name: String,
    label: String,
    group_name: String,
    #[serde(rename = "type")]
    pub(crate) kind: Type,
    pub(crate) field_type: String,
    description: Option<String>,
    options: Option<Vec<Choice>>,
    #[serde(default)]
    pub(crate) has_unique_value: bool,
    #[serde(default)]
    calculated: bool,
    #[serde(default)]
    hubspot_defined: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    pub(crate) modification_metadata: Metadata,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    archivable: bool,
    read_only_definition: bool,
    pub(crate) read_only_value: bool,
}

impl Definition {
    /// A custom property from its definition, whose marks of HubSpot's own properties do not count.
    pub(crate) fn custom(mut new: Self) -> Result<Self, Problem> {
        (new.calculated, new.hubspot_defined, new.archived) = (false, false, false);
        new.modification_metadata = Metadata { archivable: true, ..Metadata::default() };
        if [&new.name, &new.label, &new.group_name, &new.field_type].iter().any(|value| value.is_empty()) {
            return Err(error::invalid("Invalid input JSON: name, label, groupName and fieldType are required"));
        }
        if !is_name(&new.name) {
            let message = "Property names begin with a letter and have lower-case letters, digits and underscores";
            return Err(error::invalid(message));
        }
        if new.has_unique_value && !matches!(new.kind, Type::String | Type::Number) {
            return Err(error::invalid("Only properties of type string and number can be unique"));
        }
        if new.kind == Type::Bool && new.choices().is_empty() {
            let choices = [("Yes", "true"), ("No", "false")].map(|(label, value)| [label, value].map(str::to_owned));
            new.options = Some(choices.map(|[label, value]| Choice { label, value, ..Choice::default() }).into());
        }
        Ok(new.listed())
    }

    /// HubSpot's own properties, from a list of them.
    pub(crate) fn of_hubspot(list: &str) -> Vec<Self> {
        let listed: Vec<Self> = serde_json::from_str(list).unwrap_or_default();
        listed.into_iter().map(|own| Self { hubspot_defined: true, ..own }.listed()).collect()
    }

    /// HubSpot lists no `null` here.
    fn listed(mut self) -> Self {
        self.options.get_or_insert_default();
        self.description.get_or_insert_default();
        self
    }

    pub(crate) fn choices(&self) -> &[Choice] {
        self.options.as_deref().unwrap_or_default()
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
