//! Many records in one request.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use chrono::Utc;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::portal::{Kind, Portal, strings};
use super::{Call, Reply, objects, properties};

/// Inputs of one request.
const MOST: usize = 100;

/// `POST …/batch/read` by id: 200, or 207 when some do not exist.
pub(crate) fn read(portal: &mut Portal, kind: Kind, call: &Call<'_>) -> Reply {
    let body = call.json()?;
    let wanted = body.get("properties").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let wanted = wanted.map(str::to_owned).collect::<Vec<_>>();
    let (mut results, mut missing) = (Vec::new(), Vec::new());
    for input in inputs(&body)? {
        let value = text(input, "id")?;
        match objects::find(portal, kind, value, None) {
            Ok(id) => results.push(portal.record(kind, &id)?.view(kind, &wanted)),
            Err(problem) if problem.is_not_found() => missing.push(value),
            Err(problem) => return Err(problem),
        }
    }
    if missing.is_empty() {
        return Ok((StatusCode::OK, complete(results)));
    }
    let mut body = complete(results);
    body["numErrors"] = json!(1);
    let message = format!("Could not get some {}s, they may be deleted or not exist.", kind.singular());
    body["errors"] = json!([{
        "status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": { "ids": missing },
        "links": {}, "errors": [],
    }]);
    Ok((StatusCode::MULTI_STATUS, body))
}

/// One input of an upsert.
struct Input {
    /// The unique property.
    key: String,
    properties: BTreeMap<String, String>,
    /// The record that has the value already.
    own: Option<String>,
}

/// `POST …/batch/upsert` by a unique property: one record per value, however often it is sent.
///
/// One bad input and nothing is written.
pub(crate) fn upsert(portal: &mut Portal, kind: Kind, call: &Call<'_>) -> Reply {
    let body = call.json()?;
    let (mut parsed, mut taken) = (Vec::new(), BTreeSet::new());
    for input in inputs(&body)? {
        if input.contains_key("associations") {
            return Err(Problem::invalid("Invalid input JSON: an upsert takes no associations"));
        }
        let (value, property) = (text(input, "id")?, text(input, "idProperty")?);
        let input = checked(portal, kind, (property, value), strings(input)?)?;
        let unique = |name: &str| properties::is_unique(portal, kind, name);
        let values = input.properties.iter().filter(|(name, _)| *name != property && unique(name));
        let values = values.map(|(name, value)| (name.as_str(), value.as_str())).chain([(property, value)]);
        for (name, value) in values {
            if !taken.insert((name.to_owned(), value.to_lowercase())) {
                let message = format!("Duplicate IDs found in batch input: [{value}]. IDs must be unique");
                return Err(Problem::invalid(message));
            }
        }
        parsed.push(input);
    }
    let results = parsed.into_iter().map(|Input { key, properties, own }| {
        let is_new = own.is_none();
        let mut view = match own {
            None => objects::add(portal, kind, properties, BTreeSet::new()),
            Some(id) => {
                let mut view = objects::change(portal, kind, &id, properties)?;
                view["properties"][&key] = json!(portal.record(kind, &id)?.properties.get(&key));
                view
            }
        };
        view["new"] = json!(is_new);
        Ok(view)
    });
    let results = results.collect::<Result<Vec<_>, Problem>>()?;
    Ok((StatusCode::OK, complete(results)))
}

fn checked(
    portal: &Portal,
    kind: Kind,
    (property, value): (&str, &str),
    mut properties: BTreeMap<String, String>,
) -> Result<Input, Problem> {
    if !properties::is_unique(portal, kind, property) {
        return Err(Problem::invalid(format!("'{property}' is not a unique property of {}s", kind.singular())));
    }
    let ignores_key = portal.quirks.upsert_ignores_key;
    let own = objects::find(portal, kind, value, Some(property)).ok().filter(|_| !ignores_key);
    properties.remove(property);
    if own.is_none() {
        properties.insert(property.to_owned(), value.to_owned());
    }
    if ignores_key {
        objects::check_values(portal, kind, &properties, true)?;
        return Ok(Input { key: property.to_owned(), properties, own });
    }
    objects::check(portal, kind, &properties, own.as_deref())?;
    Ok(Input { key: property.to_owned(), properties, own })
}

fn inputs(body: &Map<String, Value>) -> Result<Vec<&Map<String, Value>>, Problem> {
    let inputs =
        body.get("inputs").and_then(Value::as_array).filter(|inputs| !inputs.is_empty() && inputs.len() <= MOST);
    let inputs =
        inputs.ok_or_else(|| Problem::invalid(format!("Invalid input JSON: 'inputs' takes 1 to {MOST} items")))?;
    if !inputs.iter().all(Value::is_object) {
        return Err(Problem::invalid("Invalid input JSON: every input is an object"));
    }
    Ok(inputs.iter().filter_map(Value::as_object).collect())
}

fn text<'a>(input: &'a Map<String, Value>, name: &str) -> Result<&'a str, Problem> {
    let text = input.get(name).and_then(Value::as_str);
    text.ok_or_else(|| Problem::invalid(format!("Invalid input JSON: every input needs '{name}'")))
}

/// The answer to a batch.
pub(crate) fn complete(results: Vec<Value>) -> Value {
    let now = Utc::now().to_rfc3339();
    json!({ "status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now })
}
