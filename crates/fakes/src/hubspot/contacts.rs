//! Contacts: found by id or address, and never two with one address.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::Problem;
use super::portal::{Portal, Record, strings};
use super::properties::{self, LIFECYCLE};
use super::{Call, Reply};

const MODIFIED: &str = "lastmodifieddate";
const DEFAULT: [&str; 3] = ["email", "firstname", "lastname"];

/// `POST …/contacts`: 201, or 409 when one of the addresses is taken.
pub(crate) fn create(portal: &mut Portal, call: &Call<'_>) -> Reply {
    let properties = strings(&call.json()?)?;
    properties::check(portal, "contacts", &properties)?;
    if !DEFAULT.iter().any(|name| properties.get(*name).is_some_and(|value| !value.is_empty())) {
        return Err(Problem::invalid("A contact needs at least one of email, firstname and lastname"));
    }
    check_addresses(portal, &properties, None)?;
    let mut contact = portal.new_record();
    let names = properties.keys().cloned().collect::<Vec<_>>();
    contact.set(properties);
    let view = contact.view(&names, MODIFIED);
    portal.contacts.push(contact);
    Ok((StatusCode::CREATED, view))
}

/// `GET …/contacts/{id}`, by address with `?idProperty=email`.
pub(crate) fn read(portal: &mut Portal, id: &str, call: &Call<'_>) -> Reply {
    let wanted = call.wanted().unwrap_or_else(|| DEFAULT.map(str::to_owned).to_vec());
    let contact = find(portal, id, call)?;
    Ok((StatusCode::OK, contact.view(&wanted, MODIFIED)))
}

/// `PATCH …/contacts/{id}`, by address with `?idProperty=email`: 200, or 404 for none.
pub(crate) fn update(portal: &mut Portal, id: &str, call: &Call<'_>) -> Reply {
    let mut properties = strings(&call.json()?)?;
    let (id, stage) = {
        let contact = find(portal, id, call)?;
        (contact.id.clone(), contact.properties.get("lifecyclestage").cloned())
    };
    properties::check(portal, "contacts", &properties)?;
    check_addresses(portal, &properties, Some(&id))?;
    if properties.get("lifecyclestage").is_some_and(|next| is_back(next, stage.as_deref())) {
        properties.remove("lifecyclestage");
    }
    let names = properties.keys().cloned().collect::<Vec<_>>();
    let contact = portal.contact(&id)?;
    contact.set(properties);
    Ok((StatusCode::OK, contact.view(&names, MODIFIED)))
}

/// `DELETE …/contacts/{id}`: the contact is gone for every other request.
pub(crate) fn archive(portal: &mut Portal, id: &str) -> Reply {
    portal.contacts.retain(|contact| contact.id != id);
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

/// Only the primary address finds a contact, though its others are taken too.
fn find<'a>(portal: &'a mut Portal, id: &str, call: &Call<'_>) -> Result<&'a mut Record, Problem> {
    match call.query.get("idProperty").map(String::as_str) {
        None | Some("hs_object_id") => portal.contact(id),
        Some("email") => {
            let primary =
                |contact: &&mut Record| contact.properties.get("email").is_some_and(|own| own.eq_ignore_ascii_case(id));
            portal.contacts.iter_mut().find(primary).ok_or_else(|| Problem::not_found("contact", id))
        }
        Some(other) => Err(Problem::invalid(format!("'{other}' is not a unique property of contacts"))),
    }
}

fn addresses(properties: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    let primary = properties.get("email").map(String::as_str);
    let others = properties.get("hs_additional_emails").map(String::as_str).unwrap_or_default().split(';');
    primary.into_iter().chain(others).map(str::trim).filter(|address| !address.is_empty())
}

fn check_addresses(portal: &Portal, properties: &BTreeMap<String, String>, own: Option<&str>) -> Result<(), Problem> {
    let others = || portal.contacts.iter().filter(|contact| Some(contact.id.as_str()) != own);
    let holder = addresses(properties).find_map(|address| {
        others().find(|contact| addresses(&contact.properties).any(|taken| taken.eq_ignore_ascii_case(address)))
    });
    holder.map_or(Ok(()), |contact| Err(Problem::contact_exists(&contact.id)))
}

fn is_back(next: &str, now: Option<&str>) -> bool {
    let rank = |stage: &str| LIFECYCLE.iter().position(|known| *known == stage);
    now.is_some_and(|now| rank(next) < rank(now)) && !next.is_empty()
}

/// What an association answers about its ends.
pub(crate) fn association(from: &str, to: &str, type_id: u32) -> Value {
    json!({
        "from": { "id": from }, "to": { "id": to },
        "associationSpec": { "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id },
    })
}
