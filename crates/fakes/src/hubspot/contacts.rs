//! Contacts: never two with one address.

use std::collections::BTreeMap;

use super::error::Problem;
use super::portal::{Kind, Portal, Record};

/// Properties of a contact that HubSpot answers with by default; a new contact needs one of them.
pub(crate) const DEFAULT: [&str; 3] = ["email", "firstname", "lastname"];

/// The lifecycle stages in their order: a contact only moves forward.
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

pub(crate) fn check(properties: &BTreeMap<String, String>, is_new: bool) -> Result<(), Problem> {
    let is_named = || DEFAULT.iter().any(|name| properties.get(*name).is_some_and(|value| !value.is_empty()));
    if is_new && !is_named() {
        return Err(Problem::invalid("A contact needs at least one of email, firstname and lastname"));
    }
    Ok(())
}

/// 409 when one of the addresses is taken.
pub(crate) fn check_addresses(
    portal: &Portal,
    properties: &BTreeMap<String, String>,
    own: Option<&str>,
) -> Result<(), Problem> {
    let others = || portal.records(Kind::Contact).iter().filter(|contact| Some(contact.id.as_str()) != own);
    let holder = addresses(properties).find_map(|address| {
        others().find(|contact| addresses(&contact.properties).any(|taken| taken.eq_ignore_ascii_case(address)))
    });
    holder.map_or(Ok(()), |contact| Err(Problem::contact_exists(&contact.id)))
}

fn addresses(properties: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    let primary = properties.get("email").map(String::as_str);
    let others = properties.get("hs_additional_emails").map(String::as_str).unwrap_or_default().split(';');
    primary.into_iter().chain(others).map(str::trim).filter(|address| !address.is_empty())
}

pub(crate) fn has_primary(contact: &Record, address: &str) -> bool {
    contact.properties.get("email").is_some_and(|own| own.eq_ignore_ascii_case(address))
}

/// Drops a stage that would lead backwards: HubSpot ignores it and says nothing.
pub(crate) fn keep_stage(contact: &Record, properties: &mut BTreeMap<String, String>) {
    let now = contact.properties.get("lifecyclestage").map(String::as_str);
    if properties.get("lifecyclestage").is_some_and(|next| is_back(next, now)) {
        properties.remove("lifecyclestage");
    }
}

fn is_back(next: &str, now: Option<&str>) -> bool {
    let rank = |stage: &str| LIFECYCLE.iter().position(|known| *known == stage);
    now.is_some_and(|now| rank(next) < rank(now)) && !next.is_empty()
}
