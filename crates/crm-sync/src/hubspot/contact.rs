//! The visitor as a contact.

use domain::email_address::EmailAddress;
use domain::session::Visitor;

use super::client::{Portal, Properties};
use super::error::HubSpotError;

/// Makes sure that there is one contact with this address, tells it what is known of the visitor, and returns its id.
///
/// Never a search: it lags behind, and two sessions that end together would create two contacts.
pub(super) async fn upsert(
    portal: &Portal<'_>,
    email: &EmailAddress,
    visitor: &Visitor,
) -> Result<String, HubSpotError> {
    let mut properties = known(visitor);
    let found = if properties.is_empty() {
        portal.contact_by_email(email).await
    } else {
        portal.update_contact_by_email(email, &properties).await
    };
    match found {
        Err(error) if error.is_not_found() => {}
        found => return found,
    }
    properties.insert("email", email.as_str().to_owned());
    let error = match portal.create_contact(&properties).await {
        Ok(id) => return Ok(id),
        Err(error) => error,
    };
    // Another session was faster, or this is a secondary address of the contact; sent again, it would become the first.
    let Some(id) = error.existing_contact() else { return Err(error) };
    properties.remove("email");
    if properties.is_empty() { Ok(id.to_owned()) } else { portal.update_contact(id, &properties).await }
}

/// What is known of the visitor; nothing is sent as empty, for that would clear what HubSpot knows.
fn known(visitor: &Visitor) -> Properties {
    let name = visitor.name.as_deref().map(split).unwrap_or_default();
    let phone = visitor.phone.as_deref().map(clean);
    let properties = [("firstname", name.first), ("lastname", name.last), ("phone", phone)];
    properties.into_iter().filter_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?))).collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Name {
    first: Option<String>,
    last: Option<String>,
}

/// "Ana María López" and "López, Ana María"; the first word is the first name, what follows the last name.
///
/// People's names are more varied than that, but a second first name among the last names is found by any search.
fn split(name: &str) -> Name {
    let name = clean(name);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (first, last) = match name.split_once(',') {
        Some((last, first)) => (first.trim(), last.trim()),
        None => name.split_once(' ').unwrap_or((&name, "")),
    };
    Name { first: some(first), last: some(last) }
}

/// Without control characters, and single spaces between words.
fn clean(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_into_first_and_last() {
        for (name, first, last) in [
            ("Ana", Some("Ana"), None),
            ("Ana López", Some("Ana"), Some("López")),
            ("  Ana \n María\tLópez ", Some("Ana"), Some("María López")),
            ("López García, Ana María", Some("Ana María"), Some("López García")),
            ("López,", None, Some("López")),
            (" ", None, None),
            (",", None, None),
            ("山田 太郎", Some("山田"), Some("太郎")),
        ] {
            let expected = Name { first: first.map(str::to_owned), last: last.map(str::to_owned) };
            assert_eq!(split(name), expected, "{name:?}");
        }
    }

    #[test]
    fn only_what_is_known_is_sent() {
        let visitor = Visitor { name: Some("Ana".into()), phone: Some("  ".into()), ..Visitor::default() };
        assert_eq!(known(&visitor), Properties::from([("firstname", "Ana".to_owned())]));
        assert!(known(&Visitor::default()).is_empty());
    }
}
