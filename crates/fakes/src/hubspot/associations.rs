//! Which note hangs on which contact.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::portal::{Kind, Portal};
use super::{Call, Reply};

/// From a note to its contact.
const NOTE_TO_CONTACT: u32 = 202;
const CONTACT_TO_NOTE: u32 = 201;
/// Associations on a page, at most and unless asked for fewer.
const PAGE: usize = 500;

/// An object of a path: its kind and id.
type End<'a> = (Kind, &'a str);

/// The type of the association that leads to this kind from the other.
fn leading_to(kind: Kind) -> u32 {
    match kind {
        Kind::Contact => NOTE_TO_CONTACT,
        Kind::Note => CONTACT_TO_NOTE,
    }
}

/// `GET …/{objects}/{id}/associations/{others}`: pages of `?limit=`, on from `?after=`.
pub(crate) fn list(portal: &mut Portal, (kind, id): End<'_>, to: Kind, call: &Call<'_>) -> Reply {
    portal.record(kind, id)?;
    let notes = portal.records(Kind::Note).iter();
    let others = match (kind, to) {
        (Kind::Contact, Kind::Note) => {
            notes.filter(|note| note.contacts.contains(id)).map(|note| note.id.as_str()).collect()
        }
        (Kind::Note, Kind::Contact) => {
            notes.filter(|note| note.id == id).flat_map(|note| note.contacts.iter().map(String::as_str)).collect()
        }
        _ => Vec::new(),
    };
    let limit = call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let after = call.query("after").and_then(|after| after.parse::<u64>().ok()).unwrap_or(0);
    let mut ids = others.into_iter().filter_map(|id| id.parse::<u64>().ok()).filter(|id| *id > after);
    let page = ids.by_ref().take(limit).collect::<Vec<_>>();
    let kinds = json!([{ "category": "HUBSPOT_DEFINED", "typeId": leading_to(to), "label": null }]);
    let results = page.iter().map(|id| json!({ "toObjectId": id, "associationTypes": kinds })).collect::<Vec<_>>();
    let mut body = json!({ "results": results });
    if let (Some(_), Some(last)) = (ids.next(), page.last()) {
        body["paging"] = json!({ "next": { "after": last.to_string() } });
    }
    Ok((StatusCode::OK, body))
}

/// `PUT …/associations/default/{others}/{id}`, without a body: the same again changes nothing.
pub(crate) fn put_default(portal: &mut Portal, from: End<'_>, to: End<'_>) -> Reply {
    link(portal, from, to)?;
    let spec = |(_, from): End<'_>, (kind, to): End<'_>| {
        json!({
            "from": { "id": from }, "to": { "id": to },
            "associationSpec": { "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": leading_to(kind) },
        })
    };
    Ok((StatusCode::OK, super::batch::complete(vec![spec(from, to), spec(to, from)])))
}

/// `PUT …/associations/{others}/{id}` with the types as its body.
pub(crate) fn put(portal: &mut Portal, from: End<'_>, to: End<'_>, call: &Call<'_>) -> Reply {
    let types = serde_json::from_slice::<Value>(call.body).unwrap_or_default();
    check_types(Some(&types), leading_to(to.0))?;
    link(portal, from, to)?;
    let labels = json!({
        "fromObjectTypeId": type_id(from.0), "fromObjectId": from.1, "toObjectTypeId": type_id(to.0),
        "toObjectId": to.1, "labels": [],
    });
    Ok((StatusCode::CREATED, labels))
}

/// `DELETE …/associations/{others}/{id}`: also when there was none.
pub(crate) fn remove(portal: &mut Portal, from: End<'_>, to: End<'_>) -> Reply {
    let (note, contact) = ends(from, to)?;
    if let Ok(note) = portal.record(Kind::Note, note) {
        note.contacts.remove(contact);
    }
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

fn type_id(kind: Kind) -> &'static str {
    match kind {
        Kind::Contact => "0-1",
        Kind::Note => "0-46",
    }
}

fn link(portal: &mut Portal, from: End<'_>, to: End<'_>) -> Result<(), Problem> {
    let (note, contact) = ends(from, to)?;
    portal.record(Kind::Contact, contact)?;
    portal.record(Kind::Note, note)?.contacts.insert(contact.to_owned());
    Ok(())
}

/// The note and the contact.
fn ends<'a>(from: End<'a>, to: End<'a>) -> Result<(&'a str, &'a str), Problem> {
    match (from, to) {
        ((Kind::Note, note), (Kind::Contact, contact)) | ((Kind::Contact, contact), (Kind::Note, note)) => {
            Ok((note, contact))
        }
        _ => Err(Problem::invalid("The stand-in associates notes and contacts only")),
    }
}

/// The contacts in the body's `associations`, all of which must exist.
pub(crate) fn of_new_note(portal: &mut Portal, body: &Map<String, Value>) -> Result<BTreeSet<String>, Problem> {
    let associations = body.get("associations").and_then(Value::as_array).into_iter().flatten();
    associations
        .map(|association| {
            let id = match association.pointer("/to/id") {
                Some(Value::String(id)) => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                _ => return Err(Problem::invalid("Invalid input JSON: an association needs to.id")),
            };
            check_types(association.get("types"), NOTE_TO_CONTACT)?;
            portal
                .record(Kind::Contact, &id)
                .map_err(|_| Problem::invalid(format!("Cannot associate with contact {id}: it does not exist")))?;
            Ok(id)
        })
        .collect()
}

fn check_types(types: Option<&Value>, expected: u32) -> Result<(), Problem> {
    let fits = |kind: &Value| {
        kind.get("associationCategory").is_some_and(|category| category == "HUBSPOT_DEFINED")
            && kind.get("associationTypeId").is_some_and(|id| *id == expected)
    };
    let types = types.and_then(Value::as_array).filter(|types| !types.is_empty());
    match types.is_some_and(|types| types.iter().all(fits)) {
        true => Ok(()),
        false => Err(Problem::invalid(format!("An association that way is of HUBSPOT_DEFINED type {expected}"))),
    }
}
