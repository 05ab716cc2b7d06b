//! Secrets and signatures of [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0, received and sent.
//!
//! The `standardwebhooks` crate takes keys of any length, reads the clock itself and fixes the tolerance, so tests
//! alone use it, to check these signatures against.

use std::ops::RangeInclusive;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};

pub const HEADER_ID: &str = "webhook-id";
pub const HEADER_TIMESTAMP: &str = "webhook-timestamp";
/// Signatures, separated by spaces: during a rotation each key adds one.
pub const HEADER_SIGNATURE: &str = "webhook-signature";

/// Keys in use at a time: the current one, and its successor or predecessor during a rotation.
const MAX_KEYS: usize = 2;
/// Bytes of a key, as the specification has it: a shorter one can be guessed, a longer one protects no better.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;
const SECRET_PREFIX: &str = "whsec_";
const SIGNATURE_PREFIX: &str = "v1,";
/// Secrets are often copied without their padding; the reference libraries for Rust and Go refuse those, others do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reasons to refuse a secret. They repeat nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigningSecret {
    #[error("the signing secret is empty")]
    Missing,
    #[error("there are more than {MAX_KEYS} signing secrets")]
    TooMany,
    #[error("a signing secret must be {SECRET_PREFIX} followed by base64")]
    Form,
    #[error("the key of a signing secret must have {} to {} bytes", KEY_BYTES.start(), KEY_BYTES.end())]
    Length,
}

/// Reasons to refuse a signed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("header {0} is missing")]
    Missing(&'static str),
    #[error("header {HEADER_TIMESTAMP} is not a number of seconds")]
    Timestamp,
    #[error("header {HEADER_TIMESTAMP} is more than {} seconds from now", .0.as_secs())]
    Stale(Duration),
    #[error("no signature in {HEADER_SIGNATURE} matches")]
    Mismatch,
}

/// One key, or two during a rotation.
#[derive(Clone)]
pub struct SigningKeys(Vec<hmac::Key>);

impl SigningKeys {
    /// Reads one or two `whsec_…` secrets, separated by white space; their base64 may lack its padding.
    pub fn parse(secrets: &str) -> Result<Self, InvalidSigningSecret> {
        let keys = secrets.split_whitespace().map(key).collect::<Result<Vec<_>, _>>()?;
        match keys.len() {
            0 => Err(InvalidSigningSecret::Missing),
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(InvalidSigningSecret::TooMany),
        }
    }

    /// Makes the value of [`HEADER_SIGNATURE`]; `timestamp` in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = signed_content(id, &timestamp.to_string(), body);
        let signature = |key| format!("{SIGNATURE_PREFIX}{}", BASE64.encode(hmac::sign(key, &signed)));
        self.0.iter().map(signature).collect::<Vec<_>>().join(" ")
    }

    /// Accepts a body that one of the keys signed at most `tolerance` from `now`; `header` looks a header up by name.
    pub fn verify<'a>(
        &self,
        header: impl Fn(&'static str) -> Option<&'a str>,
        body: &[u8],
        now: DateTime<Utc>,
        tolerance: Duration,
    ) -> Result<(), SignatureError> {
        let header = |name| header(name).ok_or(SignatureError::Missing(name));
        let (id, timestamp, signatures) = (header(HEADER_ID)?, header(HEADER_TIMESTAMP)?, header(HEADER_SIGNATURE)?);
        let seconds: i64 = timestamp.parse().map_err(|_| SignatureError::Timestamp)?;
        // A time stamp in the future would keep a captured request valid for longer.
        if now.timestamp().abs_diff(seconds) > tolerance.as_secs() {
            return Err(SignatureError::Stale(tolerance));
        }
        let signed = signed_content(id, timestamp, body);
        let matches = |signature: Vec<u8>| self.0.iter().any(|key| hmac::verify(key, &signed, &signature).is_ok());
        // Signatures of other versions, such as `v1a`, are skipped.
        let mut known =
            signatures.split(' ').filter_map(|text| BASE64.decode(text.strip_prefix(SIGNATURE_PREFIX)?).ok());
        if known.any(matches) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

fn key(secret: &str) -> Result<hmac::Key, InvalidSigningSecret> {
    let encoded = secret.strip_prefix(SECRET_PREFIX).ok_or(InvalidSigningSecret::Form)?;
    let bytes = BASE64.decode(encoded).map_err(|_| InvalidSigningSecret::Form)?;
    if !KEY_BYTES.contains(&bytes.len()) {
        return Err(InvalidSigningSecret::Length);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// Joins what is signed; the timestamp is signed as it was sent, so that another spelling of it does not verify.
fn signed_content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const SECONDS: i64 = 1_614_265_330;
    const TOLERANCE: Duration = Duration::from_secs(300);

    fn keys(secrets: &str) -> SigningKeys {
        SigningKeys::parse(secrets).unwrap()
    }

    fn headers<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> [(&'static str, &'a str); 3] {
        [(HEADER_ID, id), (HEADER_TIMESTAMP, timestamp), (HEADER_SIGNATURE, signature)]
    }

    fn verify(secrets: &str, headers: &[(&str, &str)], body: &[u8], seconds: i64) -> Result<(), SignatureError> {
        let header = |name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        keys(secrets).verify(header, body, DateTime::from_timestamp(seconds, 0).unwrap(), TOLERANCE)
    }

    #[test]
    fn the_example_of_the_specification_is_signed_and_accepted_also_during_a_rotation() {
        assert_eq!(keys(SECRET).sign(ID, SECONDS, BODY), SIGNATURE);
        let signed = headers(ID, "1614265330", SIGNATURE);
        assert_eq!(verify(SECRET, &signed, BODY, SECONDS), Ok(()));
        assert_eq!(verify(&format!("{OTHER} {SECRET}"), &signed, BODY, SECONDS + 300), Ok(()));
        let several = format!("v1a,unknown v1,AAAA {SIGNATURE}");
        assert_eq!(verify(SECRET, &headers(ID, "1614265330", &several), BODY, SECONDS), Ok(()));
        assert_eq!(verify(OTHER, &signed, BODY, SECONDS), Err(SignatureError::Mismatch));
        let both = keys(&format!("{OTHER} {SECRET}")).sign(ID, SECONDS, BODY);
        for secret in [OTHER, SECRET] {
            assert_eq!(verify(secret, &headers(ID, "1614265330", &both), BODY, SECONDS), Ok(()));
        }
    }

    #[test]
    fn a_changed_body_id_or_time_is_refused() {
        let signed = headers(ID, "1614265330", SIGNATURE);
        assert_eq!(verify(SECRET, &signed, b"{}", SECONDS), Err(SignatureError::Mismatch));
        assert_eq!(verify(SECRET, &signed, BODY, SECONDS + 301), Err(SignatureError::Stale(TOLERANCE)));
        assert_eq!(verify(SECRET, &signed, BODY, SECONDS - 301), Err(SignatureError::Stale(TOLERANCE)));
        assert_eq!(verify(SECRET, &signed[1..], BODY, SECONDS), Err(SignatureError::Missing(HEADER_ID)));
        for (id, timestamp) in [("msg_other", "1614265330"), (ID, "1614265331"), (ID, "+1614265330")] {
            let changed = headers(id, timestamp, SIGNATURE);
            assert_eq!(verify(SECRET, &changed, BODY, SECONDS), Err(SignatureError::Mismatch), "{id} {timestamp}");
        }
        let no_time = headers(ID, "1614265330.0", SIGNATURE);
        assert_eq!(verify(SECRET, &no_time, BODY, SECONDS), Err(SignatureError::Timestamp));
    }

    #[test]
    fn a_key_has_24_to_64_bytes_with_or_without_padding_and_there_are_two_at_most() {
        let of = |bytes: usize| format!("{SECRET_PREFIX}{}", BASE64.encode(vec![7; bytes]));
        let check = |secrets: &str| SigningKeys::parse(secrets).map(|keys| keys.0.len());
        for bytes in [24, 25, 32, 64] {
            let padded = of(bytes);
            assert_eq!(check(&padded), Ok(1), "{bytes}");
            let bare = padded.trim_end_matches('=');
            assert_eq!(check(bare), Ok(1), "{bytes} without padding");
            assert_eq!(keys(bare).sign(ID, 1, BODY), keys(&padded).sign(ID, 1, BODY));
        }
        assert_eq!(check(&format!("{}\n{}", of(24), of(64))), Ok(2));
        for (secrets, why) in [
            (" ".to_owned(), InvalidSigningSecret::Missing),
            ("whsec_".to_owned(), InvalidSigningSecret::Length),
            (of(23), InvalidSigningSecret::Length),
            (of(65), InvalidSigningSecret::Length),
            (of(24).replace(SECRET_PREFIX, ""), InvalidSigningSecret::Form),
            ("whsec_not64!".to_owned(), InvalidSigningSecret::Form),
            (format!("{} {}", of(24), of(23)), InvalidSigningSecret::Length),
            ([of(24), of(24), of(24)].join(" "), InvalidSigningSecret::TooMany),
        ] {
            assert_eq!(check(&secrets), Err(why), "{secrets}");
        }
    }

    #[test]
    fn the_reference_library_verifies_signatures_and_signs_acceptable_ones() {
        let reference = standardwebhooks::Webhook::new(SECRET).unwrap();
        let now = Utc::now();
        let signature = reference.sign(ID, now.timestamp(), BODY).unwrap();
        assert_eq!(keys(SECRET).sign(ID, now.timestamp(), BODY), signature);
        let timestamp = now.timestamp().to_string();
        assert_eq!(verify(SECRET, &headers(ID, &timestamp, &signature), BODY, now.timestamp()), Ok(()));
    }
}
