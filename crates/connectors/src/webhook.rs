//! Custom webhooks: one signed request per event, with an id that stays the same however often it is sent.

mod delivery;
mod payload;
mod sign;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::integration::WebhookConfig;
use domain::standard_webhooks::SigningKeys;
use reqwest::dns::Resolve;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use stage::Delivery;
use transport::SetupError;

pub use delivery::EventDelivery;
pub use payload::MAX_PAYLOAD_BYTES;

use crate::call::{CallError, ErrorAnswer};
use crate::destination::{PublicOnly, System, Target, Violation};
use crate::error::Error;
use crate::hosts::AllowedHosts;
use crate::http;
use crate::reason::Reason;

/// The time-out that Standard Webhooks recommends: a receiver acknowledges first and works later.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes; the answer has no meaning beyond its status, and what is more is not read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// Bytes of the answer that are kept, for administrators who look why an event was refused.
const KEPT_ANSWER_BYTES: usize = 1024;

/// Time-out of [`Webhooks::check_now`].
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
const OPERATION: &str = "send the event";

/// Delivers webhooks.
#[derive(Clone)]
pub struct Webhooks {
    /// Connects to public addresses only.
    public: Client,
    /// Connects to [`AllowedHosts`] too.
    any: Client,
    allowed: AllowedHosts,
    resolver: PublicOnly,
}

/// An event to sign and send.
pub(crate) struct SignedEvent<'a> {
    pub(crate) id: &'a str,
    pub(crate) body: &'a str,
}

/// A request that was made, or that failed before.
pub(crate) struct DeliveryAttempt {
    pub(crate) duration: Duration,
    pub(crate) status: Option<u16>,
    /// The beginning of the answer.
    pub(crate) answer: Option<String>,
    pub(crate) result: Result<(), Error>,
}

impl Webhooks {
    pub fn new(allowed: AllowedHosts) -> Result<Self, SetupError> {
        Self::with_resolver(allowed, Arc::new(System))
    }

    /// The resolver's answers are checked, whatever it is.
    fn with_resolver(allowed: AllowedHosts, resolver: Arc<dyn Resolve>) -> Result<Self, SetupError> {
        let resolver = PublicOnly(resolver);
        let public = client()?.dns_resolver(Arc::new(resolver.clone())).build().map_err(SetupError::Client)?;
        let any = client()?.build().map_err(SetupError::Client)?;
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
        event: &SignedEvent<'_>,
        config: &WebhookConfig,
        secret: &SecretString,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> DeliveryAttempt {
        let started = Instant::now();
        let (status, answer, result) = match self.request(event, config, secret, now) {
            Ok(request) => post(request, delivery, now).await,
            Err(error) => (None, None, Err(error)),
        };
        DeliveryAttempt { duration: started.elapsed(), status, answer, result }
    }

    fn request(
        &self,
        event: &SignedEvent<'_>,
        config: &WebhookConfig,
        secret: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<RequestBuilder, Error> {
        let target = Target::parse(&config.url, &self.allowed).map_err(Error::ForbiddenUrl)?;
        let keys = SigningKeys::parse(secret.expose_secret()).map_err(Error::SigningSecret)?;
        let mut headers = sign::headers(event.id, now.timestamp(), event.body.as_bytes(), &keys);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in config.headers.iter() {
            // Both were checked when they were saved.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        let client = if target.is_exempt { &self.any } else { &self.public };
        Ok(client.post(target.url).headers(headers).body(event.body.to_owned()))
    }
}

async fn post(
    request: RequestBuilder,
    delivery: &Delivery,
    now: DateTime<Utc>,
) -> (Option<u16>, Option<String>, Result<(), Error>) {
    let Some(timeout) = http::timeout(DELIVERY_TIMEOUT, delivery.deadline) else {
        return (None, None, Err(Error::Webhook(CallError::OutOfTime { operation: OPERATION })));
    };
    let response = match request.timeout(timeout).send().await {
        Ok(response) => response,
        Err(error) => return (None, None, Err(not_sent(error))),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    // The status has been given: a body that breaks off changes nothing.
    let answer = http::read(response, MAX_ANSWER_BYTES).await.unwrap_or_default();
    let result = match reason(status) {
        None => Ok(()),
        Some(reason) => {
            let (party, retry_after) = ("the receiver", http::retry_after(&headers, now));
            let answer = ErrorAnswer { party, status, reason, labels: Vec::new(), existing: None, retry_after };
            Err(Error::Webhook(CallError::Refused { operation: OPERATION, answer }))
        }
    };
    (Some(status.as_u16()), Some(beginning(&answer)), result)
}

/// Sorts an answer by its status; `None` for success.
fn reason(status: StatusCode) -> Option<Reason> {
    match status.as_u16() {
        200..=299 => None,
        // Never followed: the target was not checked.
        300..=399 => Some(Reason::Redirected),
        401 => Some(Reason::SignatureRefused),
        // Standard Webhooks gives 410 this meaning: the receiver wants no more events.
        410 => Some(Reason::Gone),
        429 => Some(Reason::RateLimited),
        // Not implemented, which a retry does not change.
        501 => Some(Reason::Rejected),
        408 | 500.. => Some(Reason::Unavailable),
        _ => Some(Reason::Rejected),
    }
}

/// A request that was not sent because of its target's address, or that got no answer.
fn not_sent(error: reqwest::Error) -> Error {
    match Violation::in_chain(&error) {
        Some(violation) => Error::ForbiddenUrl(violation),
        None => Error::Webhook(CallError::Send { operation: OPERATION, source: error.without_url() }),
    }
}

fn beginning(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    text[..text.floor_char_boundary(KEPT_ANSWER_BYTES)].to_owned()
}

/// No connection is kept, so that every delivery resolves and checks the receiver's address.
fn client() -> Result<ClientBuilder, SetupError> {
    Ok(http::client()?.pool_max_idle_per_host(0))
}
