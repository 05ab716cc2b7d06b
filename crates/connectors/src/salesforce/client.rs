//! The endpoints of Salesforce's REST API that a sync needs.

use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::id::SessionId;
use domain::integration::SalesforceConfig;
use reqwest::{Client, Method};
use serde::Deserialize;
use store::Store;
use transport::SetupError;

use super::fields::Fields;
use super::{address, error_answer};
use crate::access::AccessToken;
use crate::call::CallError;
use crate::hosts::AllowedHosts;
use crate::http::{self, segment};
use crate::job::{Job, SyncNotes};
use crate::reason::Reason;
use crate::rest::{NO_BODY, RestApi};

/// Bytes that are read of an answer; the longest one describes an object with up to 900 fields, some of them with a
/// thousand values.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Salesforce's REST API.
#[derive(Debug, Clone)]
pub struct Salesforce {
    pub(super) http: Client,
    allowed: AllowedHosts,
}

impl Salesforce {
    /// Makes a client that may also ask the `allowed` hosts, which are not Salesforce's.
    pub fn new(allowed: AllowedHosts) -> Result<Self, SetupError> {
        let client = http::client()?.pool_idle_timeout(http::IDLE_TIMEOUT);
        Ok(Self { http: client.build().map_err(SetupError::Client)?, allowed })
    }

    /// Scheme and host of a URL that may be asked.
    pub(super) fn origin(&self, url: &str) -> Option<String> {
        address::origin(url, &self.allowed)
    }

    /// The org that a token opens.
    pub fn org<'a>(
        &'a self,
        config: &'a SalesforceConfig,
        token: &'a AccessToken,
        job: &'a Job<'a>,
        store: &'a Store,
    ) -> Result<Org<'a>, CallError> {
        let Job { delivery, now, notes, .. } = *job;
        Ok(Org { api: self.api(config, token, delivery.deadline, now, notes)?, config, store })
    }

    /// The same outside a delivery, in an invocation that ends at `deadline`.
    pub(crate) fn api<'a>(
        &'a self,
        config: &'a SalesforceConfig,
        token: &'a AccessToken,
        deadline: Instant,
        now: DateTime<Utc>,
        notes: &'a SyncNotes,
    ) -> Result<RestApi<'a>, CallError> {
        let origin = token.url.as_deref().and_then(|url| self.origin(url));
        let origin = origin.ok_or(CallError::Unreadable { operation: "find the org" })?;
        let base_url = format!("{origin}/services/data/{}", segment(config.api_version.as_ref()));
        let (http, token, read_error) = (&self.http, &token.token, error_answer::read);
        Ok(RestApi { http, token, base_url, deadline, now, notes, limit: MAX_ANSWER_BYTES, read_error })
    }
}

/// One Salesforce org during one delivery.
pub struct Org<'a> {
    api: RestApi<'a>,
    pub(super) config: &'a SalesforceConfig,
    pub(super) store: &'a Store,
}

#[derive(Deserialize)]
struct QueryResult {
    records: Vec<SalesforceId>,
}

#[derive(Deserialize)]
struct SalesforceId {
    /// The id, whose name is in lower case after a write.
    #[serde(rename = "Id", alias = "id")]
    id: String,
}

impl Org<'_> {
    /// The id of the first record that a query finds.
    pub(super) async fn first(&self, query: &str) -> Result<Option<String>, CallError> {
        let path = format!("query?q={}", segment(query));
        let found: QueryResult = self.api.call("look for the person", Method::GET, &path, NO_BODY).await?;
        Ok(found.records.into_iter().next().map(|record| record.id))
    }

    pub(super) async fn create_person(&self, object: &str, fields: &Fields) -> Result<String, CallError> {
        let path = format!("sobjects/{object}");
        let created: SalesforceId = self.api.call("create the person", Method::POST, &path, Some(fields)).await?;
        Ok(created.id)
    }

    pub(super) async fn update_person(&self, object: &str, id: &str, fields: &Fields) -> Result<(), CallError> {
        let path = format!("sobjects/{object}/{}", segment(id));
        self.api.send::<SalesforceId>("update the person", Method::PATCH, &path, Some(fields)).await.map(drop)
    }

    /// Writes the task that has this external id, or makes it.
    pub(super) async fn upsert_task(&self, key: &SessionId, fields: &Fields) -> Result<String, CallError> {
        let path = format!("sobjects/Task/{}/{}", self.config.external_id_field.as_ref(), segment(key.as_ref()));
        let write = async || self.api.send::<SalesforceId>("write the task", Method::PATCH, &path, Some(fields)).await;
        let written = match write().await {
            // Another attempt made it at the same time; now it is there.
            Err(error) if error.is(Reason::Conflict) => write().await?,
            written => written?,
        };
        match written {
            Some(task) => Ok(task.id),
            // An update may be answered without the id.
            None => {
                let path = format!("{path}?fields=Id");
                let task: SalesforceId = self.api.call("read the task", Method::GET, &path, NO_BODY).await?;
                Ok(task.id)
            }
        }
    }

    /// Changes these fields of a task. `None` if the task was deleted.
    pub(super) async fn update_task(&self, id: &str, fields: &Fields) -> Result<Option<String>, CallError> {
        let path = format!("sobjects/Task/{}", segment(id));
        match self.api.send::<SalesforceId>("update the task", Method::PATCH, &path, Some(fields)).await {
            Err(error) if error.is(Reason::NotFound) => Ok(None),
            updated => updated.map(|_| Some(id.to_owned())),
        }
    }
}
