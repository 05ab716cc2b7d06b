//! HubSpot's error answers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::call::{CallError, ErrorAnswer, label};
use crate::http;
use crate::reason::Reason;

const INTERVAL: &str = "x-hubspot-ratelimit-interval-milliseconds";
const EXISTING_ID: &str = "Existing ID:";

fn reason(status: StatusCode, body: &ErrorBody) -> Reason {
    match status.as_u16() {
        401 => Reason::Unauthorized,
        403 => Reason::ScopeMissing,
        404 => Reason::NotFound,
        409 => Reason::Conflict,
        400 if body.has_code("INVALID_EMAIL") => Reason::EmailRefused,
        400 if body.has_code("CONFLICTING_UNIQUE_VALUE") => Reason::Conflict,
        400 if body.is_about_a_field() => Reason::FieldRefused,
        400 if body.wants_more() => Reason::FieldRequired,
        // The contact that a new note is to hang on.
        400 if body.is_about_an_association() => Reason::NotFound,
        423 => Reason::Locked,
        // HubSpot has one status for both limits, and only the policy shows which of them it is.
        429 if body.text("policyName") == Some("DAILY") => Reason::DailyLimit,
        429 => Reason::RateLimited,
        // A retry does not make HubSpot implement the request.
        501 => Reason::Rejected,
        // HubSpot answers 477 while it moves the account to another data centre, for up to a day.
        408 | 477 | 500.. => Reason::Unavailable,
        _ => Reason::Rejected,
    }
}

/// Whether a property that was sent, or its value, may be the reason: without it the contact may be taken.
pub(super) fn may_be_of_a_property(error: &CallError) -> bool {
    let Some(ErrorAnswer { reason, status, existing, .. }) = error.answer() else { return false };
    match reason {
        // One may be required because of the value of another.
        Reason::FieldRefused | Reason::FieldRequired => true,
        Reason::Rejected => *status == StatusCode::BAD_REQUEST,
        // A contact that is named has the address, not the value.
        Reason::Conflict => existing.is_none(),
        _ => false,
    }
}

pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> ErrorAnswer {
    // A gateway's error page is not JSON, and its status is enough to judge it.
    let body = ErrorBody(serde_json::from_slice(body).unwrap_or_default());
    refusal(status, body, http::retry_after(headers, now), interval(headers))
}

fn refusal(status: StatusCode, body: ErrorBody, asked: Option<Duration>, interval: Option<Duration>) -> ErrorAnswer {
    let reason = reason(status, &body);
    // The interval is the rate limit's, and says nothing of other errors.
    let retry_after = if reason == Reason::RateLimited { asked.or(interval) } else { asked };
    let labels = ["category", "subCategory", "policyName", "correlationId"];
    let labels = labels.iter().filter_map(|name| body.text(name)).collect::<Vec<_>>();
    let named = if reason == Reason::FieldRequired { body.properties() } else { Vec::new() };
    let labels = labels.into_iter().chain(named).filter_map(label).collect();
    ErrorAnswer { party: "HubSpot", status, reason, labels, existing: body.existing_contact(), retry_after }
}

/// Reads the error of one input of a batch, of which others may have succeeded: its category stands for the status.
pub(super) fn of_input(error: Value) -> ErrorAnswer {
    let body = ErrorBody(error);
    let status = match body.text("category") {
        Some("OBJECT_NOT_FOUND") => StatusCode::NOT_FOUND,
        Some("CONFLICT" | "OBJECT_ALREADY_EXISTS") => StatusCode::CONFLICT,
        Some("RATE_LIMITS") => StatusCode::TOO_MANY_REQUESTS,
        Some("MISSING_SCOPES") => StatusCode::FORBIDDEN,
        Some("VALIDATION_ERROR") => StatusCode::BAD_REQUEST,
        // Nothing is known that would refuse it for good.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refusal(status, body, None, None)
}

/// The limit is over when it ends.
fn interval(headers: &HeaderMap) -> Option<Duration> {
    Some(Duration::from_millis(headers.get(INTERVAL)?.to_str().ok()?.parse().ok()?))
}

/// HubSpot's error envelope, of which every member may be missing.
struct ErrorBody(Value);

impl ErrorBody {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn errors(&self) -> impl Iterator<Item = &Value> {
        self.0.get("errors").and_then(Value::as_array).into_iter().flatten()
    }

    /// The names that the context of the answer or of an error has.
    fn properties(&self) -> Vec<&str> {
        let contexts = [&self.0].into_iter().chain(self.errors()).filter_map(|error| error.get("context"));
        let members = |context| ["properties", "propertyName"].map(|member| Value::get(context, member));
        let names = contexts.flat_map(members).flatten().filter_map(Value::as_array).flatten();
        names.filter_map(Value::as_str).collect()
    }

    fn is_about_an_association(&self) -> bool {
        let has = |name: &str| self.text(name).is_some_and(|text| text.to_lowercase().contains("associat"));
        has("message") || has("subCategory")
    }

    /// Returns whether a property is missing, for which some versions have no code.
    fn wants_more(&self) -> bool {
        let says = |error: &Value| {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase();
            text("message").contains("required propert") || text("code").contains("required")
        };
        says(&self.0) || self.errors().any(says)
    }

    /// As an error's `code`, or inside the message's list of invalid properties.
    fn has_code(&self, code: &str) -> bool {
        self.errors().any(|error| error.get("code").and_then(Value::as_str) == Some(code))
            || self.text("message").is_some_and(|message| message.contains(&format!("\"{code}\"")))
    }

    fn is_about_a_field(&self) -> bool {
        let codes = ["PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE", "INVALID_OPTION", "INVALID_LONG", "INVALID_INTEGER"];
        let more =
            ["LEADING_TRAILING_WHITESPACE", "INVALID_NUMBER", "INVALID_BOOLEAN", "INVALID_DATE", "INVALID_LENGTH"];
        codes.iter().chain(&more).any(|code| self.has_code(code))
    }

    /// HubSpot gives the id in the message only.
    fn existing_contact(&self) -> Option<String> {
        let (_, rest) = self.text("message")?.split_once(EXISTING_ID)?;
        let id: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        (!id.is_empty()).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(status: u16, headers: &[(&'static str, &str)], body: Value) -> ErrorAnswer {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        read(StatusCode::from_u16(status).unwrap(), &headers, body.to_string().as_bytes(), now)
    }

    #[test]
    fn an_answer_is_sorted_by_its_status() {
        for (status, body, trouble) in [
            (400, json!({"category": "VALIDATION_ERROR"}), Reason::Rejected),
            (400, json!({"errors": [{"code": "INVALID_EMAIL"}]}), Reason::EmailRefused),
            (400, json!({"message": r#"not valid: [{"error":"INVALID_EMAIL"}]"#}), Reason::EmailRefused),
            (400, json!({"errors": [{"code": "PROPERTY_DOESNT_EXIST"}]}), Reason::FieldRefused),
            (400, json!({"message": r#"not valid: [{"error":"INVALID_OPTION"}]"#}), Reason::FieldRefused),
            (400, json!({"errors": [{"code": "CONFLICTING_UNIQUE_VALUE"}]}), Reason::Conflict),
            (400, json!({ "message": "Cannot associate with contact 1: it does not exist" }), Reason::NotFound),
            (401, json!("not an object"), Reason::Unauthorized),
            (403, json!({}), Reason::ScopeMissing),
            (404, json!({}), Reason::NotFound),
            (409, json!({}), Reason::Conflict),
            (415, json!({}), Reason::Rejected),
            (423, json!({}), Reason::Locked),
            (429, json!({"policyName": "TEN_SECONDLY_ROLLING"}), Reason::RateLimited),
            (429, json!({"policyName": "DAILY"}), Reason::DailyLimit),
            (429, json!(""), Reason::RateLimited),
            (477, json!({}), Reason::Unavailable),
            (500, json!({}), Reason::Unavailable),
            (501, json!({}), Reason::Rejected),
            (503, json!({}), Reason::Unavailable),
        ] {
            assert_eq!(refusal(status, &[], body.clone()).reason, trouble, "{status} {body}");
        }
    }

    #[test]
    fn an_input_of_a_batch_is_sorted_by_its_category() {
        for (error, trouble) in [
            (json!({ "category": "OBJECT_NOT_FOUND" }), Reason::NotFound),
            (json!({ "category": "CONFLICT" }), Reason::Conflict),
            (json!({ "category": "RATE_LIMITS" }), Reason::RateLimited),
            (json!({ "category": "VALIDATION_ERROR" }), Reason::Rejected),
            (
                json!({ "category": "VALIDATION_ERROR", "errors": [{ "code": "PROPERTY_DOESNT_EXIST" }] }),
                Reason::FieldRefused,
            ),
            (json!({}), Reason::Unavailable),
            (json!("?"), Reason::Unavailable),
        ] {
            assert_eq!(of_input(error.clone()).reason, trouble, "{error}");
        }
    }

    #[test]
    fn a_property_that_the_account_requires_is_named() {
        let message = "Error creating CONTACT. Some required properties were not set.";
        for body in [
            json!({ "message": message, "context": { "properties": ["company", "Not a name!"] } }),
            json!({ "errors": [{ "code": "REQUIRED_PROPERTY", "context": { "propertyName": ["company"] } }] }),
            json!({ "errors": [{ "message": "A required property", "context": { "properties": ["company"] } }] }),
        ] {
            let refusal = refusal(400, &[], body.clone());
            assert_eq!(refusal.reason, Reason::FieldRequired, "{body}");
            assert_eq!(refusal.to_string(), "HubSpot answered with 400 company");
        }
    }

    #[test]
    fn what_is_asked_for_is_waited_for_and_else_the_interval() {
        let wait = |status: u16, headers: &[(&'static str, &str)]| {
            refusal(status, headers, json!({})).retry_after.map(|wait| wait.as_secs())
        };
        assert_eq!(wait(429, &[("retry-after", "3"), (INTERVAL, "10000")]), Some(3));
        assert_eq!(wait(429, &[(INTERVAL, "10000")]), Some(10));
        assert_eq!(wait(429, &[]), None);
        assert_eq!(wait(477, &[("retry-after", "86400")]), Some(86_400));
        assert_eq!(wait(503, &[(INTERVAL, "10000")]), None);
    }

    #[test]
    fn the_text_says_what_happened_and_repeats_no_address() {
        let body = json!({
            "message": "Contact ana@example.com already exists. Existing ID: 37765128953", "category": "CONFLICT",
            "subCategory": "ana@example.com", "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
        });
        let refusal = refusal(409, &[], body);
        assert_eq!(refusal.existing.as_deref(), Some("37765128953"));
        assert_eq!(refusal.to_string(), "HubSpot answered with 409 CONFLICT aeb5f871-7f07-4993-9211-075dc63e7cbf");
        assert!(!format!("{refusal:?}").contains("ana@"));
    }
}
