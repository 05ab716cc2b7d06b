//! HubSpot's error answers.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::step::Code;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use stage::backoff::{Backoff, MAX_VISIBILITY};

use crate::http;

/// A daily limit ends at midnight of the account's time zone, which we do not know; four deliveries of six hours reach
/// it wherever it is. SQS hides a message for 12 hours at most.
pub const DAILY_LIMIT_WAIT: Duration = Duration::from_secs(6 * 3600);
/// Until when waits for the ten-second limit double: a burst of a thousand sessions is through by then.
const LONGEST_LIMIT_WAIT: Duration = Duration::from_secs(900);
/// The longest category or correlation id that is logged, in characters; HubSpot's have at most 40.
const MAX_LABEL_LENGTH: usize = 60;
const INTERVAL: &str = "x-hubspot-ratelimit-interval-milliseconds";
const EXISTING_ID: &str = "Existing ID:";

/// What an error answer means to a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The token is wrong, expired or revoked.
    Unauthorized,
    /// The token lacks a scope.
    Forbidden,
    NotFound,
    Conflict,
    /// HubSpot takes the address for no address; says nothing of the integration.
    InvalidEmail,
    /// The limit of requests in ten seconds.
    RateLimited,
    DailyLimit,
    /// Down, overloaded, migrating (477) or locked (423).
    Unavailable,
    /// Anything else: the same request would be refused again.
    Rejected,
}

impl Cause {
    fn of(status: StatusCode, body: &Body) -> Self {
        match status.as_u16() {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 => Self::Conflict,
            400 if body.is_invalid_email() => Self::InvalidEmail,
            429 if body.text("policyName") == Some("DAILY") => Self::DailyLimit,
            429 => Self::RateLimited,
            501 => Self::Rejected,
            408 | 423 | 477 | 500.. => Self::Unavailable,
            _ => Self::Rejected,
        }
    }

    pub(super) fn code(self) -> Code {
        match self {
            Self::Unauthorized => Code::new("unauthorized"),
            Self::Forbidden => Code::new("forbidden"),
            Self::NotFound => Code::new("not_found"),
            Self::Conflict => Code::new("conflict"),
            Self::InvalidEmail => Code::new("invalid_email"),
            Self::RateLimited => Code::new("rate_limited"),
            Self::DailyLimit => Code::new("daily_limit"),
            Self::Unavailable => Code::new("unavailable"),
            Self::Rejected => Code::new("rejected"),
        }
    }
}

/// An error answer, without its `message`: HubSpot repeats addresses in it.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    pub(super) cause: Cause,
    /// Category, subcategory and correlation id, as far as they look like what they should be.
    labels: Vec<String>,
    pub(super) existing_contact: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// `attempt` counts the deliveries of the message.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>, attempt: i32) -> Self {
        let body = Body(serde_json::from_slice(body).unwrap_or_default());
        let cause = Cause::of(status, &body);
        let asked = http::retry_after(headers, now);
        let retry_after = match cause {
            Cause::RateLimited => asked.or_else(|| limit_wait(headers, attempt)),
            Cause::DailyLimit => Some(asked.unwrap_or(DAILY_LIMIT_WAIT).min(MAX_VISIBILITY)),
            _ => asked,
        };
        let labels = ["category", "subCategory", "policyName", "correlationId"];
        let labels = labels.iter().filter_map(|name| body.label(name)).collect();
        Self { status, cause, labels, existing_contact: body.existing_contact(), retry_after }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        self.labels.iter().try_for_each(|label| write!(f, " {label}"))
    }
}

/// At least the interval; longer with each delivery and never all at once, or a burst would be refused as a whole again.
fn limit_wait(headers: &HeaderMap, attempt: i32) -> Option<Duration> {
    let interval = Duration::from_millis(headers.get(INTERVAL)?.to_str().ok()?.parse().ok()?);
    let backoff = Backoff { base: interval * 2, max: LONGEST_LIMIT_WAIT };
    Some(backoff.after(u32::try_from(attempt).unwrap_or(1)))
}

/// HubSpot's error envelope, of which every member may be missing.
struct Body(Value);

#[derive(Deserialize)]
struct Detail {
    code: Option<String>,
}

impl Body {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn label(&self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let known = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        (!text.is_empty() && text.len() <= MAX_LABEL_LENGTH && text.chars().all(known)).then(|| text.to_owned())
    }

    /// As an error's `code`, or inside the message's list of invalid properties.
    fn is_invalid_email(&self) -> bool {
        let details = self.0.get("errors").cloned().unwrap_or_default();
        let details: Vec<Detail> = serde_json::from_value(details).unwrap_or_default();
        details.iter().any(|detail| detail.code.as_deref() == Some("INVALID_EMAIL"))
            || self.text("message").is_some_and(|message| message.contains("\"INVALID_EMAIL\""))
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
        Refusal::read(StatusCode::from_u16(status).unwrap(), &headers, body.to_string().as_bytes(), now, 1)
    }

    #[test]
    fn an_answer_is_sorted_by_its_status() {
        for (status, body, cause) in [
            (400, json!({"category": "VALIDATION_ERROR"}), Cause::Rejected),
            (400, json!({"errors": [{"code": "INVALID_EMAIL"}]}), Cause::InvalidEmail),
            (400, json!({"message": r#"not valid: [{"error":"INVALID_EMAIL"}]"#}), Cause::InvalidEmail),
            (401, json!("not an object"), Cause::Unauthorized),
            (403, json!({}), Cause::Forbidden),
            (404, json!({}), Cause::NotFound),
            (409, json!({}), Cause::Conflict),
            (415, json!({}), Cause::Rejected),
            (423, json!({}), Cause::Unavailable),
            (429, json!({"policyName": "TEN_SECONDLY_ROLLING"}), Cause::RateLimited),
            (429, json!({"policyName": "DAILY"}), Cause::DailyLimit),
            (477, json!({}), Cause::Unavailable),
            (500, json!({}), Cause::Unavailable),
            (501, json!({}), Cause::Rejected),
            (503, json!({}), Cause::Unavailable),
        ] {
            assert_eq!(refusal(status, &[], body.clone()).cause, cause, "{status} {body}");
        }
    }

    #[test]
    fn each_limit_has_its_own_wait() {
        let wait = |policy: &str, headers: &[(&'static str, &str)]| {
            refusal(429, headers, json!({ "policyName": policy })).retry_after
        };
        assert_eq!(wait("DAILY", &[]), Some(DAILY_LIMIT_WAIT));
        assert_eq!(wait("DAILY", &[("retry-after", "90000")]), Some(MAX_VISIBILITY));
        assert_eq!(wait("TEN_SECONDLY_ROLLING", &[("retry-after", "3")]), Some(Duration::from_secs(3)));
        let interval = wait("TEN_SECONDLY_ROLLING", &[(INTERVAL, "10000")]).unwrap();
        assert!((10.0..=20.0).contains(&interval.as_secs_f64()), "{interval:?}");
        assert_eq!(wait("TEN_SECONDLY_ROLLING", &[]), None);
    }

    #[test]
    fn the_text_says_what_happened_and_repeats_no_address() {
        let body = json!({
            "message": "Contact ana@example.com already exists. Existing ID: 37765128953", "category": "CONFLICT",
            "subCategory": "ana@example.com", "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
        });
        let refusal = refusal(409, &[], body);
        assert_eq!(refusal.existing_contact.as_deref(), Some("37765128953"));
        assert_eq!(refusal.to_string(), "409 CONFLICT aeb5f871-7f07-4993-9211-075dc63e7cbf");
        assert!(!format!("{refusal:?}").contains("ana@"));
    }
}
