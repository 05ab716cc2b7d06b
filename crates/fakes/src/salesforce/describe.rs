//! Objects and their fields, as far as the user sees them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Reply;
use super::org::Org;
use super::schema::{Field, Kind};

/// `GET …/sobjects/{Object}/describe`.
pub(crate) fn object(org: &Org, name: &str) -> Reply {
    let object = org.object(name)?;
    let description = json!({
        "name": object.name, "label": object.name, "keyPrefix": object.prefix, "custom": false,
        "createable": !org.settings.not_createable.contains(&object.name), "updateable": true, "deletable": true,
        "queryable": true, "fields": object.fields.iter().map(field).collect::<Vec<_>>(),
    });
    Ok((StatusCode::OK, description))
}

fn field(field: &Field) -> Value {
    let value = |value: &String| {
        let is_default = field.default.as_ref().is_some_and(|default| default == value);
        json!({ "active": true, "defaultValue": is_default, "label": value, "value": value })
    };
    json!({
        "name": field.name, "label": field.label(), "type": field.kind, "length": field.length,
        "custom": field.is_custom(), "createable": !field.read_only, "updateable": !field.read_only,
        "nillable": !field.required && field.kind != Kind::Boolean && field.kind != Kind::Id,
        "defaultedOnCreate": field.initial().is_some(), "externalId": field.external_id, "unique": field.unique,
        "caseSensitive": field.case_sensitive, "idLookup": field.is_key() || field.kind == Kind::Id,
        "restrictedPicklist": field.restricted,
        "picklistValues": field.values.iter().map(value).collect::<Vec<_>>(), "referenceTo": field.refers_to,
    })
}
