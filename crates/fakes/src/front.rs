//! A recording front for an AWS endpoint: keeps each request whole, applies faults, and forwards the rest.

mod mail;
mod throttle;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::aws_error;
use crate::plumbing::Plumbing;
use crate::serve::{ANY_PORT, Running, serve};
use crate::setting::{Narrow, Setting, Taken};
use throttle::{Rate, Throttle};

/// Listens in front of `upstream` (`http://host:port`), on a free port of the loopback interface.
pub async fn start(upstream: &str) -> io::Result<Running> {
    start_on(ANY_PORT, upstream).await
}

pub async fn start_on(address: SocketAddr, upstream: &str) -> io::Result<Running> {
    let front = Front {
        upstream: Arc::from(upstream.trim_end_matches('/')),
        http: reqwest::Client::new(),
        throttle: Arc::default(),
        forwarded: Arc::default(),
    };
    let app = Router::new().fallback(forward).with_state(front.clone());
    let controls = Router::new()
        .route("/_state", get(state))
        .route("/_throttle", put(set_throttle).delete(remove_throttle))
        .with_state(front);
    serve(Plumbing::default().router(app, controls), address).await
}

#[derive(Clone)]
struct Front {
    upstream: Arc<str>,
    http: reqwest::Client,
    throttle: Arc<Mutex<Throttle>>,
    forwarded: Arc<Mutex<Forwarded>>,
}

/// Mails and messages in order, as JSON, whose text is searched: a search of thousands must not hold up a request.
#[derive(Debug, Default)]
struct Forwarded {
    mails: Vec<String>,
    messages: Vec<String>,
}

async fn forward(State(front): State<Front>, parts: Parts, body: Bytes) -> Response {
    if sends_mail(&parts) && !front.throttle.lock().takes(Instant::now()) {
        return aws_error::exception("TooManyRequestsException", "Maximum sending rate exceeded.");
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers.clone();
    drop_connection_headers(&mut headers);
    headers.remove(header::HOST);
    let url = format!("{}{path}", front.upstream);
    let sent = front.http.request(parts.method.clone(), url).headers(headers).body(body.clone()).send().await;
    let answered = async {
        let response = sent?;
        Ok::<_, reqwest::Error>((response.status(), response.headers().clone(), response.bytes().await?))
    };
    match answered.await {
        Ok((status, mut headers, answer)) => {
            front.remember(&parts, &body, status, &answer);
            drop_connection_headers(&mut headers);
            (status, headers, Body::from(answer)).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("upstream: {error}")).into_response(),
    }
}

fn sends_mail(parts: &Parts) -> bool {
    parts.uri.path().ends_with("/outbound-emails")
}

/// Removes headers of one connection, and the length, which is counted again.
fn drop_connection_headers(headers: &mut HeaderMap) {
    let names = [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::UPGRADE, header::TE];
    for name in names.into_iter().chain([HeaderName::from_static("keep-alive")]) {
        headers.remove(name);
    }
}

impl Front {
    fn remember(&self, parts: &Parts, body: &[u8], status: StatusCode, answer: &[u8]) {
        let Ok(request) = serde_json::from_slice::<Value>(body) else { return };
        let answer = serde_json::from_slice::<Value>(answer).unwrap_or_default();
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let mut forwarded = self.forwarded.lock();
        if sends_mail(parts) {
            forwarded.mails.push(mail::parse(request, status.as_u16(), &answer).to_string());
        } else if let Some(action @ ("SendMessage" | "SendMessageBatch")) = target.strip_prefix("AmazonSQS.") {
            let status = status.as_u16();
            let message = json!({ "action": action, "status": status, "request": request, "response": answer });
            forwarded.messages.push(message.to_string());
        }
    }
}

/// `{"mails", "messages"}` that reached upstream, narrowed by `?contains=`, and how many mails were `throttled`.
async fn state(State(front): State<Front>, Query(narrow): Query<Narrow>) -> Json<Value> {
    let forwarded = front.forwarded.lock();
    let wanted = |list: &[String]| {
        let matching = list.iter().filter(|item| item.contains(&narrow.contains));
        matching.filter_map(|item| serde_json::from_str(item).ok()).collect::<Vec<Value>>()
    };
    let (mails, messages) = (wanted(&forwarded.mails), wanted(&forwarded.messages));
    Json(json!({ "mails": mails, "messages": messages, "throttled": front.throttle.lock().refused }))
}

async fn set_throttle(State(front): State<Front>, Setting(rate): Setting<Rate>) -> Taken {
    front.throttle.lock().set(rate, Instant::now())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_throttle(State(front): State<Front>) -> StatusCode {
    front.throttle.lock().remove();
    StatusCode::NO_CONTENT
}
