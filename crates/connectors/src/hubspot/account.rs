//! One HubSpot account, as a token opens it, during one invocation.

use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::integration::HubspotConfig;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{HubSpot, NOTES_PER_READ, REQUEST_TIMEOUT};
use super::error_answer;
use super::note::MAX_NOTE_LENGTH;
use crate::call::CallError;
use crate::http::{Exchange, HttpAnswer, segment};
use crate::job::SyncNotes;

/// 26 MB, of the function's 512: a batch of the longest notes, of which a UTF-16 unit has three bytes at most; the
/// fourth is for what surrounds and escapes them.
const MAX_ANSWER_BYTES: usize = NOTES_PER_READ * MAX_NOTE_LENGTH * 4;

pub(crate) struct HubspotAccount<'a> {
    pub(crate) hubspot: &'a HubSpot,
    pub(crate) config: &'a HubspotConfig,
    pub(crate) token: &'a SecretString,
    /// When the invocation ends.
    pub(crate) deadline: Instant,
    pub(crate) now: DateTime<Utc>,
    pub(crate) notes: &'a SyncNotes,
}

impl HubspotAccount<'_> {
    /// About records: `path` begins with what kind of them.
    pub(crate) async fn objects<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, CallError> {
        self.call(operation, method, "crm/objects", path, body).await
    }

    /// About the properties that a kind of records has.
    pub(crate) async fn properties<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, CallError> {
        self.call(operation, method, "crm/properties", path, body).await
    }

    /// About a kind of records as a whole.
    pub(crate) async fn schema<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        kind: &str,
    ) -> Result<T, CallError> {
        self.call(operation, Method::GET, "crm-object-schemas", &format!("schemas/{kind}"), None).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        api: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, CallError> {
        let exchange = Exchange::begin(operation, REQUEST_TIMEOUT, self.deadline, MAX_ANSWER_BYTES)?;
        self.notes.count_request();
        let Self { hubspot: HubSpot { http, base_url }, config, .. } = self;
        let url = format!("{base_url}/{api}/{}/{path}", segment(config.api_version.as_ref()));
        let request = http.request(method, url).bearer_auth(self.token.expose_secret());
        let request = body.into_iter().fold(request, |request, body| request.json(body));
        let HttpAnswer { status, headers, body } = exchange.send(request).await?;
        if status.is_success() {
            // What is deleted is answered with nothing.
            exchange.parsed(if body.is_empty() { b"null" } else { &body })
        } else {
            let answer = error_answer::read(status, &headers, &body, self.now);
            Err(CallError::Refused { operation, answer })
        }
    }
}
