//! HubSpot's error envelopes.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::faults::HubSpotLimit;
use crate::rest::Problem;

fn problem(status: StatusCode, category: &str, message: impl Into<String>) -> Problem {
    let (message, id) = (message.into(), Uuid::new_v4());
    Problem {
        status,
        body: json!({ "status": "error", "message": message, "correlationId": id, "category": category }),
    }
}

/// The same with a further member: `errors` or `context`.
fn with(mut problem: Problem, name: &str, value: Value) -> Problem {
    problem.body[name] = value;
    problem
}

pub(crate) fn unauthenticated() -> Problem {
    let message = "Authentication credentials not found or not valid: send a private-app token, a service key or an \
                   access token";
    problem(StatusCode::UNAUTHORIZED, "INVALID_AUTHENTICATION", message)
}

/// The access token has lived its time.
pub(crate) fn token_expired(expired: DateTime<Utc>, now: DateTime<Utc>) -> Problem {
    let ago = (now - expired).num_seconds();
    let message = format!("The OAuth token used to make this call expired {ago} second(s) ago.");
    problem(StatusCode::UNAUTHORIZED, "EXPIRED_AUTHENTICATION", message)
}

/// The token endpoint refuses a part of the form.
pub(crate) fn not_granted(status: StatusCode, label: &str, error: &str, part: &str) -> Problem {
    let message = format!("missing or invalid {part}");
    let body = json!({
        "status": label, "message": message, "correlationId": Uuid::new_v4(), "error": error,
        "error_description": message,
    });
    Problem { status, body }
}

/// The app has not one of these scopes.
pub(crate) fn missing_scopes(needed: &[&str]) -> Problem {
    let message = "This app hasn't been granted all required scopes to make this call.";
    let error = json!({
        "message": "One or more of the following scopes are required.", "context": { "requiredGranularScopes": needed },
    });
    with(problem(StatusCode::FORBIDDEN, "MISSING_SCOPES", message), "errors", json!([error]))
}

pub(crate) fn no_such_route() -> Problem {
    problem(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", "Unknown endpoint of the stand-in")
}

pub(crate) fn not_found(what: &str, id: &str) -> Problem {
    problem(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", format!("No {what} with ID {id} exists"))
}

pub(crate) fn invalid(message: impl Into<String>) -> Problem {
    problem(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
}

/// The code and the message of a refused value.
pub(crate) type Refused = (&'static str, String);

/// Values of the named properties were refused, each for a reason of its own.
pub(crate) fn properties(refused: &[(&str, Refused)]) -> Problem {
    let detail = refused
        .iter()
        .map(|(name, (code, message))| json!({ "isValid": false, "message": message, "error": code, "name": name }));
    let detail = Value::from_iter(detail);
    let errors = refused.iter().map(
        |(name, (code, message))| json!({ "message": message, "code": code, "context": { "propertyName": [name] } }),
    );
    with(invalid(format!("Property values were not valid: {detail}")), "errors", Value::from_iter(errors))
}

/// A new contact lacks what the account's settings require.
pub(crate) fn required(missing: &[&String]) -> Problem {
    let problem = invalid("Error creating CONTACT. Some required properties were not set.");
    with(problem, "context", json!({ "properties": missing }))
}

/// The address belongs to the contact `id`; HubSpot gives the id in the message only.
pub(crate) fn contact_exists(id: &str) -> Problem {
    problem(StatusCode::CONFLICT, "CONFLICT", format!("Contact already exists. Existing ID: {id}"))
}

pub(crate) fn property_exists(name: &str) -> Problem {
    problem(StatusCode::CONFLICT, "OBJECT_ALREADY_EXISTS", format!("A property named '{name}' already exists."))
}

/// The answer to a request that goes beyond a limit.
pub(crate) fn limited(limit: HubSpotLimit) -> Problem {
    let policy = json!(limit);
    let name = policy.as_str().unwrap_or_default().to_lowercase();
    let body = json!({
        "status": "error", "message": format!("You have reached your {name} limit."), "errorType": "RATE_LIMIT",
        "correlationId": Uuid::new_v4(), "policyName": policy, "groupName": "publicapi:private-apps",
    });
    Problem { status: StatusCode::TOO_MANY_REQUESTS, body }
}

/// The same for a limit that others have used up.
pub(crate) fn used_up(limit: HubSpotLimit) -> Response {
    let headers = [("x-hubspot-ratelimit-remaining", "0"), ("x-hubspot-ratelimit-interval-milliseconds", "10000")];
    (headers, limited(limit)).into_response()
}
