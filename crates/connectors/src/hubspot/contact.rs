//! The visitor as a contact.

use domain::email_address::EmailAddress;
use domain::integration::Mapping;
use domain::session::Visitor;
use serde_json::Value;

use super::client::{Portal, Properties};
use super::error_answer::may_be_of_a_property;
use crate::call::CallError;
use crate::job::Job;
use crate::reason::Reason;
use crate::{mapping, name};

/// As in [`Connection::fields`](domain::integration::Connection::fields).
pub(crate) const CONTACTS: &str = "contacts";
const EMAIL: &str = "email";
const LIFECYCLE: &str = "lifecyclestage";

/// Makes sure that there is one contact with this address, writes what is known of the visitor, and returns its id.
///
/// Never a search: it lags behind, and two sessions that end together would create two contacts.
pub(super) async fn upsert(portal: &Portal<'_>, job: &Job<'_>, email: &EmailAddress) -> Result<String, CallError> {
    let known = known(&job.session.visitor);
    let mapped = mapped(job, &portal.account.config.properties);
    let all: Properties = known.iter().chain(&mapped).map(|(name, value)| (name.clone(), value.clone())).collect();
    match write(portal, email, all).await {
        // One property that HubSpot does not take, or no longer, is not to cost the visitor and the note.
        Err(error) if may_be_of_a_property(&error) && !mapped.is_empty() => {
            let id = write(portal, email, known).await?;
            job.notes.leave_out("all mapped properties", "HubSpot refuses one of them; test the integration");
            Ok(id)
        }
        written => written,
    }
}

async fn write(portal: &Portal<'_>, email: &EmailAddress, mut properties: Properties) -> Result<String, CallError> {
    // The portal decides how far a contact has come; it only moves forward, and only a new one has not begun.
    let stage = properties.remove(LIFECYCLE);
    let found = if properties.is_empty() {
        portal.contact_by_email(email).await
    } else {
        portal.update_contact_by_email(email, &properties).await
    };
    match found {
        Err(error) if error.is(Reason::NotFound) => {}
        found => return found,
    }
    let new = properties.iter().map(|(name, value)| (name.clone(), value.clone()));
    let new = new.chain(stage.map(|stage| (LIFECYCLE.to_owned(), stage)));
    let new: Properties = new.chain([(EMAIL.to_owned(), email.as_str().to_owned())]).collect();
    let error = match portal.create_contact(&new).await {
        Ok(id) => return Ok(id),
        Err(error) => error,
    };
    // Another session was faster, or this is a secondary address of the contact; sent again, it would become the first.
    let Some(id) = error.existing() else { return Err(error) };
    if properties.is_empty() {
        return Ok(id.to_owned());
    }
    portal.update_contact(id, &properties).await.map_err(CallError::if_gone_again)
}

/// Lists what is known of the visitor; empty values are not sent, for they would clear what HubSpot knows.
fn known(visitor: &Visitor) -> Properties {
    let name = visitor.name.as_deref().map(name::split).unwrap_or_default();
    let phone = visitor.phone.as_deref().map(name::clean);
    let properties = [("firstname", name.first), ("lastname", name.last), ("phone", phone)];
    let filled =
        |(name, value): (&str, Option<String>)| Some((name.to_owned(), value.filter(|text| !text.is_empty())?));
    properties.into_iter().filter_map(filled).collect()
}

/// Lists the mapped properties, except for the address, which identifies the contact.
fn mapped(job: &Job<'_>, mapping: &Mapping) -> Properties {
    let values = mapping::values(job, CONTACTS, mapping);
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mapped = values.into_iter().map(|(name, value)| (name, text(value)));
    mapped.filter(|(name, value)| name != EMAIL && !value.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_sent() {
        let visitor = Visitor { name: Some("Ana".into()), phone: Some("  ".into()), ..Visitor::default() };
        assert_eq!(known(&visitor), Properties::from([("firstname".to_owned(), "Ana".to_owned())]));
        assert!(known(&Visitor::default()).is_empty());
    }
}
