//! What the clients of all third parties share: TLS, time-outs, bounded answers, and `Retry-After`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Response};
use rustls::{ClientConfig, RootCertStore};
use stage::backoff::MAX_VISIBILITY;

/// For the TCP and TLS handshakes: who has not answered by then is down, and the whole call still has time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a client could not be built; no invocation can help.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("build the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// TLS against Mozilla's roots, which are part of the binary: no file of the sandbox is read on a cold start.
pub(crate) fn tls() -> Result<ClientConfig, SetupError> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(SetupError::Tls)?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Follows no redirect and uses no proxy, whatever the environment says.
pub(crate) fn client(tls: ClientConfig) -> ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent("post-session-api")
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .no_proxy()
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

/// How long the other side asks us to wait, in seconds or until a date; at most as long as SQS can hide a message.
///
/// `None` for no time at all: five deliveries at once would end in the dead-letter queue.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().unwrap_or_default(),
    };
    (!wait.is_zero()).then(|| wait.min(MAX_VISIBILITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_in_seconds_or_as_a_date_and_is_bounded() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        for (text, wait) in [
            ("7", Some(7)),
            ("86400", Some(MAX_VISIBILITY.as_secs())),
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
