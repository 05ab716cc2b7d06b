//! The endpoints of Salesforce's REST API that a sync needs.

use std::time::Duration;

use domain::id::SessionId;
use domain::integration::SalesforceConfig;
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fields::Fields;
use super::{address, refusal};
use crate::access::AccessToken;
use crate::call::{CallError, Trouble};
use crate::hosts::AllowedHosts;
use crate::http::{self, SetupError, segment};
use crate::job::Job;

/// Salesforce answers within a second or two, an org's own triggers included; others still have time after this.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes; the longest answer names the records that a new person may duplicate, with the fields in which they differ.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Salesforce's REST API.
#[derive(Debug, Clone)]
pub struct Salesforce {
    pub(super) http: Client,
    allowed: AllowedHosts,
}

impl Salesforce {
    /// `allowed` may be asked although they are not Salesforce's.
    pub fn new(allowed: AllowedHosts) -> Result<Self, SetupError> {
        let client = http::client(http::tls()?).pool_idle_timeout(http::IDLE_TIMEOUT);
        Ok(Self { http: client.build().map_err(SetupError::Client)?, allowed })
    }

    /// Scheme and host of a URL that may be asked.
    pub(super) fn origin(&self, url: &str) -> Option<String> {
        address::origin(url, &self.allowed)
    }

    /// The org that a token opens.
    pub(crate) fn org<'a>(
        &'a self,
        config: &'a SalesforceConfig,
        token: &'a AccessToken,
        job: &'a Job<'a>,
    ) -> Result<Org<'a>, CallError> {
        let origin = token.url.as_deref().and_then(|url| self.origin(url));
        let origin = origin.ok_or(CallError::Unreadable { operation: "find the org" })?;
        let base_url = format!("{origin}/services/data/{}", segment(config.api_version.as_ref()));
        Ok(Org { salesforce: self, config, token: &token.token, base_url, job })
    }
}

/// One Salesforce org during one delivery.
pub(crate) struct Org<'a> {
    salesforce: &'a Salesforce,
    pub(super) config: &'a SalesforceConfig,
    token: &'a SecretString,
    base_url: String,
    pub(super) job: &'a Job<'a>,
}

#[derive(Deserialize)]
struct Found {
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    /// Small after a write.
    #[serde(rename = "Id", alias = "id")]
    id: String,
}

impl Org<'_> {
    /// The id of the first record that a query finds.
    pub(super) async fn first(&self, query: &str) -> Result<Option<String>, CallError> {
        let operation = "look for the person";
        let path = format!("query?q={}", segment(query));
        let found: Option<Found> = self.call(operation, Method::GET, &path, None).await?;
        let found = found.ok_or(CallError::Unreadable { operation })?;
        Ok(found.records.into_iter().next().map(|record| record.id))
    }

    pub(super) async fn create_person(&self, object: &str, fields: &Fields) -> Result<String, CallError> {
        let operation = "create the person";
        let created: Option<Record> =
            self.call(operation, Method::POST, &format!("sobjects/{object}"), Some(fields)).await?;
        created.map(|record| record.id).ok_or(CallError::Unreadable { operation })
    }

    pub(super) async fn update_person(&self, object: &str, id: &str, fields: &Fields) -> Result<(), CallError> {
        let path = format!("sobjects/{object}/{}", segment(id));
        self.call::<Record>("update the person", Method::PATCH, &path, Some(fields)).await.map(drop)
    }

    /// Writes the task that has this external id, or makes it.
    pub(super) async fn upsert_task(&self, key: &SessionId, fields: &Fields) -> Result<String, CallError> {
        let path = format!("sobjects/Task/{}/{}", self.config.external_id_field.as_ref(), segment(key.as_ref()));
        let write = async || self.call::<Record>("write the task", Method::PATCH, &path, Some(fields)).await;
        let written = match write().await {
            // Another attempt made it at the same time; now it is there.
            Err(error) if error.is(Trouble::Conflict) => write().await?,
            written => written?,
        };
        match written {
            Some(task) => Ok(task.id),
            None => self.task_at(&path).await,
        }
    }

    /// An update may be answered without the id.
    async fn task_at(&self, path: &str) -> Result<String, CallError> {
        let operation = "read the task";
        let task: Option<Record> = self.call(operation, Method::GET, &format!("{path}?fields=Id"), None).await?;
        task.map(|task| task.id).ok_or(CallError::Unreadable { operation })
    }

    /// Changes these fields of a task. `None` if the task was deleted.
    pub(super) async fn update_task(&self, id: &str, fields: &Fields) -> Result<Option<String>, CallError> {
        let path = format!("sobjects/Task/{}", segment(id));
        match self.call::<Record>("update the task", Method::PATCH, &path, Some(fields)).await {
            Err(error) if error.is(Trouble::NotFound) => Ok(None),
            updated => updated.map(|_| Some(id.to_owned())),
        }
    }

    /// `None` for an answer that has no content.
    async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&Fields>,
    ) -> Result<Option<T>, CallError> {
        let timeout = http::timeout(REQUEST_TIMEOUT, self.job.delivery).ok_or(CallError::OutOfTime { operation })?;
        self.job.notes.count_request();
        let url = format!("{}/{path}", self.base_url);
        let request = self.salesforce.http.request(method, url).bearer_auth(self.token.expose_secret());
        let request = body.into_iter().fold(request.timeout(timeout), |request, body| request.json(body));
        // The URL may hold an address.
        let failed = |source: reqwest::Error| CallError::Send { operation, source: source.without_url() };
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::read(response, MAX_ANSWER_BYTES).await.map_err(failed)?;
        if status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        if status.is_success() {
            // The source may quote the answer.
            return serde_json::from_slice(&body).map(Some).map_err(|_| CallError::Unreadable { operation });
        }
        Err(CallError::Refused { operation, refusal: refusal::read(status, &headers, &body, self.job.now) })
    }
}
