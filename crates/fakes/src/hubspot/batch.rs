//! Many notes in one request.

use axum::http::StatusCode;
use chrono::Utc;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::notes::{self, MODIFIED};
use super::portal::{Note, Portal, strings};
use super::{Call, Reply};

/// Inputs of one request.
const MOST: usize = 100;

/// `POST …/notes/batch/read`: 200, or 207 when some do not exist.
pub(crate) fn read_notes(portal: &mut Portal, call: &Call<'_>) -> Reply {
    let body = call.json()?;
    let wanted = body.get("properties").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let wanted = wanted.map(str::to_owned).collect::<Vec<_>>();
    let (mut results, mut missing) = (Vec::new(), Vec::new());
    for input in inputs(&body)? {
        let id = text(input, "id")?;
        match portal.note(id) {
            Ok(note) => results.push(note.record.view(&wanted, MODIFIED)),
            Err(_) => missing.push(id),
        }
    }
    if missing.is_empty() {
        return Ok((StatusCode::OK, complete(results)));
    }
    let mut body = complete(results);
    body["numErrors"] = json!(1);
    body["errors"] = json!([{
        "status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some notes, they may be deleted or not exist.",
        "context": { "ids": missing },
    }]);
    Ok((StatusCode::MULTI_STATUS, body))
}

/// `POST …/notes/batch/upsert` by a unique custom property: one note per value, however often it is sent.
pub(crate) fn upsert_notes(portal: &mut Portal, call: &Call<'_>) -> Reply {
    let body = call.json()?;
    let mut results = Vec::new();
    for input in inputs(&body)? {
        if input.contains_key("associations") {
            return Err(Problem::invalid("Invalid input JSON: an upsert takes no associations"));
        }
        let (value, property) = (text(input, "id")?, text(input, "idProperty")?);
        if portal.custom.get(&("notes".to_owned(), property.to_owned())) != Some(&true) {
            return Err(Problem::invalid(format!("'{property}' is not a unique property of notes")));
        }
        let mut properties = strings(input)?;
        properties.insert(property.to_owned(), value.to_owned());
        let names = properties.keys().cloned().collect::<Vec<_>>();
        let same = |note: &Note| note.record.properties.get(property).is_some_and(|own| own == value);
        let own = portal.notes.iter().find(|note| same(note)).map(|note| note.record.id.clone());
        notes::check(portal, &properties, own.as_deref())?;
        let (mut view, new) = match own {
            None => (notes::insert(portal, properties, Default::default()).record.view(&names, MODIFIED), true),
            Some(id) => {
                let note = portal.note(&id)?;
                note.record.set(properties);
                (note.record.view(&names, MODIFIED), false)
            }
        };
        view["new"] = json!(new);
        results.push(view);
    }
    Ok((StatusCode::OK, complete(results)))
}

fn inputs(body: &Map<String, Value>) -> Result<Vec<&Map<String, Value>>, Problem> {
    let inputs =
        body.get("inputs").and_then(Value::as_array).filter(|inputs| !inputs.is_empty() && inputs.len() <= MOST);
    let inputs =
        inputs.ok_or_else(|| Problem::invalid(format!("Invalid input JSON: 'inputs' takes 1 to {MOST} items")))?;
    let object = |input: &'_ Value| input.is_object();
    if !inputs.iter().all(object) {
        return Err(Problem::invalid("Invalid input JSON: every input is an object"));
    }
    Ok(inputs.iter().filter_map(Value::as_object).collect())
}

fn text<'a>(input: &'a Map<String, Value>, name: &str) -> Result<&'a str, Problem> {
    let text = input.get(name).and_then(Value::as_str);
    text.ok_or_else(|| Problem::invalid(format!("Invalid input JSON: every input needs '{name}'")))
}

fn complete(results: Vec<Value>) -> Value {
    let now = Utc::now().to_rfc3339();
    json!({ "status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now })
}
