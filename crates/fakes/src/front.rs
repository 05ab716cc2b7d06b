//! A recording front for an AWS endpoint: keeps each request whole, applies faults, and forwards the rest.

mod mail;
mod throttle;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::aws_error;
use crate::plumbing::{Narrow, Plumbing, control_answer};
use crate::serve::{ANY_PORT, Running, serve};
use throttle::Throttle;

/// Listens in front of `upstream` (`http://host:port`), on a free port of the loopback interface.
pub async fn start(upstream: &str) -> io::Result<Running> {
    start_on(ANY_PORT, upstream).await
}

pub async fn start_on(address: SocketAddr, upstream: &str) -> io::Result<Running> {
    let front = Front {
        upstream: Arc::from(upstream.trim_end_matches('/')),
        http: reqwest::Client::new(),
        throttle: Throttle::default(),
        forwarded: Arc::default(),
    };
    let app = Router::new().fallback(forward).with_state(front.clone());
    let controls = Router::new()
        .route("/_state", get(state))
        .route("/_throttle", post(set_throttle).delete(remove_throttle))
        .with_state(front);
    serve(Plumbing::new(|fault| aws_error::of_fault(fault, status_of)).router(app, controls), address).await
}

/// The statuses of the exceptions that SES and SQS send; others need one in the fault.
fn status_of(exception: &str) -> Option<u16> {
    Some(match exception {
        "ThrottlingException" | "TooManyRequestsException" => 429,
        "AccessDeniedException" => 403,
        "NotFoundException" => 404,
        "InternalServiceErrorException" | "InternalFailure" => 500,
        "ServiceUnavailable" | "ServiceUnavailableException" => 503,
        "AccountSuspendedException"
        | "BadRequestException"
        | "LimitExceededException"
        | "MailFromDomainNotVerifiedException"
        | "MessageRejected"
        | "SendingPausedException"
        | "OverLimit"
        | "QueueDoesNotExist"
        | "RequestThrottled" => 400,
        _ => return None,
    })
}

#[derive(Clone)]
struct Front {
    upstream: Arc<str>,
    http: reqwest::Client,
    throttle: Throttle,
    /// Mails and messages for tests, in order.
    forwarded: Arc<Mutex<Forwarded>>,
}

#[derive(Debug, Default)]
struct Forwarded {
    mails: Vec<Value>,
    messages: Vec<Value>,
}

async fn forward(State(front): State<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    if sends_mail(&parts)
        && let Some(refusal) = front.throttle.refusal(Instant::now())
    {
        return refusal;
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers.clone();
    drop_connection_headers(&mut headers);
    headers.remove(header::HOST);
    let url = format!("{}{path}", front.upstream);
    let sent = front.http.request(parts.method.clone(), url).headers(headers).body(body.clone()).send().await;
    let answered = match sent {
        Ok(response) => {
            let (status, headers) = (response.status(), response.headers().clone());
            response.bytes().await.map(|body| (status, headers, body))
        }
        Err(error) => Err(error),
    };
    match answered {
        Ok((status, headers, answer)) => {
            front.remember(&parts, &body, status, &answer);
            relay(status, headers, answer)
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("upstream: {error}")).into_response(),
    }
}

fn sends_mail(parts: &Parts) -> bool {
    parts.uri.path().ends_with("/outbound-emails")
}

fn relay(status: StatusCode, mut headers: HeaderMap, body: Bytes) -> Response {
    drop_connection_headers(&mut headers);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
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
            forwarded.mails.push(mail::parse(request, status.as_u16(), &answer));
        } else if let Some(action) = target.strip_prefix("AmazonSQS.") {
            let sends = matches!(action, "SendMessage" | "SendMessageBatch");
            if sends {
                forwarded.messages.push(json!({
                    "action": action, "status": status.as_u16(), "request": request, "response": answer,
                }));
            }
        }
    }
}

/// `{"mails", "messages"}` that reached upstream, narrowed by `?contains=`, and how many mails were `throttled`.
async fn state(State(front): State<Front>, Query(narrow): Query<Narrow>) -> Json<Value> {
    let forwarded = front.forwarded.lock();
    let wanted = |list: &[Value]| {
        list.iter().filter(|item| item.to_string().contains(&narrow.contains)).cloned().collect::<Vec<_>>()
    };
    let (mails, messages) = (wanted(&forwarded.mails), wanted(&forwarded.messages));
    Json(json!({ "mails": mails, "messages": messages, "throttled": front.throttle.refused() }))
}

async fn set_throttle(State(front): State<Front>, body: Bytes) -> Response {
    let rate = serde_json::from_slice(&body).map_err(|error| error.to_string());
    control_answer(rate.and_then(|rate| front.throttle.set(rate, Instant::now())))
}

async fn remove_throttle(State(front): State<Front>) -> StatusCode {
    front.throttle.remove();
    StatusCode::NO_CONTENT
}
