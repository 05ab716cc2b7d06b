//! Salesforce's error answers: a list for the API, an object for the token endpoint.

use axum::http::StatusCode;
use serde_json::json;

use crate::rest::Problem;

pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Problem {
    Problem { status, body: json!([{ "message": message.into(), "errorCode": code }]) }
}

/// 400 without fields: the request itself is wrong.
pub(crate) fn bad(code: &str, message: impl Into<String>) -> Problem {
    new(StatusCode::BAD_REQUEST, code, message)
}

/// A refused change, of which Salesforce says which fields it is about, if any.
pub(crate) fn refused(code: &str, message: impl Into<String>, fields: &[&str]) -> Problem {
    let mut problem = bad(code, message);
    problem.body[0]["fields"] = json!(fields);
    problem
}

/// An unknown URL, object or record.
pub(crate) fn no_such_resource() -> Problem {
    new(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist")
}

/// Salesforce reads anything but a record's id as a field's name.
pub(crate) fn no_external_id(name: &str) -> Problem {
    let message = format!("Provided external ID field does not exist or is not accessible: {name}");
    new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
}

pub(crate) fn no_such_record() -> Problem {
    new(StatusCode::NOT_FOUND, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
}

pub(crate) fn deleted(status: StatusCode) -> Problem {
    Problem { status, ..refused("ENTITY_IS_DELETED", "entity is deleted", &[]) }
}

pub(crate) fn converted_lead() -> Problem {
    refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", &[])
}

/// As the token endpoint refuses.
pub(crate) fn oauth(error: &str, description: &str) -> Problem {
    Problem { status: StatusCode::BAD_REQUEST, body: json!({ "error": error, "error_description": description }) }
}
