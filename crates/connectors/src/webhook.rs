//! Custom webhooks: one signed request per event, with an id that stays the same however often it is sent.

mod address;
mod error;
mod payload;
mod sign;
mod tell;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::integration::WebhookConfig;
use reqwest::dns::Resolve;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Url};
use rustls::ClientConfig;
use secrecy::SecretString;
use stage::Delivery;

pub use address::Violation;
pub use error::WebhookError;
pub use payload::MAX_PAYLOAD_BYTES;
pub use tell::{Telling, tell};

use crate::hosts::AllowedHosts;
use crate::http::{self, SetupError};
use address::{PublicOnly, System, Target};
use error::Cause;

/// What Standard Webhooks recommends: a receiver acknowledges and works later.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes; the answer has no meaning beyond its status, and what is more is not read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// Bytes of the answer that are kept for whoever looks why an event was refused.
const KEPT_ANSWER_BYTES: usize = 1024;

/// For [`Webhooks::check_now`].
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Delivers webhooks.
#[derive(Clone)]
pub struct Webhooks {
    /// Connects to public addresses only.
    public: Client,
    /// For [`AllowedHosts`].
    any: Client,
    allowed: AllowedHosts,
    resolver: PublicOnly,
}

/// An event that is to be sent.
pub(crate) struct Letter<'a> {
    pub(crate) id: &'a str,
    pub(crate) body: &'a str,
}

/// A request that was made, or failed before it was.
pub(crate) struct Attempted {
    pub(crate) duration: Duration,
    pub(crate) status: Option<u16>,
    /// Its beginning.
    pub(crate) answer: Option<String>,
    pub(crate) result: Result<(), WebhookError>,
}

impl Webhooks {
    pub fn new(allowed: AllowedHosts) -> Result<Self, SetupError> {
        Self::with_resolver(allowed, Arc::new(System))
    }

    /// The resolver's answers are checked, whatever it is.
    fn with_resolver(allowed: AllowedHosts, resolver: Arc<dyn Resolve>) -> Result<Self, SetupError> {
        let resolver = PublicOnly(resolver);
        let tls = http::tls()?;
        let public =
            client(tls.clone()).dns_resolver(Arc::new(resolver.clone())).build().map_err(SetupError::Client)?;
        let any = client(tls).build().map_err(SetupError::Client)?;
        Ok(Self { public, any, allowed, resolver })
    }

    /// Whether the URL may be asked as its host's name resolves now; each attempt looks again.
    pub async fn check_now(&self, url: &str) -> Result<(), Violation> {
        let target = Target::parse(url, &self.allowed)?;
        if target.is_exempt {
            return Ok(());
        }
        let checked = tokio::time::timeout(RESOLVE_TIMEOUT, self.resolver.check(&target.url)).await;
        checked.unwrap_or(Err(Violation::Unresolved))
    }

    pub(crate) async fn send(
        &self,
        letter: &Letter<'_>,
        config: &WebhookConfig,
        secret: &SecretString,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> Attempted {
        let started = Instant::now();
        let (status, answer, result) = match self.prepare(letter, config, secret, now) {
            Ok(prepared) => self.post(prepared, delivery, now).await,
            Err(error) => (None, None, Err(error)),
        };
        Attempted { duration: started.elapsed(), status, answer, result }
    }

    fn prepare(
        &self,
        letter: &Letter<'_>,
        config: &WebhookConfig,
        secret: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Prepared, WebhookError> {
        let target = Target::parse(&config.url, &self.allowed).map_err(WebhookError::Forbidden)?;
        let mut headers = sign::headers(letter.id, now.timestamp(), letter.body.as_bytes(), secret)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in config.headers.iter() {
            // Both were checked when they were saved.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        let client = if target.is_exempt { &self.any } else { &self.public };
        Ok(Prepared { client: client.clone(), url: target.url, headers, body: letter.body.to_owned() })
    }

    async fn post(
        &self,
        request: Prepared,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> (Option<u16>, Option<String>, Result<(), WebhookError>) {
        let Some(timeout) = http::timeout(DELIVERY_TIMEOUT, delivery) else {
            return (None, None, Err(WebhookError::OutOfTime));
        };
        let Prepared { client, url, headers, body } = request;
        let sent = client.post(url).headers(headers).body(body).timeout(timeout).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return (None, None, Err(WebhookError::of_send(error))),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        // The status has been given: a body that breaks off changes nothing.
        let answer = http::read(response, MAX_ANSWER_BYTES).await.unwrap_or_default();
        let result = match Cause::of(status) {
            None => Ok(()),
            Some(cause) => {
                let retry_after = http::retry_after(&headers, now);
                Err(WebhookError::Refused { status, cause, retry_after })
            }
        };
        (Some(status.as_u16()), Some(beginning(&answer)), result)
    }
}

/// Whether requests can be signed with it.
pub(crate) fn check_secret(secret: &SecretString) -> Result<(), WebhookError> {
    sign::keys(secret).map(drop).map_err(WebhookError::Secret)
}

fn beginning(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    text[..text.floor_char_boundary(KEPT_ANSWER_BYTES)].to_owned()
}

/// No connection is kept, so that every delivery resolves and checks the receiver's address.
fn client(tls: ClientConfig) -> ClientBuilder {
    http::client(tls).pool_max_idle_per_host(0)
}

struct Prepared {
    client: Client,
    url: Url,
    headers: HeaderMap,
    body: String,
}
