//! Scopes of tokens.

use super::error::Problem;
use super::portal::Portal;

const READ: &str = "crm.objects.contacts.read";
const WRITE: &str = "crm.objects.contacts.write";
const READ_SCHEMA: &str = "crm.schemas.contacts.read";
const WRITE_SCHEMA: &str = "crm.schemas.contacts.write";

/// The scopes of which a request needs one; an empty list needs none. Notes have no scopes of their own.
fn needed(method: &str, path: &[&str]) -> &'static [&'static str] {
    match (method, path) {
        ("POST", ["crm", "objects", .., "batch", "read"]) => &[READ],
        ("GET", ["crm", "objects", ..]) => &[READ],
        (_, ["crm", "objects", ..]) => &[WRITE],
        ("GET", ["crm", "properties", ..]) => &[READ_SCHEMA, READ],
        ("GET", ["crm-object-schemas", ..]) => &[READ_SCHEMA],
        (_, ["crm", "properties", ..]) => &[WRITE_SCHEMA],
        _ => &[],
    }
}

/// A portal whose scopes were never set grants them all.
pub(crate) fn check(portal: &Portal, method: &str, path: &[&str]) -> Result<(), Problem> {
    let (Some(granted), needed) = (&portal.scopes, needed(method, path)) else { return Ok(()) };
    match needed.is_empty() || needed.iter().any(|scope| granted.contains(*scope)) {
        true => Ok(()),
        false => Err(Problem::missing_scopes(needed)),
    }
}
