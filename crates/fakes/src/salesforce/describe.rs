//! What the API says of itself: versions, objects and their fields.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::org::Org;
use super::schema::{Field, Kind, Object};
use super::{Call, Reply, VERSIONS};

/// `GET /services/data/`, which needs no token.
pub(crate) fn versions() -> Value {
    let version = |number: u32| {
        json!({ "label": format!("Version {number}"), "url": format!("/services/data/v{number}.0"),
                "version": format!("{number}.0") })
    };
    VERSIONS.map(version).collect()
}

/// `GET /services/data/{version}/`.
pub(crate) fn resources(call: &Call<'_>) -> Reply {
    let url = |name: &str| format!("/services/data/{}/{name}", call.version);
    Ok((StatusCode::OK, json!({ "limits": url("limits"), "query": url("query"), "sobjects": url("sobjects") })))
}

/// `GET …/limits`: of the day.
pub(crate) fn limits(org: &Org) -> Reply {
    let (most, remaining) = org.remaining();
    Ok((StatusCode::OK, json!({ "DailyApiRequests": { "Max": most, "Remaining": remaining } })))
}

/// `GET …/sobjects`.
pub(crate) fn objects(org: &Org) -> Reply {
    let seen = org.objects.iter().filter(|object| !org.settings.hidden.contains(&object.name));
    let objects = seen.map(|object| about(org, object)).collect::<Vec<_>>();
    Ok((StatusCode::OK, json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects })))
}

/// `GET …/sobjects/{Object}/describe`.
pub(crate) fn object(org: &Org, name: &str) -> Reply {
    let object = org.object(name)?;
    let mut description = about(org, &object);
    description["fields"] = object.fields.iter().map(field).collect();
    Ok((StatusCode::OK, description))
}

fn about(org: &Org, object: &Object) -> Value {
    let createable = !org.settings.not_createable.contains(&object.name);
    json!({
        "name": object.name, "label": object.name.trim_end_matches("__c").replace('_', " "),
        "keyPrefix": object.prefix, "custom": object.is_custom(),
        "createable": createable, "updateable": true, "deletable": true, "queryable": true,
    })
}

fn field(field: &Field) -> Value {
    let value = |value: &String| {
        let is_default = field.default.as_ref().is_some_and(|default| default == value);
        json!({ "active": true, "defaultValue": is_default, "label": value, "value": value })
    };
    json!({
        "name": field.name, "label": field.label(), "type": field.kind, "length": field.length,
        "custom": field.is_custom(), "createable": field.writable, "updateable": field.writable,
        "nillable": !field.required && field.kind != Kind::Boolean && field.kind != Kind::Id,
        "defaultedOnCreate": field.default.is_some(), "externalId": field.external_id, "unique": field.unique,
        "caseSensitive": field.case_sensitive, "idLookup": field.is_key() || field.kind == Kind::Id,
        "filterable": field.is_filterable(), "sortable": field.is_filterable(),
        "restrictedPicklist": field.restricted,
        "picklistValues": field.values.iter().map(value).collect::<Vec<_>>(), "referenceTo": field.refers_to,
    })
}
