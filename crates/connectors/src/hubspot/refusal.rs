//! HubSpot's error answers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::call::{CallError, Refusal, Trouble, label};
use crate::http;

const INTERVAL: &str = "x-hubspot-ratelimit-interval-milliseconds";
const EXISTING_ID: &str = "Existing ID:";

fn trouble(status: StatusCode, body: &Body) -> Trouble {
    match status.as_u16() {
        401 => Trouble::Unauthorized,
        403 => Trouble::Forbidden,
        404 => Trouble::NotFound,
        409 => Trouble::Conflict,
        400 if body.has_code("INVALID_EMAIL") => Trouble::InvalidEmail,
        400 if body.has_code("CONFLICTING_UNIQUE_VALUE") => Trouble::Conflict,
        400 if body.is_about_a_field() => Trouble::Field,
        400 if body.wants_more() => Trouble::Required,
        // The contact that a new note is to hang on.
        400 if body.is_about_an_association() => Trouble::NotFound,
        423 => Trouble::Locked,
        429 if body.text("policyName") == Some("DAILY") => Trouble::DailyLimit,
        429 => Trouble::RateLimited,
        501 => Trouble::Rejected,
        408 | 477 | 500.. => Trouble::Unavailable,
        _ => Trouble::Rejected,
    }
}

/// Whether a property that was sent, or its value, may be the reason: without it the contact may be taken.
pub(super) fn may_be_of_a_property(error: &CallError) -> bool {
    let Some(Refusal { trouble, status, existing, .. }) = error.refusal() else { return false };
    match trouble {
        // One may be required because of the value of another.
        Trouble::Field | Trouble::Required => true,
        Trouble::Rejected => *status == StatusCode::BAD_REQUEST,
        // A contact that is named has the address, not the value.
        Trouble::Conflict => existing.is_none(),
        Trouble::InvalidEmail
        | Trouble::Unauthorized
        | Trouble::Forbidden
        | Trouble::NotFound
        | Trouble::RateLimited
        | Trouble::DailyLimit
        | Trouble::Locked
        | Trouble::Unavailable => false,
    }
}

pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Refusal {
    let body = Body(serde_json::from_slice(body).unwrap_or_default());
    refusal(status, body, http::retry_after(headers, now), interval(headers))
}

fn refusal(status: StatusCode, body: Body, asked: Option<Duration>, interval: Option<Duration>) -> Refusal {
    let trouble = trouble(status, &body);
    let retry_after = match trouble {
        Trouble::RateLimited => asked.or(interval),
        _ => asked,
    };
    let labels = ["category", "subCategory", "policyName", "correlationId"];
    let labels = labels.iter().filter_map(|name| body.text(name)).collect::<Vec<_>>();
    let named = if trouble == Trouble::Required { body.properties() } else { Vec::new() };
    let labels = labels.into_iter().chain(named).filter_map(label).collect();
    Refusal { party: "HubSpot", status, trouble, labels, existing: body.existing_contact(), retry_after }
}

/// Of one input of a batch, of which others may have succeeded: its category stands for the status.
pub(super) fn of_input(error: Value) -> Refusal {
    let body = Body(error);
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
struct Body(Value);

impl Body {
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

    /// That a property is missing has no code of its own in all versions.
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

    fn refusal(status: u16, headers: &[(&'static str, &str)], body: Value) -> Refusal {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        read(StatusCode::from_u16(status).unwrap(), &headers, body.to_string().as_bytes(), now)
    }

    #[test]
    fn an_answer_is_sorted_by_its_status() {
        for (status, body, trouble) in [
            (400, json!({"category": "VALIDATION_ERROR"}), Trouble::Rejected),
            (400, json!({"errors": [{"code": "INVALID_EMAIL"}]}), Trouble::InvalidEmail),
            (400, json!({"message": r#"not valid: [{"error":"INVALID_EMAIL"}]"#}), Trouble::InvalidEmail),
            (400, json!({"errors": [{"code": "PROPERTY_DOESNT_EXIST"}]}), Trouble::Field),
            (400, json!({"message": r#"not valid: [{"error":"INVALID_OPTION"}]"#}), Trouble::Field),
            (400, json!({"errors": [{"code": "CONFLICTING_UNIQUE_VALUE"}]}), Trouble::Conflict),
            (400, json!({ "message": "Cannot associate with contact 1: it does not exist" }), Trouble::NotFound),
            (401, json!("not an object"), Trouble::Unauthorized),
            (403, json!({}), Trouble::Forbidden),
            (404, json!({}), Trouble::NotFound),
            (409, json!({}), Trouble::Conflict),
            (415, json!({}), Trouble::Rejected),
            (423, json!({}), Trouble::Locked),
            (429, json!({"policyName": "TEN_SECONDLY_ROLLING"}), Trouble::RateLimited),
            (429, json!({"policyName": "DAILY"}), Trouble::DailyLimit),
            (429, json!(""), Trouble::RateLimited),
            (477, json!({}), Trouble::Unavailable),
            (500, json!({}), Trouble::Unavailable),
            (501, json!({}), Trouble::Rejected),
            (503, json!({}), Trouble::Unavailable),
        ] {
            assert_eq!(refusal(status, &[], body.clone()).trouble, trouble, "{status} {body}");
        }
    }

    #[test]
    fn an_input_of_a_batch_is_sorted_by_its_category() {
        for (error, trouble) in [
            (json!({ "category": "OBJECT_NOT_FOUND" }), Trouble::NotFound),
            (json!({ "category": "CONFLICT" }), Trouble::Conflict),
            (json!({ "category": "RATE_LIMITS" }), Trouble::RateLimited),
            (json!({ "category": "VALIDATION_ERROR" }), Trouble::Rejected),
            (
                json!({ "category": "VALIDATION_ERROR", "errors": [{ "code": "PROPERTY_DOESNT_EXIST" }] }),
                Trouble::Field,
            ),
            (json!({}), Trouble::Unavailable),
            (json!("?"), Trouble::Unavailable),
        ] {
            assert_eq!(of_input(error.clone()).trouble, trouble, "{error}");
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
            assert_eq!(refusal.trouble, Trouble::Required, "{body}");
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
