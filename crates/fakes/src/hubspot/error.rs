//! HubSpot's error envelopes.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::faults::{Fault, HubSpotLimit};

const SCOPES_PAGE: &str = "https://developers.hubspot.com/scopes";

/// An error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    category: &'static str,
    message: String,
    /// Further members: `errors`, `context`, `links`.
    details: Map<String, Value>,
}

/// Why a property's value was refused.
#[derive(Debug, Clone)]
pub(crate) struct Invalid {
    pub(crate) name: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Problem {
    fn new(status: StatusCode, category: &'static str, message: impl Into<String>) -> Self {
        Self { status, category, message: message.into(), details: Map::new() }
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.details.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn unauthenticated() -> Self {
        let message = "Authentication credentials not found or not valid: send a private-app token, a service key or \
                       an access token";
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_AUTHENTICATION", message)
    }

    /// The access token has lived its time.
    pub(crate) fn expired(expired: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let ago = (now - expired).num_seconds();
        let message = format!("The OAuth token used to make this call expired {ago} second(s) ago.");
        let time = expired.to_rfc3339_opts(SecondsFormat::Millis, true);
        Self::new(StatusCode::UNAUTHORIZED, "EXPIRED_AUTHENTICATION", message)
            .with("context", json!({ "expire time": [time] }))
    }

    /// The app has none of these scopes.
    pub(crate) fn missing_scopes(needed: &[&str]) -> Self {
        let message = format!(
            "This app hasn't been granted all required scopes to make this call. Read more about required scopes \
             here: {SCOPES_PAGE}."
        );
        let error = json!({
            "message": "One or more of the following scopes are required.", "context": { "requiredGranularScopes": needed },
        });
        Self::new(StatusCode::FORBIDDEN, "MISSING_SCOPES", message)
            .with("errors", json!([error]))
            .with("links", json!({ "scopes": SCOPES_PAGE }))
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", "Unknown endpoint of the stand-in")
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", format!("No {what} with ID {id} exists"))
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    /// Values were refused, each for a reason of its own.
    pub(crate) fn properties(invalid: &[Invalid]) -> Self {
        let detail = invalid.iter().map(|Invalid { name, code, message }| {
            json!({ "isValid": false, "message": message, "error": code, "name": name })
        });
        let detail = Value::from_iter(detail);
        let errors = invalid.iter().map(|Invalid { name, code, message }| {
            json!({ "message": message, "code": code, "context": { "propertyName": [name] } })
        });
        Self::invalid(format!("Property values were not valid: {detail}")).with("errors", Value::from_iter(errors))
    }

    pub(crate) fn property(name: &str, code: &'static str, message: String) -> Self {
        Self::properties(&[Invalid { name: name.to_owned(), code, message }])
    }

    /// A new contact lacks what the account's settings require.
    pub(crate) fn required(missing: &[&String]) -> Self {
        Self::invalid("Error creating CONTACT. Some required properties were not set.")
            .with("context", json!({ "properties": missing }))
    }

    /// The address belongs to the contact `id`; HubSpot gives the id in the message only.
    pub(crate) fn contact_exists(id: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", format!("Contact already exists. Existing ID: {id}"))
    }

    pub(crate) fn property_exists(name: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "OBJECT_ALREADY_EXISTS", format!("A property named '{name}' already exists."))
    }
}

pub(crate) fn correlation_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "status": "error", "message": self.message, "correlationId": correlation_id(), "category": self.category,
        });
        for (name, value) in self.details {
            body[name] = value;
        }
        (self.status, Json(body)).into_response()
    }
}

/// The answer to a request that goes beyond a limit.
pub(crate) fn limited(limit: HubSpotLimit) -> Response {
    let (policy, name) = match limit {
        HubSpotLimit::TenSecondlyRolling => ("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"),
        HubSpotLimit::Daily => ("DAILY", "daily"),
    };
    let body = json!({
        "status": "error", "message": format!("You have reached your {name} limit."), "errorType": "RATE_LIMIT",
        "correlationId": correlation_id(), "policyName": policy, "groupName": "publicapi:private-apps",
    });
    (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()
}

/// Renders `{"hubspot_limit"}`.
pub(crate) fn of_fault(fault: &Fault) -> Result<Response, String> {
    let limit = fault.hubspot_limit.ok_or("HubSpot's stand-in does not take an exception")?;
    let used_up = [("x-hubspot-ratelimit-remaining", "0"), ("x-hubspot-ratelimit-interval-milliseconds", "10000")];
    Ok((used_up, limited(limit)).into_response())
}
