//! The contacts of each note.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::portal::{Kind, Portal};
use super::{Call, Reply};

/// From a note to its contact.
const NOTE_TO_CONTACT: u32 = 202;
const CONTACT_TO_NOTE: u32 = 201;
/// The most associations on a page, and without `?limit=`.
const PAGE: usize = 500;

/// `GET …/contacts/{id}/associations/notes`: pages of `?limit=`, on from `?after=`.
pub(crate) fn list(portal: &mut Portal, contact: (Kind, &str), to: Kind, call: &Call<'_>) -> Reply {
    let (Kind::Contact, id, Kind::Note) = (contact.0, contact.1, to) else { return Err(Problem::no_such_route()) };
    portal.record(Kind::Contact, id)?;
    let limit = call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let after = call.query("after").and_then(|after| after.parse::<u64>().ok()).unwrap_or(0);
    let notes = portal.records(Kind::Note).iter().filter(|note| note.contacts.contains(id));
    let mut ids = notes.filter_map(|note| note.id.parse::<u64>().ok()).filter(|id| *id > after);
    let page = ids.by_ref().take(limit).collect::<Vec<_>>();
    let kinds = json!([{ "category": "HUBSPOT_DEFINED", "typeId": CONTACT_TO_NOTE, "label": null }]);
    let results = page.iter().map(|id| json!({ "toObjectId": id, "associationTypes": kinds })).collect::<Vec<_>>();
    let mut body = json!({ "results": results });
    if let (Some(_), Some(last)) = (ids.next(), page.last()) {
        body["paging"] = json!({ "next": { "after": last.to_string() } });
    }
    Ok((StatusCode::OK, body))
}

/// `PUT …/associations/default/{others}/{id}`, without a body: the same again changes nothing.
pub(crate) fn put_default(portal: &mut Portal, from: (Kind, &str), to: (Kind, &str)) -> Reply {
    let (note, contact) = match (from, to) {
        ((Kind::Note, note), (Kind::Contact, contact)) | ((Kind::Contact, contact), (Kind::Note, note)) => {
            (note, contact)
        }
        _ => return Err(Problem::invalid("The stand-in associates notes and contacts only")),
    };
    portal.record(Kind::Contact, contact)?;
    portal.record(Kind::Note, note)?.contacts.insert(contact.to_owned());
    let spec = |from: &str, to: &str, id: u32| {
        json!({
            "from": { "id": from }, "to": { "id": to },
            "associationSpec": { "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": id },
        })
    };
    let specs = vec![spec(note, contact, NOTE_TO_CONTACT), spec(contact, note, CONTACT_TO_NOTE)];
    Ok((StatusCode::OK, super::batch::complete(specs)))
}

/// The contacts in the body's `associations`, all of which must exist.
pub(crate) fn of_new_note(portal: &mut Portal, body: &Map<String, Value>) -> Result<BTreeSet<String>, Problem> {
    let associations = body.get("associations").and_then(Value::as_array).into_iter().flatten();
    let contact = |association: &Value| {
        let id = match association.pointer("/to/id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => return Err(Problem::invalid("Invalid input JSON: an association needs to.id")),
        };
        let types = association.get("types").and_then(Value::as_array).filter(|types| !types.is_empty());
        if !types.is_some_and(|types| types.iter().all(leads_to_contact)) {
            let message = format!("An association that way is of HUBSPOT_DEFINED type {NOTE_TO_CONTACT}");
            return Err(Problem::invalid(message));
        }
        let missing = |_| Problem::invalid(format!("Cannot associate with contact {id}: it does not exist"));
        portal.record(Kind::Contact, &id).map_err(missing)?;
        Ok(id)
    };
    associations.map(contact).collect()
}

fn leads_to_contact(kind: &Value) -> bool {
    kind.get("associationCategory").is_some_and(|category| category == "HUBSPOT_DEFINED")
        && kind.get("associationTypeId").is_some_and(|id| *id == NOTE_TO_CONTACT)
}
