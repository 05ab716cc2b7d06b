//! The properties that a portal's administrators require of new contacts.

use axum::http::StatusCode;
use serde_json::json;

use super::error::Problem;
use super::portal::{Kind, Portal, strings};
use super::{Call, Reply};

/// From this version on the API enforces them.
const ENFORCED_SINCE: &str = "2026-09";

/// Refuses a new contact that lacks one.
pub(crate) fn check(portal: &Portal, version: &str, kind: Kind, call: &Call<'_>) -> Result<(), Problem> {
    let is_dated = version.starts_with(|c: char| c.is_ascii_digit());
    if kind != Kind::Contact || !is_dated || version < ENFORCED_SINCE {
        return Ok(());
    }
    let set = strings(&call.json()?)?;
    let is_missing = |name: &&String| set.get(*name).is_none_or(String::is_empty);
    let missing = portal.required.iter().filter(is_missing).collect::<Vec<_>>();
    if missing.is_empty() { Ok(()) } else { Err(Problem::required(&missing)) }
}

/// `GET /crm-object-schemas/{version}/schemas/{object}`: the required properties only.
pub(crate) fn schema(portal: &Portal, kind: Kind) -> Reply {
    let required = if kind == Kind::Contact { json!(portal.required) } else { json!(["hs_timestamp"]) };
    Ok((StatusCode::OK, json!({ "name": kind.singular(), "requiredProperties": required, "archived": false })))
}
