//! The properties that the account's administrators require of a new contact.

use reqwest::Method;
use serde::Deserialize;

use crate::call::CallError;
use crate::check::Checked;
use crate::hubspot::HubspotAccount;
use crate::rest::NO_BODY;

/// From this version on the API refuses new contacts without them; before, only HubSpot's own pages do.
const ENFORCED_SINCE: &str = "2026-09";
/// HubSpot's id of the object "contact".
const CONTACT: &str = "0-1";
/// Each contact that a sync makes has one.
const ALWAYS_SET: &str = "email";
/// Properties that a sync sets if it knows them.
const SOMETIMES_SET: [&str; 3] = ["firstname", "lastname", "phone"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    #[serde(default)]
    required_properties: Vec<String>,
}

/// Reports required properties that no sync sets. HubSpot does not list rules that require one because of another.
pub(super) async fn look(account: &HubspotAccount<'_>, checked: &mut Checked) -> Result<(), CallError> {
    if !enforces(account.config.api_version.as_ref()) {
        return Ok(());
    }
    let operation = "read which properties are required";
    let read = account.api.call(operation, Method::GET, &account.schema(CONTACT), NO_BODY).await;
    let schema: Schema = match read {
        Err(error) if error.is_momentary() => return Err(error),
        Err(error) => {
            checked.notices.push(format!(
                "Whether HubSpot requires properties of new contacts that a sync does not set is unknown, because a \
                 request failed ({error})."
            ));
            return Ok(());
        }
        Ok(schema) => schema,
    };
    for name in schema.required_properties.iter().filter(|name| *name != ALWAYS_SET) {
        let is_mapped = account.config.properties.iter().any(|(mapped, _)| mapped == name);
        if is_mapped || SOMETIMES_SET.contains(&name.as_str()) {
            checked.notices.push(format!(
                "HubSpot requires {name} of new contacts: sessions of new visitors without a value for it fail."
            ));
        } else {
            checked.problems.push(format!(
                "config.properties: HubSpot requires {name} of new contacts, and a sync does not set it: map it, or require \
                 it no longer"
            ));
        }
    }
    Ok(())
}

/// Versions with a date, which `v3` and the like have not.
fn enforces(version: &str) -> bool {
    version.starts_with(|c: char| c.is_ascii_digit()) && version >= ENFORCED_SINCE
}

#[cfg(test)]
mod tests {
    #[test]
    fn later_versions_enforce_what_is_required() {
        for (version, enforces) in [("2026-03", false), ("2026-09", true), ("2027-03", true), ("v3", false)] {
            assert_eq!(super::enforces(version), enforces, "{version}");
        }
    }
}
