//! The way of a request into any fake: it is journalled, meets its fault and then the fake.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::{Fault, Faults, line};
use crate::journal::Journal;
use crate::serve::CloseInstead;

/// The largest request that is read, in bytes: SES takes mails of 40 MB.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// How a fake renders the faults only it knows; `Err` says why it knows it not.
pub(crate) type Render = fn(&Fault) -> Result<Response, String>;

#[derive(Clone)]
pub(crate) struct Plumbing {
    pub(crate) journal: Journal,
    faults: Faults,
    render: Render,
}

impl Plumbing {
    pub(crate) fn new(render: Render) -> Self {
        Self { journal: Journal::default(), faults: Faults::default(), render }
    }

    /// `app` behind journal and faults; `controls` are further `/_…` routes, neither journalled nor faulted.
    pub(crate) fn router(self, app: Router, controls: Router) -> Router {
        // `observe` has bounded the body.
        let app = app.layer(DefaultBodyLimit::disable());
        let observed = app.layer(from_fn_with_state(self.clone(), observe));
        Router::new()
            .route("/_requests", get(list_requests).delete(clear_requests))
            .route("/_faults", get(list_faults).post(add_faults).delete(clear_faults))
            .with_state(self)
            .merge(controls)
            .fallback_service(observed)
    }

    fn response(&self, fault: &Fault) -> Result<Response, String> {
        if fault.exception.is_some() || fault.hubspot_limit.is_some() {
            let mut response = (self.render)(fault)?;
            set_headers(&mut response, &fault.headers)?;
            return Ok(response);
        }
        let mut response = literal(fault.status.unwrap_or(200), fault.body.as_ref())?;
        set_headers(&mut response, &fault.headers)?;
        Ok(response)
    }
}

/// Renders the answer of a control: a text without change, anything else as JSON.
pub(crate) fn literal(code: u16, body: Option<&Value>) -> Result<Response, String> {
    let text = match body {
        None => Body::empty(),
        Some(Value::String(text)) => Body::from(text.clone()),
        Some(json) => Body::from(json.to_string()),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status(code)?;
    if body.is_some_and(|body| !body.is_string()) {
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    }
    Ok(response)
}

fn status(code: u16) -> Result<StatusCode, String> {
    StatusCode::from_u16(code).map_err(|_| format!("invalid HTTP status {code}"))
}

pub(crate) fn set_headers(response: &mut Response, headers: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| format!("invalid header name {name:?}"))?;
        let value = HeaderValue::try_from(value).map_err(|_| format!("invalid value of the header {name}"))?;
        response.headers_mut().insert(name, value);
    }
    Ok(())
}

/// Runs on a task of its own, so that a client that hangs up does not undo what its request does.
async fn observe(State(plumbing): State<Plumbing>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let entry = plumbing.journal.open(&parts, &body);
    let fault = plumbing.faults.take(&line(&parts), &body);
    let journal = plumbing.journal.clone();
    let task = tokio::spawn(async move {
        let response = meet(&plumbing, fault, Request::from_parts(parts, Body::from(body)), next).await;
        let closes = response.extensions().get::<CloseInstead>().is_some();
        journal.close(entry, (!closes).then(|| response.status().as_u16()));
        response
    });
    task.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn meet(plumbing: &Plumbing, fault: Option<Fault>, request: Request, next: Next) -> Response {
    let Some(fault) = fault else { return next.run(request).await };
    pause(fault.delay()).await;
    if fault.drop_before {
        return closing();
    }
    if fault.drop_after {
        next.run(request).await;
        return closing();
    }
    if fault.status.is_none() && fault.exception.is_none() && fault.hubspot_limit.is_none() {
        return next.run(request).await;
    }
    // Faults were checked when they were added.
    plumbing.response(&fault).unwrap_or_else(|why| (StatusCode::INTERNAL_SERVER_ERROR, why).into_response())
}

fn closing() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(CloseInstead);
    response
}

#[expect(clippy::disallowed_methods, reason = "a slow server is what the fault stands for")]
async fn pause(delay: Duration) {
    tokio::time::sleep(delay).await;
}

/// `?contains=` narrows a list to what belongs to one test.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Narrow {
    #[serde(default)]
    pub(crate) contains: String,
}

async fn list_requests(State(plumbing): State<Plumbing>, Query(narrow): Query<Narrow>) -> Response {
    Json(plumbing.journal.entries(&narrow.contains)).into_response()
}

async fn clear_requests(State(plumbing): State<Plumbing>) -> StatusCode {
    plumbing.journal.clear();
    StatusCode::NO_CONTENT
}

async fn list_faults(State(plumbing): State<Plumbing>) -> Response {
    Json(plumbing.faults.list()).into_response()
}

async fn add_faults(State(plumbing): State<Plumbing>, body: Bytes) -> Response {
    let added = one_or_many::<Fault>(&body).and_then(|faults| {
        faults.iter().try_for_each(|fault| plumbing.response(fault).map(drop))?;
        plumbing.faults.add(faults)
    });
    control_answer(added)
}

async fn clear_faults(State(plumbing): State<Plumbing>) -> StatusCode {
    plumbing.faults.clear();
    StatusCode::NO_CONTENT
}

/// 204, or 400 with `{"error"}`.
pub(crate) fn control_answer(result: Result<(), String>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response(),
    }
}

/// A JSON array of `T`, or a single one.
pub(crate) fn one_or_many<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let items = match value {
        Value::Array(items) => items,
        item => vec![item],
    };
    items.into_iter().map(|item| serde_json::from_value(item).map_err(|error| error.to_string())).collect()
}
