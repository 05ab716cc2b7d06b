//! A CRM's REST API, as a token opens it, during one invocation.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{CallError, ErrorAnswer};
use crate::http::{Exchange, HttpAnswer};
use crate::job::SyncNotes;

/// CRMs answer within a second or two, an org's own triggers included; a request that takes this long has failed, and
/// others still have time.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The body of a request that has none.
pub(crate) const NO_BODY: Option<&Value> = None;

/// Reads an error answer.
pub(crate) type ReadError = fn(StatusCode, &HeaderMap, &[u8], DateTime<Utc>) -> ErrorAnswer;

pub(crate) struct RestApi<'a> {
    pub(crate) http: &'a Client,
    pub(crate) token: &'a SecretString,
    /// The address that the paths of requests begin with.
    pub(crate) base_url: String,
    /// When the invocation ends.
    pub(crate) deadline: Instant,
    pub(crate) now: DateTime<Utc>,
    pub(crate) notes: &'a SyncNotes,
    /// Bytes of an answer that are read.
    pub(crate) limit: usize,
    pub(crate) read_error: ReadError,
}

impl RestApi<'_> {
    /// Sends a request, and returns the content of the answer; an answer without content is an error.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, CallError> {
        self.send(operation, method, path, body).await?.ok_or(CallError::Unreadable { operation })
    }

    /// Sends a request; `None` for an answer without content, as after a deletion.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Option<T>, CallError> {
        let exchange = Exchange::begin(operation, REQUEST_TIMEOUT, self.deadline, self.limit)?;
        // A request counts once it may reach the third party, answered or not.
        self.notes.count_request();
        let request = self.http.request(method, format!("{}/{path}", self.base_url));
        let request = request.bearer_auth(self.token.expose_secret());
        let request = body.into_iter().fold(request, |request, body| request.json(body));
        let HttpAnswer { status, headers, body } = exchange.send(request).await?;
        match status.is_success() {
            true if body.is_empty() => Ok(None),
            true => exchange.parsed(&body).map(Some),
            false => {
                Err(CallError::Refused { operation, answer: (self.read_error)(status, &headers, &body, self.now) })
            }
        }
    }
}
