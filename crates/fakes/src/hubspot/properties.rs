//! Which properties exist, and which values they take.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::Problem;
use super::portal::Portal;
use super::{Call, Reply};

/// The most unique properties per object.
const MOST_UNIQUE: usize = 10;

/// HubSpot's own contact properties that a sync may set.
#[rustfmt::skip]
const CONTACT: [&str; 27] = [
    "address", "annualrevenue", "city", "company", "country", "email", "firstname", "hs_additional_emails", "hs_language", "hs_lead_status",
    "hs_timezone", "hs_whatsapp_phone_number", "hubspot_owner_id", "industry", "jobtitle", "lastname", "lifecyclestage", "message",
    "mobilephone", "numemployees", "phone", "preferred_language", "salutation", "state", "twitterhandle", "website", "zip",
];
const NOTE: [&str; 4] = ["hs_attachment_ids", "hs_note_body", "hs_timestamp", "hubspot_owner_id"];

/// In their order: a contact only moves forward.
pub(crate) const LIFECYCLE: [&str; 8] = [
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
];
const LEAD_STATUS: [&str; 8] =
    ["NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING"];

/// Top-level domains that do not exist (RFC 2606 and 6762).
const NO_DOMAINS: [&str; 5] = ["example", "invalid", "local", "localhost", "test"];

/// Refuses unknown properties, impossible addresses and values outside an enumeration.
pub(crate) fn check(portal: &Portal, object: &str, properties: &BTreeMap<String, String>) -> Result<(), Problem> {
    let standard: &[&str] = if object == "contacts" { &CONTACT } else { &NOTE };
    for (name, value) in properties {
        let custom = portal.custom.contains_key(&(object.to_owned(), name.clone()));
        if !custom && !standard.contains(&name.as_str()) {
            return Err(Problem::property(
                name,
                "PROPERTY_DOESNT_EXIST",
                format!("Property \"{name}\" does not exist"),
            ));
        }
        let options: &[&str] = match name.as_str() {
            "lifecyclestage" => &LIFECYCLE,
            "hs_lead_status" => &LEAD_STATUS,
            _ => &[],
        };
        if !value.is_empty() && !options.is_empty() && !options.contains(&value.as_str()) {
            let message = format!("{value} was not one of the allowed options: [{}]", options.join(", "));
            return Err(Problem::property(name, "INVALID_OPTION", message));
        }
        if name == "email" && !value.is_empty() && !is_plausible(value) {
            return Err(Problem::property(name, "INVALID_EMAIL", format!("Email address {value} is invalid")));
        }
    }
    Ok(())
}

/// `local@domain.tld` with a top-level domain that could exist.
fn is_plausible(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let Some((host, top)) = domain.rsplit_once('.') else { return false };
    let clean = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@' || c == ',');
    let top = top.to_ascii_lowercase();
    clean(local)
        && clean(host)
        && top.len() >= 2
        && top.chars().all(char::is_alphabetic)
        && !NO_DOMAINS.contains(&top.as_str())
}

/// `POST /crm/properties/{version}/{object}`.
pub(crate) fn define(portal: &mut Portal, object: &str, call: &Call<'_>) -> Reply {
    let body = call.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    for required in ["name", "label", "groupName", "type", "fieldType"] {
        text(required).ok_or_else(|| Problem::invalid(format!("Invalid input JSON: '{required}' is required")))?;
    }
    let name = text("name").unwrap_or_default();
    if exists(portal, object, name) {
        return Err(Problem::property_exists(name));
    }
    let unique = body.get("hasUniqueValue") == Some(&Value::Bool(true));
    let others = portal.custom.iter().filter(|((of, _), unique)| of == object && **unique).count();
    if unique && others >= MOST_UNIQUE {
        return Err(Problem::invalid(format!("An object has at most {MOST_UNIQUE} unique properties")));
    }
    portal.custom.insert((object.to_owned(), name.to_owned()), unique);
    Ok((StatusCode::CREATED, Value::Object(body)))
}

/// `GET /crm/properties/{version}/{object}/{name}`.
pub(crate) fn read(portal: &Portal, object: &str, name: &str) -> Reply {
    if !exists(portal, object, name) {
        return Err(Problem::not_found("property", name));
    }
    let unique = portal.custom.get(&(object.to_owned(), name.to_owned())).copied();
    Ok((
        StatusCode::OK,
        json!({ "name": name, "hubspotDefined": unique.is_none(), "hasUniqueValue": unique.unwrap_or(false) }),
    ))
}

fn exists(portal: &Portal, object: &str, name: &str) -> bool {
    let standard: &[&str] = if object == "contacts" { &CONTACT } else { &NOTE };
    standard.contains(&name) || portal.custom.contains_key(&(object.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_domain_that_could_exist() {
        for address in ["ana@example.com", "ana+x@mail.example.co.uk", "ANA@EXAMPLE.MUSEUM"] {
            assert!(is_plausible(address), "{address}");
        }
        for address in [
            "ana",
            "ana@localhost",
            "ana@example.c",
            "ana@example.123",
            "ana@acme.invalid",
            "a b@example.com",
            "@example.com",
        ] {
            assert!(!is_plausible(address), "{address}");
        }
    }
}
