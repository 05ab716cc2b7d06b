//! Notes and the contacts they hang on.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::contacts::association;
use super::error::Problem;
use super::portal::{Note, Portal, strings};
use super::properties;
use super::{Call, Reply};

pub(crate) const MODIFIED: &str = "hs_lastmodifieddate";
/// The longest `hs_note_body`, in characters.
const LONGEST_BODY: usize = 65_536;
/// From a note to its contact; the way back is 201.
const NOTE_TO_CONTACT: u32 = 202;
const CONTACT_TO_NOTE: u32 = 201;
/// Associations on a page, at most and unless asked for fewer.
const PAGE: usize = 500;

/// `POST …/notes`: 201.
pub(crate) fn create(portal: &mut Portal, call: &Call<'_>) -> Reply {
    let body = call.json()?;
    let properties = strings(&body)?;
    check(portal, &properties, None)?;
    let contacts = associated(portal, &body)?;
    let names = properties.keys().cloned().collect::<Vec<_>>();
    let note = insert(portal, properties, contacts);
    Ok((StatusCode::CREATED, note.record.view(&names, MODIFIED)))
}

/// Stores a note that was checked.
pub(crate) fn insert(
    portal: &mut Portal,
    mut properties: BTreeMap<String, String>,
    contacts: BTreeSet<String>,
) -> &Note {
    if let Some(body) = properties.get_mut("hs_note_body") {
        *body = sanitized(body);
    }
    let mut record = portal.new_record();
    record.set(properties);
    let at = portal.notes.len();
    portal.notes.push(Note { record, contacts });
    &portal.notes[at]
}

/// `own` is the note that is being changed.
pub(crate) fn check(portal: &Portal, properties: &BTreeMap<String, String>, own: Option<&str>) -> Result<(), Problem> {
    properties::check(portal, "notes", properties)?;
    let timestamp = properties.get("hs_timestamp").map(String::as_str).unwrap_or_default();
    if timestamp.is_empty() && own.is_none() {
        return Err(Problem::property(
            "hs_timestamp",
            "MISSING_REQUIRED_PROPERTY",
            "hs_timestamp is required".to_owned(),
        ));
    }
    if !timestamp.is_empty() && timestamp.parse::<DateTime<Utc>>().is_err() && timestamp.parse::<i64>().is_err() {
        let message = format!("{timestamp} was not a valid date");
        return Err(Problem::property("hs_timestamp", "INVALID_DATE", message));
    }
    let length = properties.get("hs_note_body").map_or(0, |body| body.chars().count());
    if length > LONGEST_BODY {
        let message = format!("hs_note_body has {length} characters, the limit is {LONGEST_BODY}");
        return Err(Problem::property("hs_note_body", "INVALID_LENGTH", message));
    }
    check_unique(portal, properties, own)
}

fn check_unique(portal: &Portal, properties: &BTreeMap<String, String>, own: Option<&str>) -> Result<(), Problem> {
    for (name, value) in properties {
        let unique = portal.custom.get(&("notes".to_owned(), name.clone())).copied().unwrap_or(false);
        let mut others = portal.notes.iter().filter(|note| Some(note.record.id.as_str()) != own);
        if unique && let Some(other) = others.find(|note| note.record.properties.get(name) == Some(value)) {
            let message = format!("{} already has that value.", other.record.id);
            return Err(Problem::property(name, "CONFLICTING_UNIQUE_VALUE", message));
        }
    }
    Ok(())
}

/// The contacts in the body's `associations`, all of which must exist.
fn associated(portal: &mut Portal, body: &Map<String, Value>) -> Result<BTreeSet<String>, Problem> {
    let associations = body.get("associations").and_then(Value::as_array).into_iter().flatten();
    associations
        .map(|association| {
            let id = match association.pointer("/to/id") {
                Some(Value::String(id)) => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                _ => return Err(Problem::invalid("Invalid input JSON: an association needs to.id")),
            };
            let types = association.get("types").and_then(Value::as_array).filter(|types| !types.is_empty());
            let fits = |kind: &Value| {
                kind.get("associationCategory").is_some_and(|category| category == "HUBSPOT_DEFINED")
                    && kind.get("associationTypeId").is_some_and(|id| *id == NOTE_TO_CONTACT)
            };
            if !types.is_some_and(|types| types.iter().all(fits)) {
                return Err(Problem::invalid(format!(
                    "A note hangs on a contact by HUBSPOT_DEFINED type {NOTE_TO_CONTACT}"
                )));
            }
            portal
                .contact(&id)
                .map_err(|_| Problem::invalid(format!("Cannot associate with contact {id}: it does not exist")))?;
            Ok(id)
        })
        .collect()
}

/// HubSpot's editor drops comments.
fn sanitized(html: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some((before, comment)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// `GET …/notes/{id}`.
pub(crate) fn read(portal: &mut Portal, id: &str, call: &Call<'_>) -> Reply {
    let wanted = call.wanted().unwrap_or_default();
    Ok((StatusCode::OK, portal.note(id)?.record.view(&wanted, MODIFIED)))
}

/// `PATCH …/notes/{id}`: what is not named stays.
pub(crate) fn update(portal: &mut Portal, id: &str, call: &Call<'_>) -> Reply {
    let mut properties = strings(&call.json()?)?;
    portal.note(id)?;
    check(portal, &properties, Some(id))?;
    if let Some(body) = properties.get_mut("hs_note_body") {
        *body = sanitized(body);
    }
    let names = properties.keys().cloned().collect::<Vec<_>>();
    let record = &mut portal.note(id)?.record;
    record.set(properties);
    Ok((StatusCode::OK, record.view(&names, MODIFIED)))
}

/// `DELETE …/notes/{id}`: the note is gone for every other request.
pub(crate) fn archive(portal: &mut Portal, id: &str) -> Reply {
    portal.notes.retain(|note| note.record.id != id);
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

/// `PUT …/notes/{id}/associations/default/contacts/{contact}`: the same again changes nothing.
pub(crate) fn associate(portal: &mut Portal, id: &str, contact: &str) -> Reply {
    portal.contact(contact)?;
    portal.note(id)?.contacts.insert(contact.to_owned());
    let results = [association(id, contact, NOTE_TO_CONTACT), association(contact, id, CONTACT_TO_NOTE)];
    Ok((StatusCode::OK, json!({ "status": "COMPLETE", "results": results })))
}

/// `GET …/contacts/{id}/associations/notes`: pages of `?limit=`, on from `?after=`.
pub(crate) fn of_contact(portal: &mut Portal, id: &str, call: &Call<'_>) -> Reply {
    portal.contact(id)?;
    let limit = call.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let after = call.query.get("after").and_then(|after| after.parse::<u64>().ok()).unwrap_or(0);
    let number = |note: &Note| note.record.id.parse::<u64>().unwrap_or(0);
    let mut ids =
        portal.notes.iter().filter(|note| note.contacts.contains(id)).map(number).filter(|note| *note > after);
    let page = ids.by_ref().take(limit).collect::<Vec<_>>();
    let kinds = json!([{ "category": "HUBSPOT_DEFINED", "typeId": CONTACT_TO_NOTE, "label": null }]);
    let results = page.iter().map(|note| json!({ "toObjectId": note, "associationTypes": kinds })).collect::<Vec<_>>();
    let mut body = json!({ "results": results });
    if let (Some(_), Some(last)) = (ids.next(), page.last()) {
        body["paging"] = json!({ "next": { "after": last.to_string() } });
    }
    Ok((StatusCode::OK, body))
}
