//! The `/_…` endpoints that only this stand-in has: its state, and scripts.
//!
//! Scripts are for tests that need a model to answer nonsense, or to have obeyed a visitor's orders.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::one;
use crate::setting::{Narrow, OneOrMany, Setting};

use super::{Call, CallKind, Model};

pub(crate) fn router(model: Model) -> Router {
    Router::new().route("/_state", get(state)).route("/_script", post(add_scripts)).with_state(model)
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

async fn add_scripts(State(model): State<Model>, Setting(scripts): Setting<OneOrMany<Script>>) -> StatusCode {
    model.memory.lock().scripts.extend(scripts.0);
    StatusCode::NO_CONTENT
}

/// An answer for the calls that it matches.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Script {
    /// A substring of the transcript, or of the parts' answers; empty: every one.
    #[serde(rename = "match")]
    matches: String,
    /// A substring of the text of all messages, the lines before the transcript and corrections too.
    match_prompt: String,
    /// The number of calls that it answers; default 1.
    #[serde(default = "one")]
    times: u32,
    /// Where a tool is forced, an object is the tool's input; all else is text.
    pub(crate) answer: String,
    /// Uses a tool in place of an answer, whether one is forced or not.
    pub(crate) tool_use: Option<ToolUse>,
    /// Default `tool_use` for a tool's input, `end_turn` for text.
    pub(crate) stop_reason: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolUse {
    /// Default: the forced tool's.
    pub(crate) name: Option<String>,
    /// Any JSON: models do not keep to objects.
    pub(crate) input: Value,
}

/// The first script that matches and is not used up.
pub(crate) fn take(scripts: &mut [Script], transcript: &str, messages: &str) -> Option<Script> {
    let matches = |script: &&mut Script| {
        script.times > 0 && transcript.contains(&script.matches) && messages.contains(&script.match_prompt)
    };
    let script = scripts.iter_mut().find(matches)?;
    script.times -= 1;
    Some(script.clone())
}
