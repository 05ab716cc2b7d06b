//! A stand-in for Amazon Bedrock Runtime's Converse operation.
//!
//! It checks requests by Bedrock's rules and computes its answer from the transcript in the prompt.

mod actions;
mod answer;
mod category;
mod converse;
mod language;
mod lexicon;
mod prompt;
mod purpose;
mod schema;
mod script;
mod sentiment;
mod text;
mod topics;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::aws_error;
use crate::plumbing::{Narrow, Plumbing, control_answer, one_or_many};
use crate::serve::{ANY_PORT, Running, serve};

use converse::Refusal;
use script::Script;

/// Listens on a free port of the loopback interface.
pub async fn start() -> io::Result<Running> {
    start_on(ANY_PORT).await
}

pub async fn start_on(address: SocketAddr) -> io::Result<Running> {
    let model = Model::default();
    let app = Router::new().route("/model/{model_id}/converse", post(converse)).fallback(unknown_operation);
    let controls = Router::new()
        .route("/_state", get(state))
        .route("/_script", get(scripts).post(add_scripts).delete(clear_scripts))
        .with_state(model.clone());
    let plumbing = Plumbing::new(|fault| aws_error::of_fault(fault, converse::status_of));
    serve(plumbing.router(app.with_state(model), controls), address).await
}

/// What the stand-in remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
pub(crate) struct Memory {
    calls: Vec<Call>,
    scripts: Vec<Script>,
    /// Prompt prefixes that were cached, by model.
    pub(crate) cached: std::collections::HashSet<u64>,
}

#[derive(Debug)]
struct Call {
    model: String,
    transcript: String,
}

async fn converse(State(model): State<Model>, Path(model_id): Path<String>, body: Bytes) -> Response {
    let answered = converse::parse(&model_id, &body).map(|request| {
        let transcript = prompt::transcript_text(&request.first_user_text());
        let mut memory = model.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.calls.push(Call { model: model_id.clone(), transcript: transcript.clone() });
        let script = script::take(&mut memory.scripts, &transcript);
        converse::answer(&request, script, &mut memory.cached)
    });
    match answered {
        Ok(answer) => converse::response(answer),
        Err(Refusal(message)) => aws_error::response(StatusCode::BAD_REQUEST, "ValidationException", &message),
    }
}

async fn unknown_operation() -> Response {
    aws_error::response(StatusCode::NOT_FOUND, "UnknownOperationException", "the stand-in only knows Converse")
}

async fn state(State(model): State<Model>, Query(narrow): Query<Narrow>) -> Response {
    let memory = model.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut models, mut transcripts) = (BTreeMap::<&str, u32>::new(), BTreeMap::<String, u32>::new());
    let calls = memory.calls.iter().filter(|call| call.transcript.contains(&narrow.contains));
    for call in calls.clone() {
        *models.entry(&call.model).or_default() += 1;
        *transcripts.entry(digest(&call.transcript)).or_default() += 1;
    }
    Json(json!({ "calls": calls.count(), "models": models, "transcripts": transcripts })).into_response()
}

/// Tells transcripts apart; means nothing beyond this process.
fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

async fn scripts(State(model): State<Model>) -> Json<Value> {
    Json(json!(model.0.lock().unwrap_or_else(PoisonError::into_inner).scripts))
}

async fn add_scripts(State(model): State<Model>, body: Bytes) -> Response {
    control_answer(one_or_many(&body).map(|scripts| {
        model.0.lock().unwrap_or_else(PoisonError::into_inner).scripts.extend::<Vec<Script>>(scripts);
    }))
}

async fn clear_scripts(State(model): State<Model>) -> StatusCode {
    model.0.lock().unwrap_or_else(PoisonError::into_inner).scripts.clear();
    StatusCode::NO_CONTENT
}
