//! A stand-in for Amazon Bedrock Runtime's Converse operation.
//!
//! The stand-in checks requests by Bedrock's rules and fills the schema of each with quotes from the transcript in the prompt.

mod controls;
mod conversation;
mod converse;
mod generate;
mod lexicon;
mod metric;
mod prompt;
mod rules;
mod schema;
mod text;
mod usage;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;

use parking_lot::Mutex;

use crate::aws_error;
use crate::plumbing::Plumbing;
use crate::serve::{ANY_PORT, Running, serve};

pub use crate::bridge::Upstream;
use controls::Script;
use converse::Request;
pub(crate) use converse::{joined, response};
use prompt::{CallKind, Prompt};
use rules::Refusal;
pub(crate) use rules::list;
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
    serve(Plumbing::default().router(app.with_state(model.clone()), controls::router(model)), address).await
}

/// The stand-in's memory, and the server behind it.
#[derive(Debug, Clone, Default)]
struct Model {
    memory: Arc<Mutex<Memory>>,
    upstream: Option<Upstream>,
}

#[derive(Debug, Default)]
struct Memory {
    calls: Vec<Call>,
    scripts: Vec<Script>,
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

impl Memory {
    /// Remembers the call; returns the script that answers it, and the tokens that it costs.
    fn begin(&mut self, model_id: &str, request: &Request) -> (Option<Script>, Input) {
        let text = request.first_text();
        let prompt = Prompt::read(&text);
        self.calls.push(Call {
            model: model_id.to_owned(),
            transcript: prompt.body.to_owned(),
            kind: prompt.kind(),
            has_cache_point: rules::blocks(&request.body).any(|block| block.get("cachePoint").is_some()),
        });
        let script = controls::take(&mut self.scripts, prompt.body, &request.messages_text());
        (script, Input::of(model_id, &request.body, &mut self.cached))
    }
}

async fn converse(State(model): State<Model>, Path(model_id): Path<String>, body: Bytes) -> Response {
    let request = match Request::parse(&model_id, &body) {
        Ok(request) => request,
        Err(Refusal(message)) => return aws_error::exception("ValidationException", &message),
    };
    let (script, input) = model.memory.lock().begin(&model_id, &request);
    match (&script, &model.upstream) {
        (None, Some(upstream)) => upstream.converse(&model_id, &request.body).await,
        _ => response(request.answer(script.as_ref(), input)),
    }
}

async fn unknown_operation() -> Response {
    aws_error::exception("UnknownOperationException", "the stand-in only knows Converse")
}
