//! The `/_…` endpoints that only this stand-in has.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::setting::{Narrow, OneOrMany, Setting, Taken};

use super::org::Org;
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

async fn state(State(world): State<World>, Query(narrow): Query<Narrow>) -> Json<Value> {
    let orgs = world.lock();
    let wanted = || orgs.by_key.iter().filter(|(key, _)| narrow.is_about(key));
    let sum = |count: fn(&Org) -> u64| wanted().map(|(_, org)| count(org)).sum::<u64>();
    let list = |object: &str| {
        let all = wanted().flat_map(|(key, org)| org.of(object).map(move |record| (key, record)));
        let found = all.filter(|(_, record)| record.contains(&narrow.contains)).map(
            |(key, record)| json!({ "client_id": key, "object": object, "id": record.id, "fields": record.fields }),
        );
        found.collect::<Vec<_>>()
    };
    Json(json!({
        "tokens_issued": sum(|org| org.tokens_issued),
        "requests": sum(|org| org.requests),
        "allow_saves": sum(|org| org.allow_saves),
        "contacts": list("Contact"),
        "leads": list("Lead"),
        "tasks": list("Task"),
    }))
}

/// A reset org is as new: its fields, settings and tokens go too.
async fn reset(State(world): State<World>, Query(narrow): Query<Narrow>) -> StatusCode {
    world.lock().by_key.retain(|key, _| !narrow.is_about(key));
    StatusCode::NO_CONTENT
}

fn on_org(world: &World, key: &str, act: impl FnOnce(&mut Org) -> Result<(), String>) -> Taken {
    let mut orgs = world.lock();
    act(orgs.of_key(key).ok_or_else(|| format!("{key:?} is not a consumer key: 3MVG…"))?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Members that are left out stay; `null` is the default.
async fn change(
    State(world): State<World>,
    Path(key): Path<String>,
    Setting(changes): Setting<Map<String, Value>>,
) -> Taken {
    on_org(&world, &key, |org| {
        let Value::Object(mut merged) = json!(org.settings) else { return Ok(()) };
        merged.extend(changes);
        merged.retain(|_, value| !value.is_null());
        let settings = serde_json::from_value(Value::Object(merged)).map_err(|error| error.to_string());
        org.settings = settings.and_then(login::checked)?;
        Ok(())
    })
}

/// Fields, one or an array, each with its `object`; `Activity` is Task. With `values`, others are refused, which can be
/// set of a standard picklist too.
async fn define(
    State(world): State<World>,
    Path(key): Path<String>,
    Setting(fields): Setting<OneOrMany<Map<String, Value>>>,
) -> Taken {
    on_org(&world, &key, |org| fields.0.into_iter().try_for_each(|field| add_field(org, field)))
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

async fn revoke(State(world): State<World>, Path(key): Path<String>) -> Taken {
    on_org(&world, &key, |org| {
        org.tokens.clear();
        Ok(())
    })
}

async fn convert(State(world): State<World>, Path((key, lead)): Path<(String, String)>) -> Taken {
    on_org(&world, &key, |org| org.convert(&lead))
}
