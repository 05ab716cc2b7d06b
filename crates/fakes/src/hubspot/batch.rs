//! Many records in one request.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use chrono::Utc;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::portal::{CrmKind, Portal, Properties};
use super::{Call, error, objects, properties};
use crate::rest::{Problem, Reply};

/// Inputs of one request.
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
struct Batch<T> {
    inputs: Vec<T>,
    /// The properties to read.
    #[serde(default)]
    properties: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ById {
    id: String,
}

/// An upsert by a unique property; HubSpot takes no associations with it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Upsert {
    id: String,
    id_property: String,
    properties: Properties,
}

/// `POST …/batch/read` by id: 200, or 207 when some do not exist.
pub(crate) fn read(portal: &mut Portal, kind: CrmKind, call: &Call<'_>) -> Reply {
    let Batch { inputs, properties: wanted } = batch::<ById>(call)?;
    let (mut results, mut missing) = (Vec::new(), Vec::new());
    for ById { id } in inputs {
        match portal.record(kind, &id) {
            Ok(record) => results.push(record.view(&wanted)),
            Err(_) => missing.push(id),
        }
    }
    let mut body = complete(results);
    if missing.is_empty() {
        return Ok((StatusCode::OK, body));
    }
    body["numErrors"] = json!(1);
    let message = format!("Could not get some {kind}s, they may be deleted or not exist.");
    body["errors"] = json!([{
        "status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": { "ids": missing },
        "links": {}, "errors": [],
    }]);
    Ok((StatusCode::MULTI_STATUS, body))
}

/// `POST …/batch/upsert` by a unique property: one record per value, however often it is sent.
///
/// One bad input and nothing is written.
pub(crate) fn upsert(portal: &mut Portal, kind: CrmKind, call: &Call<'_>) -> Reply {
    let (mut checked, mut taken) = (Vec::new(), BTreeSet::new());
    for mut input in batch::<Upsert>(call)?.inputs {
        let own = check(portal, kind, &mut input)?;
        let is_key = |name: &str| name == input.id_property;
        let keys =
            input.properties.iter().filter(|(name, _)| properties::is_unique(portal, kind, name) && !is_key(name));
        let keys = keys.map(|(name, value)| (name.as_str(), value)).chain([(input.id_property.as_str(), &input.id)]);
        for (name, value) in keys {
            if !taken.insert((name.to_owned(), value.to_lowercase())) {
                let message = format!("Duplicate IDs found in batch input: [{value}]. IDs must be unique");
                return Err(error::invalid(message));
            }
        }
        checked.push((input, own));
    }
    let mut results = Vec::new();
    for (Upsert { id_property, properties, .. }, own) in checked {
        let mut view = match &own {
            None => objects::add(portal, kind, properties, BTreeSet::new()),
            Some(id) => objects::change(portal, kind, id, properties)?,
        };
        if let Some(id) = &own {
            view["properties"][&id_property] = json!(portal.record(kind, id)?.properties.get(&id_property));
        }
        view["new"] = json!(own.is_none());
        results.push(view);
    }
    Ok((StatusCode::OK, complete(results)))
}

/// Gives a new record its key; returns the id of a record that has it already.
fn check(portal: &Portal, kind: CrmKind, input: &mut Upsert) -> Result<Option<String>, Problem> {
    if !properties::is_unique(portal, kind, &input.id_property) {
        return Err(error::invalid(format!("'{}' is not a unique property of {kind}s", input.id_property)));
    }
    let ignores_key = portal.quirks.upsert_ignores_key;
    let own = objects::find(portal, kind, &input.id, Some(&input.id_property)).ok().filter(|_| !ignores_key);
    input.properties.remove(&input.id_property);
    if own.is_none() {
        input.properties.insert(input.id_property.clone(), input.id.clone());
    }
    match ignores_key {
        true => objects::check_values(portal, kind, &input.properties, true)?,
        false => objects::check(portal, kind, &input.properties, own.as_deref())?,
    }
    Ok(own)
}

fn batch<T: DeserializeOwned>(call: &Call<'_>) -> Result<Batch<T>, Problem> {
    let batch: Batch<T> = call.json()?;
    match batch.inputs.len() {
        1..=MOST => Ok(batch),
        _ => Err(error::invalid(format!("Invalid input JSON: 'inputs' takes 1 to {MOST} items"))),
    }
}

/// The answer to a batch.
pub(crate) fn complete(results: Vec<Value>) -> Value {
    let now = Utc::now().to_rfc3339();
    json!({ "status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now })
}
