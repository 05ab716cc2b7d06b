//! The deliveries of a receiver, and its answers.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::journal;
use crate::plumbing::{literal, set_headers};

/// All hooks of a receiver.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    secrets: BTreeMap<String, Vec<String>>,
    answers: BTreeMap<String, Answer>,
    deliveries: Vec<Delivery>,
}

/// The answer of a hook, whatever it receives.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    status: u16,
    /// A string is sent without change, anything else as JSON.
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Answer {
    /// Renders the answer; `Err` says why it cannot be sent.
    pub(super) fn response(&self) -> Result<Response, String> {
        if !(200..=599).contains(&self.status) {
            return Err("status must be between 200 and 599".to_owned());
        }
        let mut response = literal(self.status, self.body.as_ref())?;
        set_headers(&mut response, &self.headers)?;
        Ok(response)
    }
}

/// One request to a hook, whether accepted or not.
#[derive(Debug, Serialize)]
pub(super) struct Delivery {
    /// The hook's.
    name: String,
    id: Option<String>,
    timestamp: Option<String>,
    /// The body's `type`.
    r#type: Option<String>,
    /// All of them, names in lower case.
    headers: BTreeMap<String, String>,
    /// The body as JSON, or as a string where it is not JSON.
    body: Value,
    /// The raw body, which was signed.
    text: String,
    /// `None` when the hook has no secret; `false` is answered with 401 unless an answer was set.
    verified: Option<bool>,
    status: u16,
}

impl Delivery {
    fn contains(&self, part: &str) -> bool {
        let id = self.id.as_deref().unwrap_or_default();
        self.name.contains(part) || id.contains(part) || self.body.to_string().contains(part)
    }
}

impl Inbox {
    pub(super) fn set_secrets(&mut self, name: String, secrets: Vec<String>) {
        self.secrets.insert(name, secrets);
    }

    /// An answer that has a response.
    pub(super) fn set_answer(&mut self, name: String, answer: Answer) {
        self.answers.insert(name, answer);
    }

    pub(super) fn forget_answer(&mut self, name: &str) {
        self.answers.remove(name);
    }

    pub(super) fn receive(&mut self, name: String, headers: &HeaderMap, body: &[u8]) -> Response {
        let fits = |secret: &String| Webhook::new(secret).and_then(|hook| hook.verify(body, headers)).is_ok();
        let verified = self.secrets.get(&name).map(|secrets| secrets.iter().any(fits));
        let response = match self.answers.get(&name) {
            // Answers were checked when they were set.
            Some(answer) => answer.response().unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
            None if verified == Some(false) => StatusCode::UNAUTHORIZED.into_response(),
            None => StatusCode::NO_CONTENT.into_response(),
        };
        let headers = journal::headers(headers);
        let text = String::from_utf8_lossy(body).into_owned();
        let json = serde_json::from_slice::<Value>(body).unwrap_or_else(|_| json!(text));
        self.deliveries.push(Delivery {
            name,
            id: headers.get("webhook-id").cloned(),
            timestamp: headers.get("webhook-timestamp").cloned(),
            r#type: json.get("type").and_then(Value::as_str).map(str::to_owned),
            headers,
            body: json,
            text,
            verified,
            status: response.status().as_u16(),
        });
        response
    }

    /// Those whose hook, id or body contain `part`.
    pub(super) fn deliveries(&self, part: &str) -> Vec<&Delivery> {
        self.deliveries.iter().filter(|delivery| delivery.contains(part)).collect()
    }
}

/// Lists the ids of each hook once, in the order of their first arrival, without those of wrong signatures.
pub(super) fn events<'a>(deliveries: &[&'a Delivery]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut events = BTreeMap::<_, Vec<_>>::new();
    for delivery in deliveries.iter().filter(|delivery| delivery.verified != Some(false)) {
        let ids = events.entry(delivery.name.as_str()).or_default();
        if let Some(id) = delivery.id.as_deref().filter(|id| !ids.contains(id)) {
            ids.push(id);
        }
    }
    events
}
