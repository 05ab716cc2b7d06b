//! The caller's signature, as in Standard Webhooks 1.0.0.

use std::time::Duration;

use aws_lambda_events::http::HeaderMap;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

/// Two secrets are valid while one replaces the other.
const MAX_SECRETS: usize = 2;
/// The shortest secret in bytes that Standard Webhooks allows.
const MIN_SECRET_BYTES: usize = 24;
const SECRET_PREFIX: &str = "whsec_";
const SIGNATURE_PREFIX: &str = "v1,";

/// Why a secret cannot be used. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    #[error("must hold one or {MAX_SECRETS} secrets, separated by a space")]
    Count,
    #[error("must hold secrets of the form whsec_ and base64")]
    Form,
    #[error("must hold secrets of at least {MIN_SECRET_BYTES} bytes")]
    Short,
}

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("header {0} is missing")]
    Missing(&'static str),
    #[error("header webhook-timestamp is not a number of seconds")]
    Timestamp,
    #[error("header webhook-timestamp is more than {} seconds from now", .0.as_secs())]
    Stale(Duration),
    #[error("no signature in webhook-signature matches")]
    Mismatch,
}

/// Checks signatures.
pub struct Verifier {
    keys: Vec<hmac::Key>,
    tolerance: Duration,
}

impl Verifier {
    /// `secrets`: one or two `whsec_…`, separated by a space. `tolerance`: how far a time stamp may be from now.
    pub fn new(secrets: &str, tolerance: Duration) -> Result<Self, InvalidSecret> {
        let keys = secrets.split_whitespace().map(key).collect::<Result<Vec<_>, _>>()?;
        if (1..=MAX_SECRETS).contains(&keys.len()) { Ok(Self { keys, tolerance }) } else { Err(InvalidSecret::Count) }
    }

    /// Accepts a body that was signed with one of the secrets, recently.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<(), SignatureError> {
        let id = header(headers, "webhook-id")?;
        let timestamp = header(headers, "webhook-timestamp")?;
        let signatures = header(headers, "webhook-signature")?;
        let seconds: i64 = timestamp.parse().map_err(|_| SignatureError::Timestamp)?;
        if now.timestamp().abs_diff(seconds) > self.tolerance.as_secs() {
            return Err(SignatureError::Stale(self.tolerance));
        }
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let candidates = signatures.split(' ').filter_map(|s| STANDARD.decode(s.strip_prefix(SIGNATURE_PREFIX)?).ok());
        let matches = |candidate: Vec<u8>| self.keys.iter().any(|key| hmac::verify(key, &signed, &candidate).is_ok());
        if candidates.into_iter().any(matches) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

fn key(secret: &str) -> Result<hmac::Key, InvalidSecret> {
    let encoded = secret.strip_prefix(SECRET_PREFIX).ok_or(InvalidSecret::Form)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| InvalidSecret::Form)?;
    if bytes.len() < MIN_SECRET_BYTES {
        return Err(InvalidSecret::Short);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, SignatureError> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(SignatureError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the Standard Webhooks specification.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const SECONDS: i64 = 1_614_265_330;
    const TOLERANCE: Duration = Duration::from_secs(300);

    fn headers(signature: &str) -> HeaderMap {
        let pairs = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", signature),
        ];
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn verify(secrets: &str, headers: &HeaderMap, body: &[u8], seconds: i64) -> Result<(), SignatureError> {
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        Verifier::new(secrets, TOLERANCE).unwrap().verify(headers, body, now)
    }

    #[test]
    fn the_example_of_the_specification_is_accepted_also_during_rotation() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(verify(SECRET, &headers(SIGNATURE), BODY, SECONDS), Ok(()));
        assert_eq!(verify(&format!("{other} {SECRET}"), &headers(SIGNATURE), BODY, SECONDS + 300), Ok(()));
        let two = format!("v1a,unknown v1,AAAA {SIGNATURE}");
        assert_eq!(verify(SECRET, &headers(&two), BODY, SECONDS), Ok(()));
        assert_eq!(verify(other, &headers(SIGNATURE), BODY, SECONDS), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_changed_body_id_or_time_is_refused() {
        assert_eq!(verify(SECRET, &headers(SIGNATURE), b"{}", SECONDS), Err(SignatureError::Mismatch));
        let mut changed = headers(SIGNATURE);
        changed.insert("webhook-id", "msg_other".parse().unwrap());
        assert_eq!(verify(SECRET, &changed, BODY, SECONDS), Err(SignatureError::Mismatch));
        changed = headers(SIGNATURE);
        changed.insert("webhook-timestamp", "1614265331".parse().unwrap());
        assert_eq!(verify(SECRET, &changed, BODY, SECONDS), Err(SignatureError::Mismatch));
        assert_eq!(verify(SECRET, &headers(SIGNATURE), BODY, SECONDS + 301), Err(SignatureError::Stale(TOLERANCE)));
        assert_eq!(verify(SECRET, &headers(SIGNATURE), BODY, SECONDS - 301), Err(SignatureError::Stale(TOLERANCE)));
        changed.remove("webhook-id");
        assert_eq!(verify(SECRET, &changed, BODY, SECONDS), Err(SignatureError::Missing("webhook-id")));
    }

    #[test]
    fn secrets_that_are_missing_malformed_or_short_are_refused() {
        let error = |secrets: &str| Verifier::new(secrets, TOLERANCE).err();
        assert_eq!(error(" "), Some(InvalidSecret::Count));
        assert_eq!(error(&[SECRET; 3].join(" ")), Some(InvalidSecret::Count));
        assert_eq!(error("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Some(InvalidSecret::Form));
        assert_eq!(error("whsec_!"), Some(InvalidSecret::Form));
        assert_eq!(error("whsec_AAAA"), Some(InvalidSecret::Short));
    }
}
