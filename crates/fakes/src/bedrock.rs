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
mod merge;
mod metrics;
mod openai;
mod outcome;
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

use block::Kind;
use converse::{Instead, Request};
use gullible::Orders;
pub use openai::{Unusable, Upstream};
use rules::Refusal;
use script::Script;
use usage::Input;

/// Listens on a free port of the loopback interface.
pub async fn start() -> io::Result<Running> {
    start_on(ANY_PORT).await
}

pub async fn start_on(address: SocketAddr) -> io::Result<Running> {
    start_with(address, None).await
}

/// Lets an OpenAI-compatible server answer what no script and no gullible mode answers.
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
struct Model {
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
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
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

async fn converse(State(model): State<Model>, Path(model_id): Path<String>, body: Bytes) -> Response {
    match converse::parse(&model_id, &body) {
        Ok(request) => {
            let text = request.first_user_text();
            let (instead, input) = model.begin(&model_id, &request, &text);
            if let (Instead::Nothing, Some(upstream)) = (&instead, &model.upstream) {
                return upstream.converse(&model_id, &body).await;
            }
            converse::response(converse::answer(&request, &text, &instead, input))
        }
        Err(Refusal(message)) => aws_error::response(StatusCode::BAD_REQUEST, "ValidationException", &message),
    }
}

async fn unknown_operation() -> Response {
    aws_error::response(StatusCode::NOT_FOUND, "UnknownOperationException", "the stand-in only knows Converse")
}
