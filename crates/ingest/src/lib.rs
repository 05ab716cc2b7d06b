#![doc = include_str!("../README.md")]

mod error;
mod notification;
mod problem;
mod signature;

use std::time::{Duration, Instant};

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use domain::message::AnalyzeMessage;
use serde_json::json;
use stage::queues::Queues;
use stage::{Clock, ConfigError, Env, error_chain};
use store::Store;
use store::sessions::Accepted;

pub use error::Error;
pub use notification::{FieldError, Notification};
pub use signature::{InvalidSecret, SignatureError, Verifier};

/// The largest body in bytes: Lambda takes events of 6 MB, and base64 and JSON escapes make a body larger.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How long a caller should wait before it repeats a notification that we could not take, in seconds.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Requests are handled one at a time.
const CONNECTIONS: usize = 1;

/// What the function needs from its environment.
pub struct Config {
    pub store: store::Config,
    pub analyze_queue_url: String,
    pub verifier: Verifier,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let name = "SIGNING_SECRETS";
        let tolerance = env.seconds("SIGNATURE_TOLERANCE_SECONDS")?;
        let verifier = Verifier::new(&env.text(name)?, tolerance)
            .map_err(|error| ConfigError::Invalid { name, reason: error.to_string() })?;
        Ok(Self {
            store: stage::config::store(env, CONNECTIONS)?,
            analyze_queue_url: env.text("ANALYZE_QUEUE_URL")?,
            verifier,
        })
    }
}

/// What the handler works with.
pub struct Context<Q> {
    pub store: Store,
    pub queues: Q,
    pub analyze_queue_url: String,
    pub verifier: Verifier,
    pub clock: Clock,
}

impl<Q: Queues> Context<Q> {
    pub fn new(config: Config, store: Store, queues: Q) -> Self {
        let Config { analyze_queue_url, verifier, .. } = config;
        Self { store, queues, analyze_queue_url, verifier, clock: Utc::now }
    }
}

/// What is told of an accepted notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receipt {
    New,
    Duplicate(&'static str),
}

/// Answers one request; whatever is wrong is an answer too.
pub async fn handle<Q: Queues>(context: &Context<Q>, request: ApiGatewayProxyRequest) -> ApiGatewayProxyResponse {
    let started = Instant::now();
    let result = accept(context, &request).await;
    let duration_ms = started.elapsed().as_millis() as u64;
    match result {
        Ok((notification, receipt)) => {
            let session = &notification.session;
            let duplicate = receipt != Receipt::New;
            tracing::info!(tenant.id = %session.tenant_id, session.id = %session.session_id, duplicate, duration_ms, "accepted");
            let body = match receipt {
                Receipt::New => json!({ "session_id": session.session_id, "status": "processing" }),
                Receipt::Duplicate(status) => {
                    json!({ "session_id": session.session_id, "status": status, "duplicate": true })
                }
            };
            problem::json_response(202, "application/json", &body)
        }
        Err(error) => {
            let (status, reason) = (error.status(), error_chain(&error));
            if status >= 500 {
                tracing::error!(status, error = reason, duration_ms, "could not accept a notification");
            } else {
                tracing::warn!(status, error = reason, duration_ms, "refused a notification");
            }
            problem::response(&error)
        }
    }
}

async fn accept<Q: Queues>(
    context: &Context<Q>,
    request: &ApiGatewayProxyRequest,
) -> Result<(Notification, Receipt), Error> {
    let body = body(request)?;
    context.verifier.verify(&request.headers, &body, (context.clock)()).map_err(Error::Signature)?;
    let notification = Notification::parse(&body)?;
    let receipt = store_and_queue(context, &notification).await?;
    Ok((notification, receipt))
}

/// The bytes that were signed.
fn body(request: &ApiGatewayProxyRequest) -> Result<Vec<u8>, Error> {
    let content_type = request.headers.get("content-type").and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return Err(Error::ContentType);
    }
    let text = request.body.as_deref().unwrap_or_default();
    let bytes = match request.is_base64_encoded {
        true => STANDARD.decode(text).map_err(Error::Base64)?,
        false => text.as_bytes().to_vec(),
    };
    if bytes.len() > MAX_BODY_BYTES { Err(Error::TooLarge { bytes: bytes.len() }) } else { Ok(bytes) }
}

/// Stored first, then queued: if the queue refuses, the repeated notification queues it, or `housekeep` does.
async fn store_and_queue<Q: Queues>(context: &Context<Q>, notification: &Notification) -> Result<Receipt, Error> {
    let session = &notification.session;
    let message = AnalyzeMessage::V1 { tenant_id: session.tenant_id.clone(), session_id: session.session_id.clone() };
    let message = serde_json::to_string(&message).map_err(Error::Message)?;
    let new = store::sessions::Notification {
        session,
        transcript: notification.transcript.as_ref(),
        hash: &notification.hash,
        message: &message,
    };
    let (queue, receipt) = match context.store.accept_session(&new).await.map_err(Error::Store)? {
        Accepted::New => (true, Receipt::New),
        Accepted::Duplicate { status, unclaimed } => (unclaimed, Receipt::Duplicate(status.as_str())),
        Accepted::Conflict => return Err(Error::Conflict { session_id: session.session_id.clone() }),
        Accepted::UnknownTenant => return Err(Error::UnknownTenant),
    };
    if queue {
        let send = context.queues.send(&context.analyze_queue_url, &session.tenant_id, &message);
        send.await.map_err(Error::Queue)?;
    }
    Ok(receipt)
}
