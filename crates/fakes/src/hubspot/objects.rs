//! Contacts and notes, one at a time.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::portal::{CrmKind, Portal, Properties};
use super::{Call, associations, error, properties};
use crate::rest::{Problem, Reply};

/// Properties of a contact that HubSpot answers with by default; a new contact needs one of them.
const DEFAULT: [&str; 3] = ["email", "firstname", "lastname"];
/// From this version on the API enforces the properties that a portal's administrators require of new contacts.
const REQUIRED_SINCE: &str = "2026-09";
/// The longest `hs_note_body`, in characters.
const LONGEST_BODY: usize = 65_536;

/// The body that creates or changes a record.
#[derive(Debug, Deserialize)]
struct Input {
    properties: Properties,
    #[serde(default)]
    associations: Vec<associations::Input>,
}

/// `POST …/{objects}`: 201.
pub(crate) fn create(portal: &mut Portal, version: &str, kind: CrmKind, call: &Call<'_>) -> Reply {
    let Input { properties, associations } = call.json()?;
    if kind == CrmKind::Contact && version.starts_with(|c: char| c.is_ascii_digit()) && version >= REQUIRED_SINCE {
        let is_missing = |name: &&String| properties.get(*name).is_none_or(String::is_empty);
        let missing = portal.required.iter().filter(is_missing).collect::<Vec<_>>();
        if !missing.is_empty() {
            return Err(error::required(&missing));
        }
    }
    check(portal, kind, &properties, None)?;
    let contacts = match kind {
        CrmKind::Contact => BTreeSet::new(),
        CrmKind::Note => associations::of_new_note(portal, associations)?,
    };
    Ok((StatusCode::CREATED, add(portal, kind, properties, contacts)))
}

/// `GET …/{objects}/{id}`, also by a unique property: `?idProperty=`.
pub(crate) fn read(portal: &mut Portal, kind: CrmKind, id: &str, call: &Call<'_>) -> Reply {
    let id = find(portal, kind, id, call.query("idProperty"))?;
    let by_default = if kind == CrmKind::Contact { DEFAULT.map(str::to_owned).to_vec() } else { Vec::new() };
    Ok((StatusCode::OK, portal.record(kind, &id)?.view(&call.wanted().unwrap_or(by_default))))
}

/// `PATCH …/{objects}/{id}`, also by a unique property: what is not named stays. 404 for none.
pub(crate) fn update(portal: &mut Portal, kind: CrmKind, id: &str, call: &Call<'_>) -> Reply {
    let Input { properties, .. } = call.json()?;
    let id = find(portal, kind, id, call.query("idProperty"))?;
    check(portal, kind, &properties, Some(&id))?;
    Ok((StatusCode::OK, change(portal, kind, &id, properties)?))
}

/// `DELETE …/{objects}/{id}`: it is gone for every other request.
pub(crate) fn archive(portal: &mut Portal, kind: CrmKind, id: &str) -> Reply {
    portal.remove(kind, id);
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

/// The id of the record that has a value, which is its id unless a unique property is named.
pub(crate) fn find(portal: &Portal, kind: CrmKind, value: &str, property: Option<&str>) -> Result<String, Problem> {
    let is_address = property == Some("email") && kind == CrmKind::Contact;
    let mut records = portal.all(kind);
    let found = match property {
        None | Some("hs_object_id") => records.find(|record| record.id == value),
        // Only the primary address finds a contact, though its others are taken too.
        Some(name) if is_address || properties::is_unique(portal, kind, name) => records.find(|record| {
            let own = record.properties.get(name);
            own.is_some_and(|own| own == value || (is_address && own.eq_ignore_ascii_case(value)))
        }),
        Some(name) => return Err(error::invalid(format!("'{name}' is not a unique property of {kind}s"))),
    };
    found.map(|record| record.id.clone()).ok_or_else(|| error::not_found(&kind.to_string(), value))
}

/// Checks the properties of a record; `own` is the id of a record that is being changed.
pub(crate) fn check(portal: &Portal, kind: CrmKind, set: &Properties, own: Option<&str>) -> Result<(), Problem> {
    check_values(portal, kind, set, own.is_none())?;
    if kind == CrmKind::Contact {
        check_addresses(portal, set, own)?;
    }
    properties::check_unique(portal, kind, set, own)
}

/// Checks the properties apart from the portal's other records.
pub(crate) fn check_values(portal: &Portal, kind: CrmKind, set: &Properties, is_new: bool) -> Result<(), Problem> {
    properties::check(portal, kind, set)?;
    let has = |name: &str| set.get(name).is_some_and(|value| !value.is_empty());
    let length = set.get("hs_note_body").map_or(0, |body| body.chars().count());
    match kind {
        CrmKind::Contact if is_new && !DEFAULT.into_iter().any(has) => {
            Err(error::invalid("A contact needs at least one of email, firstname and lastname"))
        }
        CrmKind::Note if is_new && !has("hs_timestamp") => {
            let refused = ("MISSING_REQUIRED_PROPERTY", "hs_timestamp is required".to_owned());
            Err(error::properties(&[("hs_timestamp", refused)]))
        }
        CrmKind::Note if length > LONGEST_BODY => {
            let message = format!("hs_note_body has {length} characters, the limit is {LONGEST_BODY}");
            Err(error::properties(&[("hs_note_body", ("INVALID_LENGTH", message))]))
        }
        _ => Ok(()),
    }
}

/// 409 when one of the addresses is taken.
fn check_addresses(portal: &Portal, set: &Properties, own: Option<&str>) -> Result<(), Problem> {
    let holder = addresses(set).find_map(|address| {
        let has = |taken: &str| taken.eq_ignore_ascii_case(address);
        portal.others(CrmKind::Contact, own).find(|contact| addresses(&contact.properties).any(has))
    });
    holder.map_or(Ok(()), |contact| Err(error::contact_exists(&contact.id)))
}

fn addresses(set: &Properties) -> impl Iterator<Item = &str> {
    let lists = ["email", "hs_additional_emails"].into_iter().filter_map(|name| set.get(name));
    lists.flat_map(|list| list.split(';')).map(str::trim).filter(|address| !address.is_empty())
}

/// Stores a new record whose properties were checked.
pub(crate) fn add(portal: &mut Portal, kind: CrmKind, mut set: Properties, contacts: BTreeSet<String>) -> Value {
    drop_comments(&mut set);
    portal.add(kind, set, contacts)
}

/// Changes a record to properties that were checked.
pub(crate) fn change(portal: &mut Portal, kind: CrmKind, id: &str, mut set: Properties) -> Result<Value, Problem> {
    drop_comments(&mut set);
    let record = portal.record(kind, id)?;
    // HubSpot ignores a stage that would lead backwards, and says nothing.
    let stage = |set: &Properties| set.get("lifecyclestage").and_then(|stage| properties::rank_of_stage(stage));
    if stage(&set).is_some_and(|next| Some(next) < stage(&record.properties)) {
        set.remove("lifecyclestage");
    }
    Ok(record.set(set))
}

/// HubSpot's editor keeps no comments.
fn drop_comments(set: &mut Properties) {
    let Some(body) = set.get_mut("hs_note_body") else { return };
    while let Some(start) = body.find("<!--") {
        let end = body[start..].find("-->").map_or(body.len(), |length| start + length + "-->".len());
        body.replace_range(start..end, "");
    }
}
