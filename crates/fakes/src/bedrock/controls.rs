//! The `/_…` endpoints that only this stand-in has.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::setting::{Narrow, OneOrMany, Setting};

use super::script::Script;
use super::{Call, CallKind, Model};

pub(crate) fn router(model: Model) -> Router {
    Router::new()
        .route("/_state", get(state))
        .route("/_script", get(scripts).post(add_scripts).delete(clear_scripts))
        .with_state(model)
}

async fn state(State(model): State<Model>, Query(narrow): Query<Narrow>) -> Json<Value> {
    let memory = model.memory.lock();
    let calls = memory.calls.iter().filter(|call| call.transcript.contains(&narrow.contains)).collect::<Vec<_>>();
    let mut models = BTreeMap::<&str, u32>::new();
    calls.iter().for_each(|call| *models.entry(&call.model).or_default() += 1);
    let count = |is: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| is(call)).count();
    let of = |kind: CallKind| count(&|call| call.kind == kind);
    Json(json!({
        "calls": calls.len(),
        "kinds": { "analysis": of(CallKind::Analysis), "part": of(CallKind::Part), "final": of(CallKind::Final) },
        "cache_points": count(&|call| call.has_cache_point),
        "models": models,
    }))
}

async fn scripts(State(model): State<Model>) -> Json<Vec<Script>> {
    Json(model.memory.lock().scripts.clone())
}

async fn add_scripts(State(model): State<Model>, Setting(scripts): Setting<OneOrMany<Script>>) -> StatusCode {
    model.memory.lock().scripts.extend(scripts.0);
    StatusCode::NO_CONTENT
}

async fn clear_scripts(State(model): State<Model>) -> StatusCode {
    model.memory.lock().scripts.clear();
    StatusCode::NO_CONTENT
}
