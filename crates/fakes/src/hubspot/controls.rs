//! The `/_…` endpoints of HubSpot's stand-in alone.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Shared;
use super::portal::{Kind, Portal, Record};
use crate::plumbing::control_answer;

pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/_state", get(state).delete(reset))
        .route("/_oauth", put(install).delete(uninstall))
        .route("/_limits", put(set_limits))
        .route("/_scopes", put(set_scopes))
        .route("/_quirks", put(set_quirks))
        .route("/_required", put(set_required))
        .with_state(shared)
}

/// `?token=` narrows to one portal, `?contains=` to the contacts and notes whose values contain a text.
#[derive(Debug, Default, Deserialize)]
struct Narrow {
    token: Option<String>,
    #[serde(default)]
    contains: String,
}

async fn state(State(shared): State<Shared>, Query(narrow): Query<Narrow>) -> Json<Value> {
    let world = shared.lock();
    let wanted = || world.portals.iter().filter(|(token, _)| narrow.token.as_ref().is_none_or(|one| one == *token));
    let records = |kind| {
        let all = wanted().flat_map(move |(token, portal)| portal.records(kind).iter().map(move |one| (token, one)));
        let seen = all.filter(|(_, record)| record.contains(&narrow.contains));
        seen.map(|(token, record)| view(kind, token, record)).collect::<Vec<_>>()
    };
    let sum = |number: Count| wanted().map(|(_, portal)| number(portal)).sum::<u64>();
    let portals = wanted().map(|(token, portal)| {
        let counts = COUNTS.iter().map(|(name, number)| ((*name).to_owned(), json!(number(portal))));
        (token.clone(), Value::Object(counts.collect()))
    });
    let mut state = Map::from_iter(COUNTS.map(|(name, number)| (name.to_owned(), json!(sum(number)))));
    state.insert("contacts".to_owned(), json!(records(Kind::Contact)));
    state.insert("notes".to_owned(), json!(records(Kind::Note)));
    state.insert("portals".to_owned(), Value::Object(portals.collect()));
    Json(Value::Object(state))
}

type Count = fn(&Portal) -> u64;

/// Counters of each portal, and of all.
const COUNTS: [(&str, Count); 3] = [
    ("requests", |portal| portal.meter.requests),
    ("violations", |portal| portal.meter.violations),
    ("refreshes", |portal| portal.refreshes),
];

fn view(kind: Kind, token: &str, record: &Record) -> Value {
    let mut view = json!({ "token": token, "id": record.id, "properties": record.properties });
    if kind == Kind::Note {
        view["contact_ids"] = json!(record.contacts);
    }
    view
}

async fn reset(State(shared): State<Shared>, Query(narrow): Query<Narrow>) -> StatusCode {
    let mut world = shared.lock();
    world.portals.retain(|token, _| narrow.token.as_ref().is_some_and(|gone| gone != token));
    world.oauth.uninstall(narrow.token.as_deref());
    StatusCode::NO_CONTENT
}

async fn install(State(shared): State<Shared>, body: Bytes) -> Response {
    control_answer(parsed(&body).and_then(|installation| shared.lock().oauth.install(installation)))
}

async fn uninstall(State(shared): State<Shared>, Query(narrow): Query<Narrow>) -> StatusCode {
    shared.lock().oauth.uninstall(narrow.token.as_deref());
    StatusCode::NO_CONTENT
}

async fn set_limits(State(shared): State<Shared>, Query(narrow): Query<Narrow>, body: Bytes) -> Response {
    set(&shared, &narrow, &body, |portal, limits| portal.meter.limits = limits)
}

/// An array of names; `null` grants all again.
async fn set_scopes(State(shared): State<Shared>, Query(narrow): Query<Narrow>, body: Bytes) -> Response {
    set(&shared, &narrow, &body, |portal, scopes: Option<BTreeSet<String>>| portal.scopes = scopes)
}

async fn set_quirks(State(shared): State<Shared>, Query(narrow): Query<Narrow>, body: Bytes) -> Response {
    set(&shared, &narrow, &body, |portal, quirks| portal.quirks = quirks)
}

/// An array of names.
async fn set_required(State(shared): State<Shared>, Query(narrow): Query<Narrow>, body: Bytes) -> Response {
    set(&shared, &narrow, &body, |portal, required| portal.required = required)
}

/// Applies a setting to one portal; members that the body leaves out return to their defaults.
fn set<T: DeserializeOwned>(
    shared: &Shared,
    narrow: &Narrow,
    body: &[u8],
    apply: impl FnOnce(&mut Portal, T),
) -> Response {
    let token = narrow.token.as_deref().ok_or_else(|| "?token= must name the portal".to_owned());
    control_answer(token.and_then(|token| {
        let value = parsed(body)?;
        apply(shared.lock().portal(token), value);
        Ok(())
    }))
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}
