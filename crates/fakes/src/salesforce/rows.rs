//! Records: made, read, changed and removed, by id or by a field that names them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::org::{DuplicateRule, Fields, Org, OrgRecord};
use super::schema::{Field, Object};
use super::{Call, error, id, query, values};
use crate::rest::{Problem, Reply};

/// `…/sobjects/{Object}/…`, which a user may not see at all.
pub(crate) fn route(org: &mut Org, object: &str, (method, path): (&str, &[&str]), call: &Call<'_>) -> Reply {
    let object = &org.object(object)?;
    match (method, path) {
        ("POST", []) => create(org, object, call),
        ("GET", ["describe"]) => describe(org, object),
        ("GET", [id]) => read(org, object, id, call),
        ("PATCH", [id]) => update(org, object, id, call),
        ("DELETE", [id]) => delete(org, object, id),
        ("GET", [field, value]) => read_by(org, object, (field, value), call),
        ("PATCH", [field, value]) => upsert(org, object, (field, value), call),
        _ => Err(error::no_such_resource()),
    }
}

/// `POST …/sobjects/{Object}`: 201.
fn create(org: &mut Org, object: &Object, call: &Call<'_>) -> Reply {
    let id = insert(org, object, values::read(object, &call.object()?, &["Id"])?, call)?;
    Ok((StatusCode::CREATED, json!({ "id": id, "success": true, "errors": [] })))
}

fn insert(org: &mut Org, object: &Object, fields: Fields, call: &Call<'_>) -> Result<String, Problem> {
    if org.settings.not_createable.contains(&object.name) {
        let message = format!("entity type cannot be inserted: {}", object.name);
        return Err(error::refused("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, &[]));
    }
    values::check(org, object, &fields, None)?;
    check_duplicates(org, object, &fields, call)?;
    Ok(org.insert(object, fields))
}

/// `GET …/sobjects/{Object}/describe`, as far as the user sees it.
fn describe(org: &Org, object: &Object) -> Reply {
    let Object { name, prefix, fields } = object;
    let description = json!({
        "name": name, "label": name, "keyPrefix": prefix, "custom": false,
        "createable": !org.settings.not_createable.contains(name), "updateable": true, "deletable": true,
        "queryable": true, "fields": fields.iter().map(Field::describe).collect::<Vec<_>>(),
    });
    Ok((StatusCode::OK, description))
}

/// `GET …/sobjects/{Object}/{id}`, with `?fields=` only those.
fn read(org: &mut Org, object: &Object, id: &str, call: &Call<'_>) -> Reply {
    if !id::is_id(id) {
        return Err(error::no_external_id(id));
    }
    match org.record(&object.name, id) {
        Some(record) => view(object, record, call),
        None => Err(error::no_such_resource()),
    }
}

fn view(object: &Object, record: &OrgRecord, call: &Call<'_>) -> Reply {
    let Some(wanted) = call.query.get("fields") else {
        let all = object.fields.iter().map(|field| field.name.as_str());
        return Ok((StatusCode::OK, record.view(all, call.version)));
    };
    let wanted = wanted.split(',').map(|name| query::field(object, name.trim())).collect::<Result<Vec<_>, _>>()?;
    let names = wanted.into_iter().map(|field| field.name.as_str()).chain(["Id"]);
    Ok((StatusCode::OK, record.view(names, call.version)))
}

/// `PATCH …/sobjects/{Object}/{id}`: 204; what is not named stays.
fn update(org: &mut Org, object: &Object, id: &str, call: &Call<'_>) -> Reply {
    let id = known(org, object, id)?;
    change(org, object, &id, values::read(object, &call.object()?, &["Id"])?)?;
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

fn change(org: &mut Org, object: &Object, id: &str, fields: Fields) -> Result<(), Problem> {
    values::check(org, object, &fields, Some(id))?;
    let record = org.record(&object.name, id).ok_or_else(error::no_such_record)?;
    if record.is_converted() {
        return Err(error::converted_lead());
    }
    record.set(object, fields);
    Ok(())
}

/// `DELETE …/sobjects/{Object}/{id}`: 204.
fn delete(org: &mut Org, object: &Object, id: &str) -> Reply {
    let id = known(org, object, id)?;
    org.records.retain(|record| record.id != id);
    org.deleted.insert(id);
    Ok((StatusCode::NO_CONTENT, Value::Null))
}

/// The whole id of a record that is there to be changed.
fn known(org: &mut Org, object: &Object, id: &str) -> Result<String, Problem> {
    if !id::is_id(id) {
        return Err(error::no_external_id(id));
    }
    if let Some(record) = org.record(&object.name, id) {
        return Ok(record.id.clone());
    }
    if org.is_deleted(id) {
        return Err(error::deleted(StatusCode::NOT_FOUND));
    }
    if !id.starts_with(&object.prefix) {
        let message = format!("{} ID: id value of incorrect type: {id}", object.name);
        return Err(error::refused("MALFORMED_ID", message, &["Id"]));
    }
    Err(error::no_such_record())
}

/// `GET …/sobjects/{Object}/{Field}/{value}`: 300 with their URLs if several have the value.
fn read_by(org: &mut Org, object: &Object, (field, value): (&str, &str), call: &Call<'_>) -> Reply {
    match one_with(org, object, (key(object, field)?, value), call)? {
        Some(record) => view(object, record, call),
        None => Err(error::no_such_resource()),
    }
}

/// `PATCH …/sobjects/{Object}/{Field}/{value}`: 201 made, 200 changed, 300 with their URLs if several have the value.
fn upsert(org: &mut Org, object: &Object, (field, value): (&str, &str), call: &Call<'_>) -> Reply {
    let field = key(object, field)?;
    let mut fields = values::read(object, &call.object()?, &["Id", &field.name])?;
    let known = one_with(org, object, (field, value), call)?.map(|record| record.id.clone());
    let answer = |id: &str, created: bool| json!({ "id": id, "success": true, "errors": [], "created": created });
    if let Some(id) = known {
        change(org, object, &id, fields)?;
        return Ok((StatusCode::OK, answer(&id, false)));
    }
    fields.insert(field.name.clone(), json!(value));
    Ok((StatusCode::CREATED, answer(&insert(org, object, fields, call)?, true)))
}

fn key<'a>(object: &'a Object, name: &str) -> Result<&'a Field, Problem> {
    object.field(name).filter(|field| field.is_key()).ok_or_else(|| error::no_external_id(name))
}

fn one_with<'a>(
    org: &'a Org,
    object: &Object,
    (field, value): (&Field, &str),
    call: &Call<'_>,
) -> Result<Option<&'a OrgRecord>, Problem> {
    let all = org.of(&object.name).filter(|record| record.has(field, value)).collect::<Vec<_>>();
    match all.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let urls = several.iter().map(|record| record.url(call.version)).collect::<Vec<_>>();
            Err(Problem { status: StatusCode::MULTIPLE_CHOICES, body: json!(urls) })
        }
    }
}

/// Refuses a new contact or lead whose address one has already, if the org has the rule.
fn check_duplicates(org: &Org, object: &Object, fields: &Fields, call: &Call<'_>) -> Result<(), Problem> {
    let kinds = ["Contact", "Lead"];
    let (Some(rule), Some(email)) = (org.settings.duplicate_rule, fields.get("Email").and_then(Value::as_str)) else {
        return Ok(());
    };
    let can_save = rule == DuplicateRule::Alert;
    if !kinds.contains(&object.name.as_str()) || (can_save && call.allow_save) {
        return Ok(());
    }
    let same = |record: &&OrgRecord| record.text("Email").eq_ignore_ascii_case(email) && !record.is_converted();
    let found = kinds.map(|kind| (kind, org.of(kind).filter(same).collect::<Vec<_>>()));
    let found = found.iter().filter(|(_, records)| !records.is_empty());
    let results = found.map(|(kind, records)| match_result(kind, records, call.version)).collect::<Vec<_>>();
    if results.is_empty() {
        return Ok(());
    }
    let member = if org.settings.duplicate_result { "duplicateResult" } else { "duplicateResut" };
    let (kind, message) = (&object.name, "Use one of these records?");
    let mut problem = error::bad("DUPLICATES_DETECTED", message);
    problem.body[0][member] = json!({
        "allowSave": can_save, "duplicateRule": format!("Standard_{kind}_Duplicate_Rule"),
        "duplicateRuleEntityType": kind, "errorMessage": message, "matchResults": results,
    });
    Err(problem)
}

fn match_result(kind: &str, records: &[&OrgRecord], version: &str) -> Value {
    let found = records.iter().map(|record| {
        let attributes = json!({ "type": kind, "url": record.url(version) });
        let record = json!({ "attributes": attributes, "Id": record.id });
        json!({ "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record })
    });
    json!({
        "entityType": kind, "errors": [], "matchEngine": "FuzzyMatchEngine", "matchRecords": found.collect::<Vec<_>>(),
        "rule": format!("Standard_{kind}_Match_Rule_v1_1"), "size": records.len(), "success": true,
    })
}
