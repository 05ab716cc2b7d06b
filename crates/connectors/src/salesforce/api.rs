//! One Salesforce org, as a token opens it, during one invocation.

use std::time::Instant;

use chrono::{DateTime, Utc};
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::client::REQUEST_TIMEOUT;
use super::error_answer;
use super::fields::Fields;
use crate::call::CallError;
use crate::http::{Exchange, HttpAnswer};
use crate::job::SyncNotes;

/// Bytes; the longest answer describes an object with up to 900 fields, some of them with a thousand values.
const MAX_ANSWER_BYTES: usize = 16 << 20;

pub(crate) struct Api<'a> {
    pub(super) http: &'a Client,
    pub(super) token: &'a SecretString,
    pub(super) base_url: String,
    /// When the invocation ends.
    pub(super) deadline: Instant,
    pub(super) now: DateTime<Utc>,
    pub(super) notes: &'a SyncNotes,
}

impl Api<'_> {
    /// Describes an object and its fields, as far as the token's user may see them.
    pub(crate) async fn describe<T: DeserializeOwned>(&self, object: &str) -> Result<T, CallError> {
        let operation = "describe an object";
        let described = self.call(operation, Method::GET, &format!("sobjects/{object}/describe"), None).await?;
        described.ok_or(CallError::Unreadable { operation })
    }

    /// `None` for an answer that has no content.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&Fields>,
    ) -> Result<Option<T>, CallError> {
        let exchange = Exchange::begin(operation, REQUEST_TIMEOUT, self.deadline, MAX_ANSWER_BYTES)?;
        self.notes.count_request();
        let url = format!("{}/{path}", self.base_url);
        let request = self.http.request(method, url).bearer_auth(self.token.expose_secret());
        let request = body.into_iter().fold(request, |request, body| request.json(body));
        let HttpAnswer { status, headers, body } = exchange.send(request).await?;
        if status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        if status.is_success() {
            return exchange.parsed(&body).map(Some);
        }
        Err(CallError::Refused { operation, answer: error_answer::read(status, &headers, &body, self.now) })
    }
}
