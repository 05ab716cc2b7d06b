//! The contacts of each note.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::portal::{CrmKind, Portal};
use super::{Call, batch, error};
use crate::rest::{Problem, Reply};

/// From a note to its contact.
const NOTE_TO_CONTACT: u32 = 202;
const CONTACT_TO_NOTE: u32 = 201;
/// The most associations on a page, and without `?limit=`.
const PAGE: usize = 500;

/// An association of a new record.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    to: Target,
    #[serde(default)]
    types: Vec<AssociationType>,
}

#[derive(Debug, Deserialize)]
struct Target {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssociationType {
    association_category: String,
    association_type_id: u32,
}

/// `GET …/contacts/{id}/associations/notes`: pages of `?limit=`, on from `?after=`.
pub(crate) fn list(portal: &mut Portal, contact: (CrmKind, &str), to: CrmKind, call: &Call<'_>) -> Reply {
    let (CrmKind::Contact, id, CrmKind::Note) = (contact.0, contact.1, to) else {
        return Err(error::no_such_route());
    };
    portal.record(CrmKind::Contact, id)?;
    let limit = call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let after = call.query("after").and_then(|after| after.parse::<u64>().ok()).unwrap_or(0);
    let notes = portal.all(CrmKind::Note).filter(|note| note.contacts.contains(id));
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
pub(crate) fn put_default(portal: &mut Portal, from: (CrmKind, &str), to: (CrmKind, &str)) -> Reply {
    let (note, contact) = match (from, to) {
        ((CrmKind::Note, note), (CrmKind::Contact, contact)) | ((CrmKind::Contact, contact), (CrmKind::Note, note)) => {
            (note, contact)
        }
        _ => return Err(error::invalid("The stand-in associates notes and contacts only")),
    };
    portal.record(CrmKind::Contact, contact)?;
    portal.record(CrmKind::Note, note)?.contacts.insert(contact.to_owned());
    let specs = [(note, contact, NOTE_TO_CONTACT), (contact, note, CONTACT_TO_NOTE)].map(|(from, to, id)| {
        json!({
            "from": { "id": from }, "to": { "id": to },
            "associationSpec": { "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": id },
        })
    });
    Ok((StatusCode::OK, batch::complete(specs.into())))
}

/// The contacts of a new note, all of which must exist.
pub(crate) fn of_new_note(portal: &mut Portal, inputs: Vec<Input>) -> Result<BTreeSet<String>, Problem> {
    let contact = |Input { to: Target { id }, types }: Input| {
        let leads_to_contact = |one: &AssociationType| {
            one.association_category == "HUBSPOT_DEFINED" && one.association_type_id == NOTE_TO_CONTACT
        };
        if types.is_empty() || !types.iter().all(leads_to_contact) {
            return Err(error::invalid(format!(
                "An association that way is of HUBSPOT_DEFINED type {NOTE_TO_CONTACT}"
            )));
        }
        match portal.record(CrmKind::Contact, &id) {
            Ok(_) => Ok(id),
            Err(_) => Err(error::invalid(format!("Cannot associate with contact {id}: it does not exist"))),
        }
    };
    inputs.into_iter().map(contact).collect()
}
