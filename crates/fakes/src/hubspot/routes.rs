//! Which request does what, and which scope it needs.

use axum::http::StatusCode;
use serde_json::json;

use super::portal::{CrmKind, Portal};
use super::{Call, associations, batch, error, objects, properties};
use crate::rest::{Problem, Reply};

const READ: &str = "crm.objects.contacts.read";
const WRITE: &str = "crm.objects.contacts.write";
const READ_SCHEMA: &str = "crm.schemas.contacts.read";
const WRITE_SCHEMA: &str = "crm.schemas.contacts.write";

/// Answers a request that the portal's limits let through.
pub(crate) fn route(portal: &mut Portal, method: &str, path: &[&str], call: &Call<'_>) -> Reply {
    let mut path = path.to_vec();
    // `/crm/v3/objects/…` is `/crm/objects/v3/…`: the version has moved to where the dated ones stand.
    if let ["crm", version, "objects" | "properties", ..] = path.as_slice()
        && version.starts_with('v')
    {
        path.swap(1, 2);
    }
    check_scopes(portal, method, &path)?;
    match (method, path.as_slice()) {
        ("POST", ["crm", "objects", version, kind]) => objects::create(portal, version, kind_of(kind)?, call),
        (_, ["crm", "objects", _, kind, rest @ ..]) => object(portal, method, kind_of(kind)?, rest, call),
        (_, ["crm", "properties", _, kind, rest @ ..]) => property(portal, method, kind_of(kind)?, rest, call),
        ("GET", ["crm-object-schemas", _, "schemas", kind]) => schema(portal, kind_of(kind)?),
        _ => Err(error::no_such_route()),
    }
}

/// A portal whose scopes were never set grants them all; notes have no scopes of their own.
fn check_scopes(portal: &Portal, method: &str, path: &[&str]) -> Result<(), Problem> {
    let needed: &[&str] = match (method, path) {
        ("POST", ["crm", "objects", .., "batch", "read"]) | ("GET", ["crm", "objects", ..]) => &[READ],
        (_, ["crm", "objects", ..]) => &[WRITE],
        ("GET", ["crm", "properties", ..]) => &[READ_SCHEMA, READ],
        ("GET", ["crm-object-schemas", ..]) => &[READ_SCHEMA],
        (_, ["crm", "properties", ..]) => &[WRITE_SCHEMA],
        _ => return Ok(()),
    };
    match &portal.scopes {
        Some(granted) if !needed.iter().any(|scope| granted.contains(*scope)) => Err(error::missing_scopes(needed)),
        _ => Ok(()),
    }
}

fn kind_of(segment: &str) -> Result<CrmKind, Problem> {
    let unknown = |_| error::invalid(format!("Unable to infer object type from: {segment} (the stand-in knows few)"));
    segment.parse().map_err(unknown)
}

fn object(portal: &mut Portal, method: &str, kind: CrmKind, rest: &[&str], call: &Call<'_>) -> Reply {
    match (method, rest) {
        ("POST", ["batch", "read"]) => batch::read(portal, kind, call),
        ("POST", ["batch", "upsert"]) if kind == CrmKind::Note => batch::upsert(portal, kind, call),
        ("GET", [id]) => objects::read(portal, kind, id, call),
        ("PATCH", [id]) => objects::update(portal, kind, id, call),
        ("DELETE", [id]) => objects::archive(portal, kind, id),
        ("GET", [id, "associations", to]) => associations::list(portal, (kind, id), kind_of(to)?, call),
        ("PUT", [id, "associations", "default", to, other]) => {
            associations::put_default(portal, (kind, id), (kind_of(to)?, other))
        }
        _ => Err(error::no_such_route()),
    }
}

fn property(portal: &mut Portal, method: &str, kind: CrmKind, rest: &[&str], call: &Call<'_>) -> Reply {
    match (method, rest) {
        ("GET", []) => properties::list(portal, kind),
        ("POST", []) => properties::define(portal, kind, call),
        ("GET", [name]) => properties::read(portal, kind, name),
        ("DELETE", [name]) => properties::archive(portal, kind, name),
        _ => Err(error::no_such_route()),
    }
}

/// `GET /crm-object-schemas/{version}/schemas/{object}`: the required properties only.
fn schema(portal: &Portal, kind: CrmKind) -> Reply {
    let required = if kind == CrmKind::Contact { json!(portal.required) } else { json!(["hs_timestamp"]) };
    let name = kind.to_string();
    Ok((StatusCode::OK, json!({ "name": name, "requiredProperties": required, "archived": false })))
}
