//! A stand-in for Amazon Bedrock Runtime's Converse operation.
//!
//! It checks requests by Bedrock's rules and computes its answer from the transcript in the prompt.

mod actions;
mod answer;
mod block;
mod category;
mod controls;
mod converse;
mod gullible;
mod language;
mod lexicon;
mod openai;
mod prompt;
mod purpose;
mod rules;
mod schema;
mod script;
mod sentiment;
mod text;
mod topics;
mod usage;
mod vocabulary;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;

use crate::aws_error;
use crate::plumbing::Plumbing;
use crate::serve::{ANY_PORT, Running, serve};

use converse::Refusal;
pub use openai::{Unusable, Upstream};
use script::Script;
use usage::Input;

/// Listens on a free port of the loopback interface.
pub async fn start() -> io::Result<Running> {
    start_on(ANY_PORT).await
}

pub async fn start_on(address: SocketAddr) -> io::Result<Running> {
    start_with(address, None).await
}

/// Lets an OpenAI-compatible server answer what no script answers.
pub async fn bridge_on(address: SocketAddr, upstream: Upstream) -> io::Result<Running> {
    start_with(address, Some(upstream)).await
}

async fn start_with(address: SocketAddr, upstream: Option<Upstream>) -> io::Result<Running> {
    let model = Model { upstream, ..Model::default() };
    let app = Router::new().route("/model/{model_id}/converse", post(converse)).fallback(unknown_operation);
    let plumbing = Plumbing::new(|fault| aws_error::of_fault(fault, converse::status_of));
    let controls = controls::router(model.clone());
    serve(plumbing.router(app.with_state(model), controls), address).await
}

/// What the stand-in remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    memory: Arc<Mutex<Memory>>,
    upstream: Option<Upstream>,
}

#[derive(Debug, Default)]
struct Memory {
    calls: Vec<Call>,
    scripts: Vec<Script>,
    gullible: Vec<gullible::Rule>,
    /// Prompt prefixes that were cached, by model.
    cached: HashSet<u64>,
}

#[derive(Debug)]
struct Call {
    model: String,
    transcript: String,
    kind: CallKind,
    has_cache_point: bool,
}

/// What a call is to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallKind {
    Analysis,
    Part,
    Final,
}

impl CallKind {
    fn of(text: &str) -> Self {
        match block::find(text).map(|block| block.kind) {
            Some(Kind::Parts) => Self::Final,
            Some(Kind::Transcript) if prompt::is_part(text) => Self::Part,
            Some(Kind::Transcript) | None => Self::Analysis,
        }
    }
}

impl Model {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the call, and says what makes its answer another than the computed one.
    fn begin(&self, model_id: &str, request: &Request, text: &str) -> (Instead, Input) {
        let transcript = block::find(text).map(|block| block.body.to_owned()).unwrap_or_default();
        let messages = request.messages_text();
        let mut memory = self.memory();
        let instead = match script::take(&mut memory.scripts, &transcript, &messages) {
            Some(script) => Instead::Script(script),
            None => gullible::take(&mut memory.gullible, &transcript, || Orders::read(text, request.system_text()))
                .map_or(Instead::Nothing, Instead::Orders),
        };
        let input = request.size.input(&mut memory.cached);
        memory.calls.push(Call {
            model: model_id.to_owned(),
            transcript,
            kind: CallKind::of(text),
            has_cache_point: request.cache_points > 0,
        });
        (instead, input)
    }
}

impl Model {
    /// Remembers a call; the script that is to answer it, if there is one.
    fn record(&self, model_id: &str, transcript: String) -> Option<Script> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let script = script::take(&mut memory.scripts, &transcript);
        memory.calls.push(Call { model: model_id.to_owned(), transcript });
        script
    }
}

async fn converse(State(model): State<Model>, Path(model_id): Path<String>, body: Bytes) -> Response {
    let request = match converse::parse(&model_id, &body) {
        Ok(request) => request,
        Err(Refusal(message)) => {
            return aws_error::response(StatusCode::BAD_REQUEST, "ValidationException", &message);
        }
    };
    let script = model.record(&model_id, prompt::transcript_text(&request.first_user_text()));
    if let (None, Some(upstream)) = (&script, &model.upstream) {
        return upstream.converse(&model_id, &body).await;
    }
    let mut memory = model.memory.lock().unwrap_or_else(PoisonError::into_inner);
    converse::response(converse::answer(&request, script, &mut memory.cached))
}

async fn unknown_operation() -> Response {
    aws_error::response(StatusCode::NOT_FOUND, "UnknownOperationException", "the stand-in only knows Converse")
}

async fn state(State(model): State<Model>, Query(narrow): Query<Narrow>) -> Response {
    let memory = model.memory.lock().unwrap_or_else(PoisonError::into_inner);
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
    Json(json!(model.memory.lock().unwrap_or_else(PoisonError::into_inner).scripts))
}

async fn add_scripts(State(model): State<Model>, body: Bytes) -> Response {
    control_answer(one_or_many(&body).map(|scripts| {
        model.memory.lock().unwrap_or_else(PoisonError::into_inner).scripts.extend::<Vec<Script>>(scripts);
    }))
}

async fn clear_scripts(State(model): State<Model>) -> StatusCode {
    model.memory.lock().unwrap_or_else(PoisonError::into_inner).scripts.clear();
    StatusCode::NO_CONTENT
}
