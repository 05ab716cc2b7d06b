//! Contacts and notes, in what they share.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::Value;

use super::error::Problem;
use super::portal::{Kind, Portal, strings};
use super::{Call, Reply, associations, contacts, notes, properties};

/// `POST …/{objects}`: 201.
pub(crate) fn create(portal: &mut Portal, kind: Kind, call: &Call<'_>) -> Reply {
    let body = call.json()?;
    let properties = strings(&body)?;
    check(portal, kind, &properties, None)?;
    let contacts = match kind {
        Kind::Contact => BTreeSet::new(),
        Kind::Note => associations::of_new_note(portal, &body)?,
    };
    Ok((StatusCode::CREATED, add(portal, kind, properties, contacts)))
}

/// `GET …/{objects}/{id}`, also by a unique property: `?idProperty=`.
pub(crate) fn read(portal: &mut Portal, kind: Kind, id: &str, call: &Call<'_>) -> Reply {
    let id = find(portal, kind, id, call.query("idProperty"))?;
    let wanted = call.wanted().unwrap_or_else(|| by_default(kind));
    Ok((StatusCode::OK, portal.record(kind, &id)?.view(kind, &wanted)))
}

/// `PATCH …/{objects}/{id}`, also by a unique property: what is not named stays. 404 for none.
pub(crate) fn update(portal: &mut Portal, kind: Kind, id: &str, call: &Call<'_>) -> Reply {
    let properties = strings(&call.json()?)?;
    let id = find(portal, kind, id, call.query("idProperty"))?;
    check(portal, kind, &properties, Some(&id))?;
    Ok((StatusCode::OK, change(portal, kind, &id, properties)?))
}

/// `DELETE …/{objects}/{id}`: it is gone for every other request.
pub(crate) fn archive(portal: &mut Portal, kind: Kind, id: &str) -> Reply {
    portal.records_mut(kind).retain(|record| record.id != id);
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

/// The properties that HubSpot answers with unless asked for others.
pub(crate) fn by_default(kind: Kind) -> Vec<String> {
    match kind {
        Kind::Contact => contacts::DEFAULT.map(str::to_owned).to_vec(),
        Kind::Note => Vec::new(),
    }
}

/// The id of the record that has a value, which is its id unless a unique property is named.
pub(crate) fn find(portal: &Portal, kind: Kind, value: &str, property: Option<&str>) -> Result<String, Problem> {
    let records = portal.records(kind);
    let found = match property {
        None | Some("hs_object_id") => records.iter().find(|record| record.id == value),
        // Only the primary address finds a contact, though its others are taken too.
        Some("email") if kind == Kind::Contact => records.iter().find(|record| contacts::has_primary(record, value)),
        Some(name) if properties::is_unique(portal, kind, name) => {
            records.iter().find(|record| record.has(name, value))
        }
        Some(name) => {
            return Err(Problem::invalid(format!("'{name}' is not a unique property of {}s", kind.singular())));
        }
    };
    found.map(|record| record.id.clone()).ok_or_else(|| Problem::not_found(kind.singular(), value))
}

/// Checks the properties of a record; `own` is the id of a record that is being changed.
pub(crate) fn check(
    portal: &Portal,
    kind: Kind,
    properties: &BTreeMap<String, String>,
    own: Option<&str>,
) -> Result<(), Problem> {
    check_values(portal, kind, properties, own.is_none())?;
    if kind == Kind::Contact {
        contacts::check_addresses(portal, properties, own)?;
    }
    properties::check_unique(portal, kind, properties, own)
}

/// Checks the properties apart from the portal's other records.
pub(crate) fn check_values(
    portal: &Portal,
    kind: Kind,
    properties: &BTreeMap<String, String>,
    is_new: bool,
) -> Result<(), Problem> {
    properties::check(portal, kind, properties)?;
    match kind {
        Kind::Contact => contacts::check(properties, is_new),
        Kind::Note => notes::check(properties, is_new),
    }
}

/// Stores a new record whose properties were checked.
pub(crate) fn add(
    portal: &mut Portal,
    kind: Kind,
    mut properties: BTreeMap<String, String>,
    contacts: BTreeSet<String>,
) -> Value {
    let names = properties.keys().cloned().collect::<Vec<_>>();
    notes::sanitize(&mut properties);
    let mut record = portal.new_record();
    record.set(properties);
    record.contacts = contacts;
    let view = record.view(kind, &names);
    portal.records_mut(kind).push(record);
    view
}

/// Changes a record to properties that were checked.
pub(crate) fn change(
    portal: &mut Portal,
    kind: Kind,
    id: &str,
    mut properties: BTreeMap<String, String>,
) -> Result<Value, Problem> {
    let record = portal.record(kind, id)?;
    notes::sanitize(&mut properties);
    contacts::keep_stage(record, &mut properties);
    let names = properties.keys().cloned().collect::<Vec<_>>();
    record.set(properties);
    Ok(record.view(kind, &names))
}
