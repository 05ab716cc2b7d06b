//! A webhook of a tenant.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::limits::{Concurrency, Requests, concurrency, requests};
use crate::event::EventType;
use crate::header::{HeaderRule, InvalidHeaders, is_private};

/// The URL of a webhook and its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Checked for internal addresses when saved, and at each attempt.
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
    /// Makes a configuration with defaults.
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

const RULE: HeaderRule = HeaderRule {
    max_headers: 10,
    max_name: 60,
    max_value: 500,
    is_allowed,
    allowed: "X-… is, unless a proxy reads the header or its name suggests a secret",
};
/// Prefixes of names that have a meaning for proxies or AWS.
const RESERVED: [&str; 6] = ["x-forwarded", "x-real-ip", "x-amz", "x-original", "x-rewrite", "x-http-method"];
/// Parts of names that suggest a secret, which does not belong into settings.
const SECRET: [&str; 6] = ["auth", "token", "secret", "key", "password", "credential"];

/// Headers of each request, by lower-case name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct WebhookHeaders(BTreeMap<String, String>);

impl WebhookHeaders {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for WebhookHeaders {
    type Error = InvalidHeaders;

    fn try_from(headers: BTreeMap<String, String>) -> Result<Self, InvalidHeaders> {
        RULE.check(&headers)?;
        Ok(Self(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()))
    }
}

fn is_allowed(name: &str) -> bool {
    is_private(name, &RESERVED) && !SECRET.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_webhook_gets_analyses_by_default() {
        let config: WebhookConfig = serde_json::from_value(json!({ "url": "https://x" })).unwrap();
        assert_eq!(config, WebhookConfig::to("https://x"));
        let asked = json!({ "url": "https://x", "events": ["email.status", "session.failed"] });
        let config: WebhookConfig = serde_json::from_value(asked).unwrap();
        assert_eq!(config.events, [EventType::SessionFailed, EventType::EmailStatus].into());
        let unknown = json!({ "url": "https://x", "events": ["session.begun"] });
        assert!(serde_json::from_value::<WebhookConfig>(unknown).unwrap_err().to_string().contains("session.begun"));
    }

    #[test]
    fn only_private_headers_without_secrets_are_accepted() {
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
