//! Errors as AWS services send them in the JSON protocols.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::faults::Fault;

/// The statuses of the exceptions that Converse, SES and SQS send; others need one in the fault.
const STATUSES: [(u16, &[&str]); 8] = [
    (
        400,
        &[
            "AccountSuspendedException",
            "BadRequestException",
            "LimitExceededException",
            "MailFromDomainNotVerifiedException",
            "MessageRejected",
            "OverLimit",
            "QueueDoesNotExist",
            "RequestThrottled",
            "SendingPausedException",
            "ValidationException",
        ],
    ),
    (403, &["AccessDeniedException"]),
    (404, &["NotFoundException", "ResourceNotFoundException"]),
    (408, &["ModelTimeoutException"]),
    (424, &["ModelErrorException"]),
    (429, &["ModelNotReadyException", "ThrottlingException", "TooManyRequestsException"]),
    (500, &["InternalFailure", "InternalServerException", "InternalServiceErrorException"]),
    (503, &["ServiceUnavailable", "ServiceUnavailableException"]),
];

/// The header carries the name for restJson1, `__type` for awsJson1.
pub(crate) fn response(status: StatusCode, exception: &str, message: &str) -> Response {
    let body = json!({ "__type": exception, "message": message });
    let mut response = (status, Json(body)).into_response();
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

/// Renders `{"exception"}`; the status is the fault's, else the service's for that name.
pub(crate) fn of_fault(fault: &Fault) -> Result<Response, String> {
    let name = fault.exception.as_deref().ok_or("hubspot_limit is for HubSpot's stand-in only")?;
    let usual = || STATUSES.into_iter().find(|(_, names)| names.contains(&name)).map(|(status, _)| status);
    let status = fault.status.or_else(usual).ok_or_else(|| format!("unknown exception {name}: give a status"))?;
    let status = StatusCode::from_u16(status).map_err(|_| format!("invalid HTTP status {status}"))?;
    Ok(response(status, name, "scripted by the stand-in"))
}
