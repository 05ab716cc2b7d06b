//! The `/_…` endpoints that only this stand-in has.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::plumbing::{Narrow, control_answer, one_or_many};

use super::script::Script;
use super::{Call, CallKind, Model};

pub(crate) fn router(model: Model) -> Router {
    Router::new()
        .route("/_state", get(state))
        .route("/_script", get(scripts).post(add_scripts).delete(clear_scripts))
        .with_state(model)
}

async fn state(State(model): State<Model>, Query(narrow): Query<Narrow>) -> Response {
    let memory = model.memory.lock();
    let calls = memory.calls.iter().filter(|call| call.transcript.contains(&narrow.contains)).collect::<Vec<_>>();
    let (mut models, mut transcripts) = (BTreeMap::<&str, u32>::new(), BTreeMap::<String, u32>::new());
    for call in &calls {
        *models.entry(&call.model).or_default() += 1;
        *transcripts.entry(digest(&call.transcript)).or_default() += 1;
    }
    let count = |is: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| is(call)).count();
    let of = |kind: CallKind| count(&|call| call.kind == kind);
    let state = json!({
        "calls": calls.len(),
        "kinds": { "analysis": of(CallKind::Analysis), "part": of(CallKind::Part), "final": of(CallKind::Final) },
        "cache_points": count(&|call| call.has_cache_point),
        "models": models,
        "transcripts": transcripts,
    });
    Json(state).into_response()
}

/// Tells transcripts apart; means nothing beyond this process.
fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

async fn scripts(State(model): State<Model>) -> Json<Value> {
    Json(json!(model.memory.lock().scripts))
}

async fn add_scripts(State(model): State<Model>, body: Bytes) -> Response {
    control_answer(one_or_many(&body).map(|scripts| model.memory.lock().scripts.extend::<Vec<Script>>(scripts)))
}

async fn clear_scripts(State(model): State<Model>) -> StatusCode {
    model.memory.lock().scripts.clear();
    StatusCode::NO_CONTENT
}
