//! Checks of a HubSpot account: its token, the mapped properties, required ones, and the unique property of notes.

mod key;
mod required;

use std::collections::BTreeMap;

use domain::integration::{FieldType, Source};
use reqwest::Method;
use serde::Deserialize;

use super::Checked;
use super::fit::{Fit, fit};
use crate::call::CallError;
use crate::hubspot::HubspotAccount;
use crate::hubspot::contact::CONTACTS;
use crate::rest::NO_BODY;

/// The longest text that a property of HubSpot holds, in characters, and so at most in UTF-16 units.
const MAX_TEXT: u32 = 65_536;
/// Properties by which a sync finds contacts.
const IDENTITY: [&str; 2] = ["email", "hs_additional_emails"];

#[derive(Deserialize)]
struct Listed {
    results: Vec<Property>,
}

/// A property of contacts, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Property {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    field_type: String,
    #[serde(default)]
    options: Vec<PropertyOption>,
    /// The options are kept elsewhere: `options` need not have them.
    #[serde(default)]
    external_options: bool,
    #[serde(default)]
    calculated: bool,
    #[serde(default)]
    has_unique_value: bool,
    #[serde(default)]
    modification_metadata: Modification,
}

#[derive(Debug, Deserialize)]
struct PropertyOption {
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Modification {
    read_only_value: bool,
}

/// Asks HubSpot. Answers that cannot be used are errors; problems of the configuration and notices are in the result.
pub(super) async fn check(account: &HubspotAccount<'_>) -> Result<Checked, CallError> {
    let operation = "list the properties of contacts";
    let listed: Listed = account.api.call(operation, Method::GET, &account.properties(CONTACTS), NO_BODY).await?;
    let known: BTreeMap<_, _> = listed.results.iter().map(|property| (property.name.as_str(), property)).collect();
    let mut checked = Checked::default();
    for (name, source) in account.config.properties.iter() {
        match mapped(name, source, known.get(name).copied()) {
            Ok((kind, notice)) => {
                checked.connection.fields.insert(format!("{CONTACTS}.{name}"), kind);
                checked.notices.extend(notice);
                let is_unique = known.get(name).is_some_and(|property| property.has_unique_value);
                checked.notices.extend(is_unique.then(|| taken_once(name)));
            }
            Err(why) => {
                let source = source.as_ref();
                checked.problems.push(format!("config.properties.{name}: cannot be set to {source}: {why}"));
            }
        }
    }
    required::look(account, &mut checked).await?;
    let key = key::probe(account).await;
    checked.connection.unique_note_property = key.is_unique;
    checked.problems.extend(key.problem);
    checked.notices.extend(key.notices);
    Ok(checked)
}

fn taken_once(name: &str) -> String {
    format!(
        "{name} takes a value in one contact only: where another one has it already, all mapped properties are left \
         out."
    )
}

fn mapped(name: &str, source: &Source, property: Option<&Property>) -> Result<Fit, String> {
    if IDENTITY.contains(&name) {
        return Err("it says which contact this is, and is never changed".to_owned());
    }
    let property = property.ok_or("contacts have no such property; names are internal ones, in lower case")?;
    if property.calculated || property.modification_metadata.read_only_value {
        return Err("HubSpot sets it itself".to_owned());
    }
    fit(&property.name, kind(property)?, source)
}

fn kind(property: &Property) -> Result<FieldType, String> {
    let values = || property.options.iter().map(|choice| choice.value.clone()).collect::<Vec<_>>();
    match property.kind.as_str() {
        "string" | "phone_number" => Ok(FieldType::Text { max_length: Some(MAX_TEXT) }),
        "number" => Ok(FieldType::Number),
        "bool" => Ok(FieldType::Boolean),
        // Its options need not be listed: HubSpot judges each value.
        "enumeration" if property.external_options => Ok(FieldType::Text { max_length: None }),
        "enumeration" if property.field_type == "booleancheckbox" => Ok(FieldType::Boolean),
        "enumeration" => Ok(FieldType::Options { values: values(), is_multiple: property.field_type == "checkbox" }),
        "date" => Ok(FieldType::Date),
        "datetime" => Ok(FieldType::DateTime),
        _ => Err("properties of its type are not supported".to_owned()),
    }
}
