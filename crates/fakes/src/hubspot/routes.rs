//! Which request does what.

use super::error::Problem;
use super::portal::{Kind, Portal};
use super::{Call, Reply, associations, batch, objects, properties, required, scopes};

/// Answers a request that the portal's limits let through.
pub(crate) fn route(portal: &mut Portal, method: &str, path: &[&str], call: &Call<'_>) -> Reply {
    let path = dated(path);
    scopes::check(portal, method, &path)?;
    match (method, path.as_slice()) {
        ("POST", ["crm", "objects", version, kind]) => {
            let kind = kind_of(kind)?;
            required::check(portal, version, kind, call)?;
            objects::create(portal, kind, call)
        }
        (_, ["crm", "objects", _, kind, rest @ ..]) => object(portal, method, kind_of(kind)?, rest, call),
        (_, ["crm", "properties", _, kind, rest @ ..]) => property(portal, method, kind_of(kind)?, rest, call),
        ("GET", ["crm-object-schemas", _, "schemas", kind]) => required::schema(portal, kind_of(kind)?),
        _ => Err(Problem::no_such_route()),
    }
}

/// `/crm/v3/objects/…` as `/crm/objects/v3/…`: the version has moved to where the dated ones stand.
fn dated<'a>(path: &[&'a str]) -> Vec<&'a str> {
    let mut path = path.to_vec();
    if let ["crm", version, "objects" | "properties", ..] = path.as_slice()
        && version.starts_with('v')
    {
        path.swap(1, 2);
    }
    path
}

fn kind_of(segment: &str) -> Result<Kind, Problem> {
    Kind::parse(segment).ok_or_else(|| {
        Problem::invalid(format!("Unable to infer object type from: {segment} (the stand-in knows few)"))
    })
}

fn object(portal: &mut Portal, method: &str, kind: Kind, rest: &[&str], call: &Call<'_>) -> Reply {
    match (method, rest) {
        ("POST", ["batch", "read"]) => batch::read(portal, kind, call),
        ("POST", ["batch", "upsert"]) if kind == Kind::Note => batch::upsert(portal, kind, call),
        ("GET", [id]) => objects::read(portal, kind, id, call),
        ("PATCH", [id]) => objects::update(portal, kind, id, call),
        ("DELETE", [id]) => objects::archive(portal, kind, id),
        ("GET", [id, "associations", to]) => associations::list(portal, (kind, id), kind_of(to)?, call),
        ("PUT", [id, "associations", "default", to, other]) => {
            associations::put_default(portal, (kind, id), (kind_of(to)?, other))
        }
        _ => Err(Problem::no_such_route()),
    }
}

fn property(portal: &mut Portal, method: &str, kind: Kind, rest: &[&str], call: &Call<'_>) -> Reply {
    match (method, rest) {
        ("GET", []) => properties::list(portal, kind),
        ("POST", []) => properties::define(portal, kind, call),
        ("GET", [name]) => properties::read(portal, kind, name),
        ("DELETE", [name]) => properties::archive(portal, kind, name),
        _ => Err(Problem::no_such_route()),
    }
}
