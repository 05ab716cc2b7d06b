//! The properties of contacts and notes, and the values that they take.

mod definition;
mod value;

use std::sync::LazyLock;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::portal::{CrmKind, Portal, Properties};
use super::{Call, error};
use crate::rest::{Problem, Reply};

pub(crate) use definition::Definition;

/// The most unique properties per object.
const MOST_UNIQUE: usize = 10;

/// HubSpot's own properties of a kind, as far as a sync may meet them.
fn of_hubspot(kind: CrmKind) -> &'static [Definition] {
    static CONTACTS: LazyLock<Vec<Definition>> =
        LazyLock::new(|| Definition::of_hubspot(include_str!("properties/contacts.json")));
    static NOTES: LazyLock<Vec<Definition>> =
        LazyLock::new(|| Definition::of_hubspot(include_str!("properties/notes.json")));
    match kind {
        CrmKind::Contact => &CONTACTS,
        CrmKind::Note => &NOTES,
    }
}

fn definition<'a>(portal: &'a Portal, kind: CrmKind, name: &str) -> Option<&'a Definition> {
    of_hubspot(kind)
        .iter()
        .find(|definition| definition.name == name)
        .or_else(|| portal.custom.get(&(kind, name.to_owned())))
}

/// Whether HubSpot keeps the values of a custom property apart.
pub(crate) fn is_unique(portal: &Portal, kind: CrmKind, name: &str) -> bool {
    portal.custom.get(&(kind, name.to_owned())).is_some_and(|definition| definition.has_unique_value)
}

/// The place of a lifecycle stage among all: a contact only moves forward.
pub(crate) fn rank_of_stage(stage: &str) -> Option<usize> {
    let stages = of_hubspot(CrmKind::Contact).iter().find(|definition| definition.name == "lifecyclestage")?;
    stages.choices().iter().position(|choice| choice.value == stage)
}

/// Refuses unknown and read-only properties and wrong values, and names all of them at once.
pub(crate) fn check(portal: &Portal, kind: CrmKind, set: &Properties) -> Result<(), Problem> {
    let refused = set.iter().filter_map(|(name, value)| {
        let refused = match definition(portal, kind, name) {
            None => Some(("PROPERTY_DOESNT_EXIST", format!("Property \"{name}\" does not exist"))),
            Some(definition) => value::refused(definition, value),
        };
        Some((name.as_str(), refused?))
    });
    let refused = refused.collect::<Vec<_>>();
    if refused.is_empty() { Ok(()) } else { Err(error::properties(&refused)) }
}

/// Refuses a value of a unique property that another record has; `own` is the record that is being changed.
pub(crate) fn check_unique(portal: &Portal, kind: CrmKind, set: &Properties, own: Option<&str>) -> Result<(), Problem> {
    for (name, value) in set.iter().filter(|(name, value)| !value.is_empty() && is_unique(portal, kind, name)) {
        if let Some(other) = portal.others(kind, own).find(|record| record.has(name, value)) {
            let message = format!("{} already has that value.", other.id);
            return Err(error::properties(&[(name, ("CONFLICTING_UNIQUE_VALUE", message))]));
        }
    }
    Ok(())
}

/// `GET /crm/properties/{version}/{objects}`: all.
pub(crate) fn list(portal: &Portal, kind: CrmKind) -> Reply {
    let custom = portal.custom.iter().filter(|((of, _), _)| *of == kind).map(|(_, definition)| definition);
    let results = of_hubspot(kind).iter().chain(custom).collect::<Vec<_>>();
    Ok((StatusCode::OK, json!({ "results": results })))
}

/// `POST /crm/properties/{version}/{objects}`: 201, or 409 when there is one.
pub(crate) fn define(portal: &mut Portal, kind: CrmKind, call: &Call<'_>) -> Reply {
    let new = Definition::custom(call.json()?)?;
    if definition(portal, kind, &new.name).is_some() {
        return Err(error::property_exists(&new.name));
    }
    let unique = portal.custom.iter().filter(|((of, _), other)| *of == kind && other.has_unique_value).count();
    if new.has_unique_value && unique >= MOST_UNIQUE {
        return Err(error::invalid(format!("An object has at most {MOST_UNIQUE} unique properties")));
    }
    let view = json!(new);
    portal.custom.insert((kind, new.name.clone()), new);
    Ok((StatusCode::CREATED, view))
}

/// `GET /crm/properties/{version}/{objects}/{name}`.
pub(crate) fn read(portal: &Portal, kind: CrmKind, name: &str) -> Reply {
    Ok((StatusCode::OK, json!(definition(portal, kind, name).ok_or_else(|| error::not_found("property", name))?)))
}

/// `DELETE /crm/properties/{version}/{objects}/{name}`: a custom one only.
pub(crate) fn archive(portal: &mut Portal, kind: CrmKind, name: &str) -> Reply {
    match portal.custom.remove(&(kind, name.to_owned())) {
        Some(_) => Ok((StatusCode::NO_CONTENT, Value::Null)),
        None => Err(error::not_found("property", name)),
    }
}
