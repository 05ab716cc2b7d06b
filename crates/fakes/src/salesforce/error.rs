//! Salesforce's error answers: a list for the API, an object for the token endpoint.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::faults::Fault;

/// An error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    body: Value,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, body: json!([{ "message": message.into(), "errorCode": code }]) }
    }

    /// 400, of which Salesforce says which fields it is about, if any.
    pub(crate) fn refused(code: &str, message: impl Into<String>, fields: &[&str]) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, code, message);
        problem.body[0]["fields"] = json!(fields);
        problem
    }

    pub(crate) fn session_expired() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    pub(crate) fn request_limit() -> Self {
        Self::new(StatusCode::FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    }

    /// An unknown URL, object or record.
    pub(crate) fn no_such_resource() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist")
    }

    /// Salesforce reads anything but a record's id as a field's name.
    pub(crate) fn no_external_id(name: &str) -> Self {
        let message = format!("Provided external ID field does not exist or is not accessible: {name}");
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    pub(crate) fn no_such_record() -> Self {
        Self::new(StatusCode::NOT_FOUND, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    }

    pub(crate) fn deleted(status: StatusCode) -> Self {
        let mut problem = Self::new(status, "ENTITY_IS_DELETED", "entity is deleted");
        problem.body[0]["fields"] = json!([]);
        problem
    }

    pub(crate) fn converted_lead() -> Self {
        Self::refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", &[])
    }

    /// The user lacks the permission.
    pub(crate) fn not_createable(object: &str) -> Self {
        let message = format!("entity type cannot be inserted: {object}");
        Self::refused("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, &[])
    }

    pub(crate) fn no_json() -> Self {
        let message = "Content-Type header specified in HTTP request is not supported: application/json is";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    pub(crate) fn json(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "JSON_PARSER_ERROR", message)
    }

    pub(crate) fn invalid_field(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message)
    }

    pub(crate) fn malformed_query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MALFORMED_QUERY", message)
    }

    /// Several records have the value; where each of them is.
    pub(crate) fn several(urls: &[String]) -> Self {
        Self { status: StatusCode::MULTIPLE_CHOICES, body: json!(urls) }
    }

    /// A duplicate rule speaks; `member` has what it found.
    pub(crate) fn duplicates(member: &str, found: Value) -> Self {
        let message = found["errorMessage"].as_str().unwrap_or_default().to_owned();
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "DUPLICATES_DETECTED", message);
        problem.body[0][member] = found;
        problem
    }

    /// As the token endpoint refuses.
    pub(crate) fn oauth(error: &str, description: &str) -> Self {
        let body = json!({ "error": error, "error_description": description });
        Self { status: StatusCode::BAD_REQUEST, body }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// There is nothing that a status, a body and headers do not say.
pub(crate) fn of_fault(_: &Fault) -> Result<Response, String> {
    Err("Salesforce knows only status faults".to_owned())
}
