//! Errors as AWS services send them in the JSON protocols.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::faults::Fault;

/// The header carries the name for restJson1, `__type` for awsJson1.
pub(crate) fn response(status: StatusCode, exception: &str, message: &str) -> Response {
    let body = json!({ "__type": exception, "message": message });
    let mut response = (status, Json(body)).into_response();
    if let Ok(name) = HeaderValue::try_from(exception) {
        response.headers_mut().insert("x-amzn-errortype", name);
    }
    let request_id = uuid::Uuid::new_v4().to_string();
    if let Ok(id) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// Renders `{"exception"}`; the status is the fault's, else the service's for that name.
pub(crate) fn of_fault(fault: &Fault, status_of: fn(&str) -> Option<u16>) -> Result<Response, String> {
    let Some(name) = fault.exception.as_deref() else {
        return Err("hubspot_limit is for HubSpot's stand-in only".to_owned());
    };
    let status =
        fault.status.or_else(|| status_of(name)).ok_or_else(|| format!("unknown exception {name}: give a status"))?;
    let status = StatusCode::from_u16(status).map_err(|_| format!("invalid HTTP status {status}"))?;
    Ok(response(status, name, "scripted by the stand-in"))
}
