//! The way of a request into any fake: it is journalled, meets its fault and then the fake.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use crate::faults::{Fault, Faults, line};
use crate::journal::{Entry, Journal};
use crate::serve::CloseInstead;
use crate::setting::{Literal, Narrow, OneOrMany, Setting, Taken, with_headers};

/// The largest request that is read, in bytes: SES takes mails of 40 MB.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Renders the faults that only one fake knows; `Err` says why it does not know this one.
pub(crate) type Render = fn(&Fault) -> Result<Response, String>;

#[derive(Clone)]
pub(crate) struct Plumbing {
    journal: Journal,
    faults: Faults,
    render: Render,
}

impl Default for Plumbing {
    fn default() -> Self {
        Self::new(|_| Err("this stand-in knows neither exceptions nor limits".to_owned()))
    }
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
            return with_headers((self.render)(fault)?, &fault.headers);
        }
        let Fault { status, body, headers, .. } = fault.clone();
        Literal { status: status.unwrap_or(200), body, headers }.response()
    }
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
    pause(Duration::from_millis(fault.delay_ms)).await;
    if fault.answers() {
        // Faults were checked when they were added.
        let answer = plumbing.response(&fault);
        return answer.unwrap_or_else(|why| (StatusCode::INTERNAL_SERVER_ERROR, why).into_response());
    }
    let mut response = if fault.drop_before { Response::default() } else { next.run(request).await };
    if fault.drop_before || fault.drop_after {
        response.extensions_mut().insert(CloseInstead);
    }
    response
}

#[expect(clippy::disallowed_methods, reason = "a slow server is what the fault stands for")]
async fn pause(delay: Duration) {
    tokio::time::sleep(delay).await;
}

async fn list_requests(State(plumbing): State<Plumbing>, Query(narrow): Query<Narrow>) -> Json<Vec<Entry>> {
    Json(plumbing.journal.entries(&narrow.contains))
}

async fn clear_requests(State(plumbing): State<Plumbing>) -> StatusCode {
    plumbing.journal.clear();
    StatusCode::NO_CONTENT
}

async fn list_faults(State(plumbing): State<Plumbing>) -> Json<Vec<Fault>> {
    Json(plumbing.faults.list())
}

async fn add_faults(State(plumbing): State<Plumbing>, Setting(faults): Setting<OneOrMany<Fault>>) -> Taken {
    faults.0.iter().try_for_each(|fault| plumbing.response(fault).map(drop))?;
    plumbing.faults.add(faults.0)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(plumbing): State<Plumbing>) -> StatusCode {
    plumbing.faults.clear();
    StatusCode::NO_CONTENT
}
