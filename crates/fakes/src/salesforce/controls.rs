//! The `/_…` endpoints that only this stand-in has.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::plumbing::{control_answer, one_or_many};

use super::org::{Org, Record, Settings};
use super::schema::{Field, Kind, Object};
use super::{World, login};

pub(crate) fn router(world: World) -> Router {
    Router::new()
        .route("/_state", get(state).delete(reset))
        .route("/_orgs/{key}", get(settings).put(change))
        .route("/_orgs/{key}/fields", put(define).delete(remove))
        .route("/_orgs/{key}/tokens", delete(revoke))
        .route("/_orgs/{key}/converted/{lead}", put(convert))
        .with_state(world)
}

/// `?client_id=` shows one org, `?contains=` the records whose values contain a text.
#[derive(Debug, Default, Deserialize)]
struct Narrow {
    client_id: Option<String>,
    #[serde(default)]
    contains: String,
}

async fn state(State(world): State<World>, Query(narrow): Query<Narrow>) -> Json<Value> {
    let orgs = world.lock();
    let mut lists = BTreeMap::from(["contacts", "leads", "tasks", "others"].map(|list| (list, Vec::new())));
    let (mut issued, mut requests, mut allow_saves) = (0, 0, 0);
    let wanted = |key: &str| narrow.client_id.as_deref().is_none_or(|wanted| wanted == key);
    for (key, org) in orgs.by_key.iter().filter(|(key, _)| wanted(key)) {
        issued += org.tokens_issued;
        requests += org.requests;
        allow_saves += org.allow_saves;
        for record in org.records.iter().filter(|record| record.contains(&narrow.contains)) {
            lists.entry(list_of(record)).or_default().push(json!({
                "client_id": key, "object": record.object, "id": record.id, "fields": record.fields,
            }));
        }
    }
    let mut state = json!(lists);
    state["tokens_issued"] = json!(issued);
    state["requests"] = json!(requests);
    state["allow_saves"] = json!(allow_saves);
    Json(state)
}

fn list_of(record: &Record) -> &'static str {
    match record.object.as_str() {
        "Contact" => "contacts",
        "Lead" => "leads",
        "Task" => "tasks",
        _ => "others",
    }
}

/// A reset org is as new: its fields, settings and tokens go too.
async fn reset(State(world): State<World>, Query(narrow): Query<Narrow>) -> StatusCode {
    world.lock().by_key.retain(|key, _| narrow.client_id.as_ref().is_some_and(|gone| gone != key));
    StatusCode::NO_CONTENT
}

/// 204, or 400 with the reason.
fn on_org(world: &World, key: &str, act: impl FnOnce(&mut Org) -> Result<(), String>) -> Response {
    let mut orgs = world.lock();
    control_answer(orgs.of_key(key).ok_or_else(|| format!("{key:?} is no consumer key: 3MVG…")).and_then(act))
}

async fn settings(State(world): State<World>, Path(key): Path<String>) -> Response {
    match world.lock().by_key.get(&key) {
        Some(org) => Json(json!(org.settings)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What is not named stays; `null` is the default.
async fn change(State(world): State<World>, Path(key): Path<String>, body: Bytes) -> Response {
    on_org(&world, &key, |org| {
        let changes: Map<String, Value> = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let Value::Object(mut merged) = json!(org.settings) else { return Ok(()) };
        merged.extend(changes);
        merged.retain(|_, value| !value.is_null());
        let settings: Settings = serde_json::from_value(Value::Object(merged)).map_err(|error| error.to_string())?;
        settings.public_key.as_deref().map(login::verifier).transpose()?;
        org.settings = settings;
        Ok(())
    })
}

/// A custom field as it is put to `/_orgs/{key}/fields`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Definition {
    /// `Activity` is Task; a custom object comes to be with its first field.
    object: String,
    name: String,
    #[serde(default, rename = "type")]
    kind: Kind,
    length: Option<usize>,
    #[serde(default)]
    external_id: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    case_sensitive: bool,
    #[serde(default)]
    required: bool,
    /// With values, others are refused. Those of a standard picklist can be set too.
    #[serde(default)]
    values: Vec<String>,
}

async fn define(State(world): State<World>, Path(key): Path<String>, body: Bytes) -> Response {
    on_org(&world, &key, |org| one_or_many(&body)?.into_iter().try_for_each(|field| add_field(org, field)))
}

fn add_field(org: &mut Org, definition: Definition) -> Result<(), String> {
    let object = object(org, &definition.object)?;
    let known = object.fields.iter().position(|field| field.name == definition.name);
    let restricted = !definition.values.is_empty();
    if let Some(standard) = known.filter(|_| !definition.name.ends_with("__c")) {
        let field = &mut object.fields[standard];
        (field.values, field.restricted, field.required) = (definition.values, restricted, definition.required);
        return Ok(());
    }
    if !definition.name.ends_with("__c") {
        return Err(format!("{} is no custom field: …__c", definition.name));
    }
    let length = definition.length.unwrap_or(if definition.kind.is_text() { 255 } else { 0 });
    let mut field = Field::new(&definition.name, definition.kind, length);
    (field.external_id, field.unique) = (definition.external_id, definition.unique);
    (field.case_sensitive, field.required) = (definition.case_sensitive, definition.required);
    (field.values, field.restricted) = (definition.values, restricted);
    match known {
        Some(at) => object.fields[at] = field,
        None => object.fields.push(field),
    }
    Ok(())
}

fn object<'a>(org: &'a mut Org, name: &str) -> Result<&'a mut Object, String> {
    let name = if name == "Activity" { "Task" } else { name };
    let known = org.objects.iter().position(|object| object.name == name);
    if known.is_none() && !name.ends_with("__c") {
        return Err(format!("there is no object {name}"));
    }
    let at = known.unwrap_or_else(|| {
        let custom = org.objects.iter().filter(|object| object.is_custom()).count();
        let fields = vec![Field::new("Name", Kind::String, 80)];
        org.objects.push(Object::new(name, &format!("a{custom:02}"), fields));
        org.objects.len() - 1
    });
    Ok(&mut org.objects[at])
}

/// What `DELETE /_orgs/{key}/fields` removes: a field, or without a name a custom object.
#[derive(Debug, Deserialize)]
struct Removal {
    object: String,
    name: Option<String>,
}

async fn remove(State(world): State<World>, Path(key): Path<String>, Query(removal): Query<Removal>) -> Response {
    let Removal { object, name } = removal;
    on_org(&world, &key, |org| {
        let object = if object == "Activity" { "Task".to_owned() } else { object };
        match name {
            Some(name) => {
                let of = org.objects.iter_mut().filter(|known| known.name == object);
                of.for_each(|known| known.fields.retain(|field| field.name != name || !field.is_custom()));
                let records = org.records.iter_mut().filter(|record| record.object == object);
                records.for_each(|record| record.fields.retain(|field, _| *field != name || !field.ends_with("__c")));
            }
            None => {
                org.objects.retain(|known| known.name != object || !known.is_custom());
                org.records.retain(|record| record.object != object || !object.ends_with("__c"));
            }
        }
        Ok(())
    })
}

async fn revoke(State(world): State<World>, Path(key): Path<String>) -> Response {
    on_org(&world, &key, |org| {
        org.tokens.clear();
        Ok(())
    })
}

/// As a salesperson does it: the lead becomes a contact, which gets its tasks.
async fn convert(State(world): State<World>, Path((key, lead)): Path<(String, String)>) -> Response {
    on_org(&world, &key, |org| {
        let found = org.record("Lead", &lead).filter(|lead| !lead.is_converted());
        let found = found.ok_or_else(|| format!("{lead} is no lead that could be converted"))?;
        let lead = found.id.clone();
        let kept = ["FirstName", "LastName", "Email", "Phone", "MobilePhone", "Title"];
        let person = kept.iter().filter_map(|name| Some(((*name).to_owned(), found.fields.get(*name)?.clone())));
        let person = person.collect();
        let contact = org.object("Contact").map_err(|_| "there are no contacts".to_owned())?;
        let contact = org.insert(&contact, person);
        for task in org.records.iter_mut().filter(|record| record.text("WhoId") == lead) {
            task.fields.insert("WhoId".to_owned(), json!(contact));
        }
        if let Some(lead) = org.record("Lead", &lead) {
            let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
            lead.fields.extend([
                ("IsConverted".to_owned(), json!(true)),
                ("Status".to_owned(), json!("Closed - Converted")),
                ("ConvertedDate".to_owned(), json!(today)),
                ("ConvertedContactId".to_owned(), json!(contact)),
            ]);
        }
        Ok(())
    })
}
