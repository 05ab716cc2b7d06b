//! A receiver of Standard Webhooks that verifies what it gets.

mod inbox;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::json;
use standardwebhooks::Webhook;

use crate::plumbing::{Narrow, Plumbing, control_answer};
use crate::serve::{ANY_PORT, Running, serve};

use inbox::{Answer, Inbox};

/// Listens on a free port of the loopback interface.
pub async fn start() -> io::Result<Running> {
    start_on(ANY_PORT).await
}

pub async fn start_on(address: SocketAddr) -> io::Result<Running> {
    let receiver = Receiver::default();
    let app = Router::new().route("/hooks/{name}", post(receive)).with_state(receiver.clone());
    let controls = Router::new()
        .route("/_state", get(state))
        .route("/_secrets/{name}", put(set_secrets))
        .route("/_hooks/{name}", put(set_answer).delete(forget_answer))
        .with_state(receiver);
    serve(
        Plumbing::new(|_| Err("a webhook receiver knows only status faults".to_owned())).router(app, controls),
        address,
    )
    .await
}

type Receiver = Arc<Mutex<Inbox>>;

async fn receive(
    State(receiver): State<Receiver>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    receiver.lock().receive(name, &headers, &body)
}

/// The body is the secret, `whsec_…`, or several with spaces between.
async fn set_secrets(State(receiver): State<Receiver>, Path(name): Path<String>, body: String) -> Response {
    let secrets = body.trim().trim_matches('"').split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let checked = match secrets.iter().find_map(|secret| Webhook::new(secret).err()) {
        _ if secrets.is_empty() => Err("no secret".to_owned()),
        Some(error) => Err(error.to_string()),
        None => Ok(()),
    };
    control_answer(checked.map(|()| receiver.lock().set_secrets(name, secrets)))
}

/// From now on the hook answers so, whether it verifies what it gets or not.
async fn set_answer(State(receiver): State<Receiver>, Path(name): Path<String>, body: Bytes) -> Response {
    let answer = serde_json::from_slice::<Answer>(&body).map_err(|error| error.to_string());
    control_answer(answer.and_then(|answer| {
        answer.response()?;
        receiver.lock().set_answer(name, answer);
        Ok(())
    }))
}

async fn forget_answer(State(receiver): State<Receiver>, Path(name): Path<String>) -> StatusCode {
    receiver.lock().forget_answer(&name);
    StatusCode::NO_CONTENT
}

/// The deliveries whose hook, id or body contain `?contains=`, and their distinct ids.
async fn state(State(receiver): State<Receiver>, Query(narrow): Query<Narrow>) -> Response {
    let inbox = receiver.lock();
    let deliveries = inbox.deliveries(&narrow.contains);
    Json(json!({ "deliveries": deliveries, "events": inbox::events(&deliveries) })).into_response()
}
