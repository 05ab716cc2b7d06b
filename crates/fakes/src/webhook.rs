//! A receiver of Standard Webhooks that verifies what it gets.

use std::collections::BTreeMap;
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
use serde::Serialize;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::journal;
use crate::plumbing::Plumbing;
use crate::serve::{ANY_PORT, Running, serve};
use crate::setting::{BadSetting, Literal, Narrow, Setting, Taken};

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
    serve(Plumbing::default().router(app, controls), address).await
}

type Receiver = Arc<Mutex<Inbox>>;

/// All hooks of a receiver.
#[derive(Debug, Default)]
struct Inbox {
    secrets: BTreeMap<String, Vec<String>>,
    /// Answers that hooks give to whatever they receive.
    answers: BTreeMap<String, Literal>,
    deliveries: Vec<Delivery>,
}

/// One request to a hook, whether accepted or not.
#[derive(Debug, Serialize)]
struct Delivery {
    /// The hook's.
    name: String,
    id: Option<String>,
    /// The body's `type`.
    r#type: Option<String>,
    /// All of them, names in lower case.
    headers: BTreeMap<String, String>,
    /// The body as JSON, or as a string where it is not JSON.
    body: Value,
    /// The raw body, which was signed.
    text: String,
    /// `None` when the hook has no secret; `false` is answered with 401 unless an answer was set.
    verified: Option<bool>,
    status: u16,
}

impl Delivery {
    fn contains(&self, part: &str) -> bool {
        let id = self.id.as_deref().unwrap_or_default();
        self.name.contains(part) || id.contains(part) || self.body.to_string().contains(part)
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inbox = receiver.lock();
    let fits = |secret: &String| Webhook::new(secret).and_then(|hook| hook.verify(&body, &headers)).is_ok();
    let verified = inbox.secrets.get(&name).map(|secrets| secrets.iter().any(fits));
    let response = match inbox.answers.get(&name) {
        // Answers were checked when they were set.
        Some(answer) => answer.response().unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        None if verified == Some(false) => StatusCode::UNAUTHORIZED.into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    let headers = journal::headers(&headers);
    let text = String::from_utf8_lossy(&body).into_owned();
    let json = serde_json::from_slice::<Value>(&body).unwrap_or_else(|_| json!(text));
    inbox.deliveries.push(Delivery {
        name,
        id: headers.get("webhook-id").cloned(),
        r#type: json.get("type").and_then(Value::as_str).map(str::to_owned),
        headers,
        body: json,
        text,
        verified,
        status: response.status().as_u16(),
    });
    response
}

/// The body is the secret, `whsec_…`, or several with spaces between.
async fn set_secrets(State(receiver): State<Receiver>, Path(name): Path<String>, body: String) -> Taken {
    let secrets = body.trim().trim_matches('"').split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if secrets.is_empty() {
        return Err(BadSetting("the body has no secret".to_owned()));
    }
    secrets.iter().try_for_each(|secret| Webhook::new(secret).map(drop)).map_err(|error| error.to_string())?;
    receiver.lock().secrets.insert(name, secrets);
    Ok(StatusCode::NO_CONTENT)
}

/// From now on the hook answers so, whether it verifies what it gets or not.
async fn set_answer(
    State(receiver): State<Receiver>,
    Path(name): Path<String>,
    Setting(answer): Setting<Literal>,
) -> Taken {
    answer.response()?;
    receiver.lock().answers.insert(name, answer);
    Ok(StatusCode::NO_CONTENT)
}

async fn forget_answer(State(receiver): State<Receiver>, Path(name): Path<String>) -> StatusCode {
    receiver.lock().answers.remove(&name);
    StatusCode::NO_CONTENT
}

/// The deliveries whose hook, id or body contain `?contains=`, and as `events` the distinct ids of each hook in the
/// order of their first arrival, without those of wrong signatures.
async fn state(State(receiver): State<Receiver>, Query(narrow): Query<Narrow>) -> Response {
    let inbox = receiver.lock();
    let deliveries = inbox.deliveries.iter().filter(|one| one.contains(&narrow.contains)).collect::<Vec<_>>();
    let mut events = BTreeMap::<&str, Vec<&str>>::new();
    for delivery in deliveries.iter().filter(|delivery| delivery.verified != Some(false)) {
        let ids = events.entry(&delivery.name).or_default();
        ids.extend(delivery.id.as_deref().filter(|id| !ids.contains(id)));
    }
    Json(json!({ "deliveries": deliveries, "events": events })).into_response()
}
