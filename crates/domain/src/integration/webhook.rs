//! A webhook of a tenant.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Concurrency, Requests};
use crate::event::EventType;

/// Where events go, and which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Whether it may be asked is checked when it is saved, and at each attempt.
    pub url: String,
    #[serde(default = "events")]
    pub events: BTreeSet<EventType>,
    #[serde(default)]
    pub headers: WebhookHeaders,
    #[serde(default = "requests")]
    pub requests_per_ten_seconds: Requests,
    #[serde(default = "concurrency")]
    pub concurrency: Concurrency,
}

impl WebhookConfig {
    /// With the defaults of everything else.
    pub fn to(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            events: events(),
            headers: WebhookHeaders::default(),
            requests_per_ten_seconds: requests(),
            concurrency: concurrency(),
        }
    }
}

fn events() -> BTreeSet<EventType> {
    [EventType::SessionAnalyzed].into()
}

fn requests() -> Requests {
    Requests::literal(250)
}

fn concurrency() -> Concurrency {
    Concurrency::literal(10)
}

const MAX_HEADERS: usize = 10;
/// Characters.
const MAX_NAME: usize = 60;
/// Bytes.
const MAX_VALUE: usize = 500;
/// Begin names that a proxy or AWS gives a meaning.
const RESERVED: [&str; 6] = ["x-forwarded", "x-real-ip", "x-amz", "x-original", "x-rewrite", "x-http-method"];
/// In names of headers that hold a secret: settings are no place for one.
const SECRET: [&str; 6] = ["auth", "token", "secret", "key", "password", "credential"];

/// Why headers were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhookHeaders {
    #[error("headers must be at most {MAX_HEADERS}, each name once")]
    TooMany,
    #[error("the header {0:?} is not allowed: X-… is, but none that a proxy reads or that names a secret")]
    Name(String),
    #[error("the value of the header {0:?} must have 1 to {MAX_VALUE} printable ASCII characters")]
    Value(String),
}

/// Headers that go with each event, by lower-case name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct WebhookHeaders(BTreeMap<String, String>);

impl WebhookHeaders {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for WebhookHeaders {
    type Error = InvalidWebhookHeaders;

    fn try_from(headers: BTreeMap<String, String>) -> Result<Self, InvalidWebhookHeaders> {
        let given = headers.len();
        let headers: BTreeMap<_, _> =
            headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        if given > MAX_HEADERS || headers.len() < given {
            return Err(InvalidWebhookHeaders::TooMany);
        }
        for (name, value) in &headers {
            if !is_allowed(name) {
                return Err(InvalidWebhookHeaders::Name(name.clone()));
            }
            let printable = value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
            if !printable || value.trim() != value || !(1..=MAX_VALUE).contains(&value.len()) {
                return Err(InvalidWebhookHeaders::Value(name.clone()));
            }
        }
        Ok(Self(headers))
    }
}

impl From<WebhookHeaders> for BTreeMap<String, String> {
    fn from(headers: WebhookHeaders) -> Self {
        headers.0
    }
}

/// `name` is in lower case.
fn is_allowed(name: &str) -> bool {
    let is_token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_own = name.starts_with("x-") && name.len() > 2 && !RESERVED.iter().any(|start| name.starts_with(start));
    is_token && is_own && name.len() <= MAX_NAME && !SECRET.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_webhook_hears_of_analyses_unless_it_asks_for_more() {
        let config: WebhookConfig = serde_json::from_value(json!({ "url": "https://x" })).unwrap();
        assert_eq!(config, WebhookConfig::to("https://x"));
        let asked = json!({ "url": "https://x", "events": ["email.status", "session.failed"] });
        let config: WebhookConfig = serde_json::from_value(asked).unwrap();
        assert_eq!(config.events, [EventType::SessionFailed, EventType::EmailStatus].into());
        let unknown = json!({ "url": "https://x", "events": ["session.begun"] });
        assert!(serde_json::from_value::<WebhookConfig>(unknown).unwrap_err().to_string().contains("session.begun"));
    }

    #[test]
    fn only_private_headers_without_secrets_are_taken() {
        let read = |headers: serde_json::Value| serde_json::from_value::<WebhookHeaders>(headers);
        let taken = read(json!({ "X-Source": "post session; v=2" })).unwrap();
        assert_eq!(taken.iter().collect::<Vec<_>>(), [("x-source", "post session; v=2")]);
        for name in [
            "Host",
            "Authorization",
            "Cookie",
            "Content-Length",
            "webhook-id",
            "X-",
            "X-Forwarded-For",
            "X-Amz-Date",
            "X-Api-Key",
            "X-Auth-Token",
            "X-a:b",
            "X-a\r\nHost",
            "",
        ] {
            assert!(read(json!({ name: "x" })).unwrap_err().to_string().contains("not allowed"), "{name:?}");
        }
        for value in ["", " x", "x\r\nHost: y", "é", &"x".repeat(501)] {
            assert!(read(json!({ "X-a": value })).unwrap_err().to_string().contains("printable"), "{value:?}");
        }
        assert!(read(json!({ "X-a": "1", "x-A": "2" })).unwrap_err().to_string().contains("each name once"));
    }
}
