//! Custom webhooks: one signed request per session, with an id that stays the same however often it is sent.

mod address;
mod error;
mod payload;
mod sign;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use secrecy::SecretString;
use store::Store;

pub(crate) use address::InvalidAllowedHost;
pub use address::{AllowedHosts, Violation};
pub use error::WebhookError;
pub use payload::MAX_PAYLOAD_BYTES;

use crate::error::Error;
use crate::http::{self, SetupError};
use crate::{Job, Synced};
use address::{PublicOnly, Target};
use error::Cause;

/// What Standard Webhooks recommends: a receiver acknowledges and works later.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);
/// With less than this left, a request is not begun: its answer would be lost.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(500);
/// The answer has no meaning beyond its status; what is more is not read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// What a tenant's admin reads after a 410.
const GONE: &str = "The endpoint answered 410 Gone.";

/// Delivers webhooks.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Connects to public addresses only.
    public: Client,
    /// For [`AllowedHosts`].
    any: Client,
    allowed: AllowedHosts,
}

impl Webhooks {
    pub fn new(allowed: AllowedHosts) -> Result<Self, SetupError> {
        let tls = http::tls()?;
        // No connection is kept, so that every delivery resolves and checks the receiver's address.
        let client = |tls| http::client(tls).pool_max_idle_per_host(0);
        let public = client(tls.clone()).dns_resolver(Arc::new(PublicOnly)).build().map_err(SetupError::Client)?;
        let any = client(tls).build().map_err(SetupError::Client)?;
        Ok(Self { public, any, allowed })
    }

    /// Sends the session's event; the record is the webhook id.
    pub(crate) async fn deliver(
        &self,
        job: &Job<'_>,
        url: &str,
        secret: &SecretString,
        store: &Store,
    ) -> Result<Synced, Error> {
        let id = sign::webhook_id(&job.key, payload::SESSION_ANALYZED);
        let request = self.prepare(job, url, &id, secret).map_err(Error::Webhook)?;
        store.start_writing(&job.key, None).await.map_err(Error::Store)?;
        match self.send(job, request).await {
            Ok(()) => Ok(Synced::Written(id)),
            Err(error) => {
                if error.is_gone() {
                    let disabled = store.disable_integration(job.key.tenant_id, job.key.integration_id, GONE).await;
                    disabled.map_err(Error::Store)?;
                }
                Err(Error::Webhook(error))
            }
        }
    }

    fn prepare(&self, job: &Job<'_>, url: &str, id: &str, secret: &SecretString) -> Result<Prepared, WebhookError> {
        let target = Target::parse(url, &self.allowed).map_err(WebhookError::Forbidden)?;
        let body = payload::render(job);
        let mut headers = sign::headers(id, job.now.timestamp(), body.as_bytes(), secret)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let client = if target.is_exempt { &self.any } else { &self.public };
        Ok(Prepared { client: client.clone(), url: target.url, headers, body })
    }

    async fn send(&self, job: &Job<'_>, request: Prepared) -> Result<(), WebhookError> {
        let timeout = DELIVERY_TIMEOUT.min(job.delivery.remaining());
        if timeout < SHORTEST_TIMEOUT {
            return Err(WebhookError::OutOfTime);
        }
        let Prepared { client, url, headers, body } = request;
        let sent = client.post(url).headers(headers).body(body).timeout(timeout).send().await;
        let response = sent.map_err(WebhookError::of_send)?;
        let (status, headers) = (response.status(), response.headers().clone());
        // The status has been given: a body that breaks off changes nothing.
        let _ = http::read(response, MAX_ANSWER_BYTES).await;
        match Cause::of(status) {
            None => Ok(()),
            Some(cause) => {
                let retry_after = http::retry_after(&headers, job.now);
                Err(WebhookError::Refused { status, cause, retry_after })
            }
        }
    }
}

struct Prepared {
    client: Client,
    url: Url,
    headers: HeaderMap,
    body: String,
}
