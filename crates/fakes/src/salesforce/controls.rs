//! The `/_…` endpoints that only this stand-in has.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::plumbing::{control_answer, one_or_many};

use super::org::{Org, Settings};
use super::schema::Field;
use super::{World, login};

pub(crate) fn router(world: World) -> Router {
    Router::new()
        .route("/_state", get(state).delete(reset))
        .route("/_orgs/{key}", put(change))
        .route("/_orgs/{key}/fields", put(define))
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
    let (mut issued, mut requests, mut allow_saves) = (0, 0, 0);
    let mut lists = LISTS.map(|_| Vec::new());
    let wanted = |key: &str| narrow.client_id.as_deref().is_none_or(|wanted| wanted == key);
    for (key, org) in orgs.by_key.iter().filter(|(key, _)| wanted(key)) {
        issued += org.tokens_issued;
        requests += org.requests;
        allow_saves += org.allow_saves;
        for (list, (_, object)) in lists.iter_mut().zip(LISTS) {
            let records = org.of(object).filter(|record| record.contains(&narrow.contains));
            list.extend(
                records.map(
                    |record| json!({ "client_id": key, "object": object, "id": record.id, "fields": record.fields }),
                ),
            );
        }
    }
    let mut state = json!({ "tokens_issued": issued, "requests": requests, "allow_saves": allow_saves });
    for (list, (name, _)) in lists.into_iter().zip(LISTS) {
        state[name] = list.into();
    }
    Json(state)
}

/// The lists of `/_state` and their objects.
const LISTS: [(&str, &str); 3] = [("contacts", "Contact"), ("leads", "Lead"), ("tasks", "Task")];

/// A reset org is as new: its fields, settings and tokens go too.
async fn reset(State(world): State<World>, Query(narrow): Query<Narrow>) -> StatusCode {
    world.lock().by_key.retain(|key, _| narrow.client_id.as_ref().is_some_and(|gone| gone != key));
    StatusCode::NO_CONTENT
}

/// 204, or 400 with the reason.
fn on_org(world: &World, key: &str, act: impl FnOnce(&mut Org) -> Result<(), String>) -> Response {
    let mut orgs = world.lock();
    control_answer(orgs.of_key(key).ok_or_else(|| format!("{key:?} is not a consumer key: 3MVG…")).and_then(act))
}

/// Members that are left out stay; `null` is the default.
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

/// Fields, one or an array, each with its `object`; `Activity` is Task. With `values`, others are refused, which can be
/// set of a standard picklist too.
async fn define(State(world): State<World>, Path(key): Path<String>, body: Bytes) -> Response {
    on_org(&world, &key, |org| one_or_many(&body)?.into_iter().try_for_each(|field| add_field(org, field)))
}

fn add_field(org: &mut Org, mut definition: Map<String, Value>) -> Result<(), String> {
    let object = definition.remove("object");
    let object = object.as_ref().and_then(Value::as_str).unwrap_or_default();
    let object = if object == "Activity" { "Task" } else { object };
    let mut field: Field = serde_json::from_value(definition.into()).map_err(|error| error.to_string())?;
    field.restricted = !field.values.is_empty();
    let known = org.objects.iter_mut().find(|known| known.name == object);
    let fields = &mut known.ok_or_else(|| format!("unknown object {object:?}"))?.fields;
    match fields.iter_mut().find(|known| known.name == field.name) {
        Some(known) if field.is_custom() => *known = field,
        Some(known) => {
            (known.values, known.restricted, known.required) = (field.values, field.restricted, field.required);
        }
        None if field.is_custom() => fields.push(field),
        None => return Err(format!("{:?} is not the name of a custom field: …__c", field.name)),
    }
    Ok(())
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
        let found = found.ok_or_else(|| format!("{lead} is not a lead that can be converted"))?;
        let lead = found.id.clone();
        let kept = ["FirstName", "LastName", "Email", "Phone", "MobilePhone", "Title"];
        let person = kept.iter().filter_map(|name| Some(((*name).to_owned(), found.fields.get(*name)?.clone())));
        let person = person.collect();
        let contact = org.object("Contact").map_err(|_| "unknown object Contact".to_owned())?;
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
