//! Errors as AWS services send them in the JSON protocols.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The statuses of exceptions that Converse, SES and SQS send; others need one in the fault.
const STATUSES: [(u16, &[&str]); 8] = [
    (400, &["BadRequestException", "MailFromDomainNotVerifiedException", "MessageRejected", "ValidationException"]),
    (403, &["AccessDeniedException"]),
    (404, &["NotFoundException", "ResourceNotFoundException", "UnknownOperationException"]),
    (408, &["ModelTimeoutException"]),
    (424, &["ModelErrorException"]),
    (429, &["ModelNotReadyException", "ThrottlingException", "TooManyRequestsException"]),
    (500, &["InternalServerException"]),
    (503, &["ServiceUnavailableException"]),
];

fn status_of(exception: &str) -> Option<StatusCode> {
    let (status, _) = STATUSES.into_iter().find(|(_, names)| names.contains(&exception))?;
    StatusCode::from_u16(status).ok()
}

/// An exception with its usual status.
pub(crate) fn exception(name: &str, message: &str) -> Response {
    response(status_of(name).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), name, message)
}

/// The header carries the name for restJson1, `__type` for awsJson1.
fn response(status: StatusCode, exception: &str, message: &str) -> Response {
    let mut response = (status, Json(json!({ "__type": exception, "message": message }))).into_response();
    if let Ok(name) = HeaderValue::try_from(exception) {
        response.headers_mut().insert("x-amzn-errortype", name);
    }
    with_request_id(response)
}

/// Adds the request id that every answer of AWS carries.
pub(crate) fn with_request_id(mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::try_from(uuid::Uuid::new_v4().to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// An exception that a test asks for; without a status it has its usual one.
pub(crate) fn scripted(name: &str, status: Option<u16>) -> Result<Response, String> {
    let status = match status {
        Some(status) => StatusCode::from_u16(status).map_err(|_| format!("invalid HTTP status {status}"))?,
        None => status_of(name).ok_or_else(|| format!("unknown exception {name}: give a status"))?,
    };
    Ok(response(status, name, "scripted by the stand-in"))
}
