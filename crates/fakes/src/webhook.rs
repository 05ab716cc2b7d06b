//! A receiver of Standard Webhooks that verifies what it gets.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::plumbing::{Narrow, Plumbing, control_answer};
use crate::serve::{ANY_PORT, Running, serve};

/// Listens on a free port of the loopback interface.
pub async fn start() -> io::Result<Running> {
    start_on(ANY_PORT).await
}

pub async fn start_on(address: SocketAddr) -> io::Result<Running> {
    let receiver = Receiver::default();
    let app = Router::new().route("/hooks/{name}", post(receive)).with_state(receiver.clone());
    let controls =
        Router::new().route("/_state", get(state)).route("/_secrets/{name}", put(set_secret)).with_state(receiver);
    serve(
        Plumbing::new(|_| Err("a webhook receiver knows only status faults".to_owned())).router(app, controls),
        address,
    )
    .await
}

#[derive(Debug, Clone, Default)]
struct Receiver(Arc<Mutex<Inbox>>);

#[derive(Debug, Default)]
struct Inbox {
    secrets: BTreeMap<String, String>,
    deliveries: Vec<Delivery>,
}

/// One request to a hook, whether accepted or not.
#[derive(Debug, Clone, Serialize)]
struct Delivery {
    /// The hook's.
    name: String,
    id: Option<String>,
    timestamp: Option<String>,
    /// The body's `type`.
    r#type: Option<String>,
    /// The body as JSON; as a string when it is none.
    body: Value,
    /// `None` when the hook has no secret; `false` was answered with 401.
    verified: Option<bool>,
}

async fn receive(
    State(receiver): State<Receiver>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut inbox = receiver.0.lock().unwrap_or_else(PoisonError::into_inner);
    let secret = inbox.secrets.get(&name);
    let verified = secret.map(|secret| Webhook::new(secret).and_then(|hook| hook.verify(&body, &headers)).is_ok());
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let json = serde_json::from_slice::<Value>(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
    inbox.deliveries.push(Delivery {
        name,
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        r#type: json.get("type").and_then(Value::as_str).map(str::to_owned),
        body: json,
        verified,
    });
    if verified == Some(false) { StatusCode::UNAUTHORIZED } else { StatusCode::NO_CONTENT }
}

/// The body is the secret, `whsec_…`.
async fn set_secret(State(receiver): State<Receiver>, Path(name): Path<String>, body: String) -> Response {
    let secret = body.trim().trim_matches('"').to_owned();
    control_answer(Webhook::new(&secret).map_err(|error| error.to_string()).map(|_| {
        receiver.0.lock().unwrap_or_else(PoisonError::into_inner).secrets.insert(name, secret);
    }))
}

/// The deliveries whose hook, id or body contain `?contains=`.
async fn state(State(receiver): State<Receiver>, Query(narrow): Query<Narrow>) -> Response {
    let inbox = receiver.0.lock().unwrap_or_else(PoisonError::into_inner);
    let part = narrow.contains.as_str();
    let wanted = inbox.deliveries.iter().filter(|delivery| {
        let id = delivery.id.as_deref().unwrap_or_default();
        delivery.name.contains(part) || id.contains(part) || delivery.body.to_string().contains(part)
    });
    Json(json!({ "deliveries": wanted.collect::<Vec<_>>() })).into_response()
}
