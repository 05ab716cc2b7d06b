//! Time-outs, bounded answers and `Retry-After`, for the clients of all third parties.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{ClientBuilder, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use stage::outcome::remaining;
use transport::SetupError;

use crate::call::CallError;

/// Time for the TCP and TLS handshakes: a server that has not answered by then is down, and the call still has time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shortest time for a request: with less left it is not begun, because its answer would be lost.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(500);
/// Shorter than what load balancers commonly allow, so that a thawed function seldom meets a closed connection.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Characters that RFC 3986 calls unreserved stay; `+` in an address does not, some servers read it as a space.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as one segment of a path, or one value of a query.
pub(crate) fn segment(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, SEGMENT)
}

/// The content type of [`form`].
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Names and values as a form's body.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", segment(value))).collect();
    fields.join("&")
}

/// Begins a client that names itself.
pub(crate) fn client() -> Result<ClientBuilder, SetupError> {
    Ok(transport::client()?.user_agent("post-session-api").connect_timeout(CONNECT_TIMEOUT))
}

/// The answer's body, or its first `limit` bytes.
pub(crate) async fn read(mut response: Response, limit: usize) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit.saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Ok(body)
}

/// The answer to a request.
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// How a request to a CRM is made.
pub(crate) struct Exchange {
    operation: &'static str,
    timeout: Duration,
    /// The answer's bytes that are read.
    limit: usize,
}

impl Exchange {
    /// `longest` it may take, within an invocation that ends at `deadline`; `Err`: it is not to be begun.
    pub(crate) fn begin(
        operation: &'static str,
        longest: Duration,
        deadline: Instant,
        limit: usize,
    ) -> Result<Self, CallError> {
        let timeout = timeout(longest, deadline).ok_or(CallError::OutOfTime { operation })?;
        Ok(Self { operation, timeout, limit })
    }

    /// The answer, whatever its status. Errors do not repeat the URL, which may hold an address.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<HttpAnswer, CallError> {
        let operation = self.operation;
        let failed = |source: reqwest::Error| CallError::Send { operation, source: source.without_url() };
        let response = request.timeout(self.timeout).send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        // A broken answer leaves it open whether the request had its effect, as no answer does.
        let body = read(response, self.limit).await.map_err(failed)?;
        Ok(HttpAnswer { status, headers, body })
    }

    /// Parses a body. The error has no source, which would quote the body.
    pub(crate) fn parsed<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, CallError> {
        serde_json::from_slice(body).map_err(|_| CallError::Unreadable { operation: self.operation })
    }
}

/// Limits a request to what is left of an invocation that ends at `deadline`; `None`: the request is not to be begun,
/// because its answer would be lost.
pub(crate) fn timeout(longest: Duration, deadline: Instant) -> Option<Duration> {
    let timeout = longest.min(remaining(deadline));
    (timeout >= SHORTEST_TIMEOUT).then_some(timeout)
}

/// How long the other side asks us to wait, in seconds or until a date.
///
/// `None` for no time at all: five deliveries at once would end in the dead-letter queue.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        // A date in the past asks for no wait, so the usual back-off applies.
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().unwrap_or_default(),
    };
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_in_seconds_or_as_a_date() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        for (text, wait) in [
            ("7", Some(7)),
            ("86400", Some(86_400)),
            ("Sun, 22 Nov 2026 10:01:30 GMT", Some(90)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", None),
            ("0", None),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), wait.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
