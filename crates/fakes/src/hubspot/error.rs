//! HubSpot's error envelopes.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::faults::{Fault, HubSpotLimit};

/// An error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    category: &'static str,
    message: String,
    errors: Vec<Value>,
}

impl Problem {
    fn new(status: StatusCode, category: &'static str, message: impl Into<String>) -> Self {
        Self { status, category, message: message.into(), errors: Vec::new() }
    }

    pub(crate) fn unauthenticated() -> Self {
        let message = "Authentication credentials not found or not valid: send a private-app token or service key";
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_AUTHENTICATION", message)
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", "The stand-in has no such endpoint")
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", format!("No {what} with ID {id} exists"))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    /// A property's value was refused for the reason `code`.
    pub(crate) fn property(name: &str, code: &'static str, message: String) -> Self {
        let detail = json!([{ "isValid": false, "message": message, "error": code, "name": name }]);
        let mut problem = Self::invalid(format!("Property values were not valid: {detail}"));
        problem.errors = vec![json!({ "message": message, "code": code, "context": { "propertyName": [name] } })];
        problem
    }

    /// The address belongs to the contact `id`; HubSpot gives the id in the message only.
    pub(crate) fn contact_exists(id: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", format!("Contact already exists. Existing ID: {id}"))
    }

    pub(crate) fn property_exists(name: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "OBJECT_ALREADY_EXISTS", format!("A property named '{name}' already exists."))
    }
}

fn correlation_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "status": "error", "message": self.message, "correlationId": correlation_id(), "category": self.category,
        });
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors);
        }
        (self.status, Json(body)).into_response()
    }
}

/// Renders `{"hubspot_limit"}`.
pub(crate) fn of_fault(fault: &Fault) -> Result<Response, String> {
    let (policy, name) = match fault.hubspot_limit {
        Some(HubSpotLimit::TenSecondlyRolling) => ("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"),
        Some(HubSpotLimit::Daily) => ("DAILY", "daily"),
        None => return Err("HubSpot knows no exception".to_owned()),
    };
    let body = json!({
        "status": "error", "message": format!("You have reached your {name} limit."), "errorType": "RATE_LIMIT",
        "correlationId": correlation_id(), "policyName": policy, "groupName": "publicapi:private-apps",
    });
    let used_up = [("x-hubspot-ratelimit-remaining", "0"), ("x-hubspot-ratelimit-interval-milliseconds", "10000")];
    Ok((StatusCode::TOO_MANY_REQUESTS, used_up, Json(body)).into_response())
}
