//! The way of a request into any fake: it is journalled, meets its fault and then the fake.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;

use crate::faults::{Fault, Faults, line};
use crate::journal::{Entry, Journal};
use crate::serve::CloseInstead;
use crate::setting::{Narrow, OneOrMany, Setting, Taken};

/// The largest request that is read, in bytes: SES takes mails of 40 MB.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// The journal and the faults, which all requests to one fake share.
#[derive(Clone, Default)]
pub(crate) struct Plumbing(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    journal: Journal,
    faults: Faults,
}

impl Plumbing {
    /// `app` behind journal and faults; `controls` are further `/_…` routes, neither journalled nor faulted.
    pub(crate) fn router(self, app: Router, controls: Router) -> Router {
        // `observe` has bounded the body.
        let observed = app.layer(DefaultBodyLimit::disable()).layer(from_fn_with_state(self.clone(), observe));
        Router::new()
            .route("/_requests", get(list_requests).delete(clear_requests))
            .route("/_faults", get(list_faults).post(add_faults).delete(clear_faults))
            .with_state(self)
            .merge(controls)
            .fallback_service(observed)
    }
}

/// Runs on a task of its own, so that a client that hangs up does not undo what its request does.
async fn observe(State(plumbing): State<Plumbing>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (entry, fault) = {
        let mut memory = plumbing.0.lock();
        (memory.journal.open(&parts, &body), memory.faults.take(&line(&parts), &body))
    };
    let task = tokio::spawn(async move {
        let response = meet(fault, Request::from_parts(parts, Body::from(body)), next).await;
        let closes = response.extensions().get::<CloseInstead>().is_some();
        plumbing.0.lock().journal.close(entry, (!closes).then(|| response.status().as_u16()));
        response
    });
    task.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn meet(fault: Option<Fault>, request: Request, next: Next) -> Response {
    let Some(fault) = fault else { return next.run(request).await };
    pause(Duration::from_millis(fault.delay_ms)).await;
    if fault.answers() {
        // Faults were checked when they were added.
        return fault.response().unwrap_or_else(|why| (StatusCode::INTERNAL_SERVER_ERROR, why).into_response());
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
    Json(plumbing.0.lock().journal.with(&narrow.contains))
}

async fn clear_requests(State(plumbing): State<Plumbing>) -> StatusCode {
    plumbing.0.lock().journal.entries.clear();
    StatusCode::NO_CONTENT
}

async fn list_faults(State(plumbing): State<Plumbing>) -> Json<Vec<Fault>> {
    Json(plumbing.0.lock().faults.0.clone())
}

async fn add_faults(State(plumbing): State<Plumbing>, Setting(faults): Setting<OneOrMany<Fault>>) -> Taken {
    faults.0.iter().try_for_each(|fault| fault.response().map(drop))?;
    plumbing.0.lock().faults.add(faults.0)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(plumbing): State<Plumbing>) -> StatusCode {
    plumbing.0.lock().faults.0.clear();
    StatusCode::NO_CONTENT
}
