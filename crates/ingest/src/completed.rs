//! `POST /v1/sessions/completed`: stores the session and queues its analysis.

use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::message::AnalyzeMessage;
use domain::session::SessionStatus;
use serde_json::json;
use stage::error_chain;
use stage::queues::Queues;
use store::sessions::Accepted;

use crate::error::{Error, MAX_BODY_BYTES};
use crate::notification::Notification;
use crate::{Context, problem};

/// The session after an accepted notification.
struct Receipt {
    status: SessionStatus,
    /// Whether the session was notified before, with the same content.
    is_duplicate: bool,
}

/// Answers one notification; every error becomes an answer too.
pub(crate) async fn answer<Q: Queues>(
    context: &Context<Q>,
    request: &ApiGatewayProxyRequest,
) -> ApiGatewayProxyResponse {
    let started = Instant::now();
    let result = accept(context, request).await;
    let duration_ms = started.elapsed().as_millis() as u64;
    match result {
        Ok((notification, receipt)) => {
            let session = &notification.session;
            let duplicate = receipt.is_duplicate;
            tracing::info!(tenant.id = %session.tenant_id, session.id = %session.session_id, duplicate, duration_ms, "notification accepted");
            let mut body = json!({ "session_id": session.session_id, "status": receipt.status });
            if duplicate {
                body["duplicate"] = true.into();
            }
            problem::json_response(202, "application/json", &body)
        }
        Err(error) => {
            let (status, reason) = (error.status(), error_chain(&error));
            if status >= 500 {
                tracing::error!(status, error = reason, duration_ms, "notification not accepted");
            } else {
                tracing::warn!(status, error = reason, duration_ms, "notification refused");
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
    // Before the body is parsed: only the AI engine's text reaches the parser.
    let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
    let (now, tolerance) = ((context.clock)(), context.signature_tolerance);
    context.signing_keys.verify(header, &body, now, tolerance).map_err(Error::Signature)?;
    let notification = Notification::parse(&body)?;
    let receipt = store_and_queue(context, &notification).await?;
    Ok((notification, receipt))
}

/// Returns the bytes that were signed.
fn body(request: &ApiGatewayProxyRequest) -> Result<Vec<u8>, Error> {
    let content_type = request.headers.get("content-type").and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return Err(Error::ContentType);
    }
    let text = request.body.as_deref().unwrap_or_default();
    let decoded = request.is_base64_encoded.then(|| STANDARD.decode(text)).transpose().map_err(Error::Base64)?;
    let bytes = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
    if bytes.len() > MAX_BODY_BYTES { Err(Error::TooLarge { bytes: bytes.len() }) } else { Ok(bytes) }
}

/// Stores the session, then queues its analysis: if the queue refuses, a repeated notification queues the analysis, or
/// `housekeep` does.
async fn store_and_queue<Q: Queues>(context: &Context<Q>, notification: &Notification) -> Result<Receipt, Error> {
    let session = &notification.session;
    let message = AnalyzeMessage::V1 { tenant_id: session.tenant_id.clone(), session_id: session.session_id.clone() };
    let message = serde_json::to_string(&message).map_err(Error::Message)?;
    let new = store::sessions::NotifiedSession {
        session,
        transcript: notification.transcript.as_ref(),
        hash: &notification.hash,
        message: &message,
    };
    let (queue, receipt) = match context.store.accept_session(&new).await? {
        Accepted::New => (true, Receipt { status: SessionStatus::Processing, is_duplicate: false }),
        // An earlier notification may have been stored and not queued.
        Accepted::Duplicate { status, unclaimed } => (unclaimed, Receipt { status, is_duplicate: true }),
        Accepted::Conflict => return Err(Error::Conflict { session_id: session.session_id.clone() }),
        Accepted::UnknownTenant => return Err(Error::UnknownTenant),
    };
    if queue {
        context.queues.send(&context.analyze_queue_url, &session.tenant_id, &message).await.map_err(Error::Queue)?;
    }
    Ok(receipt)
}
