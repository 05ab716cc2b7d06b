//! Standard Webhooks: the id, the time and the signature of a request.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::event::Event;
use domain::id::{IntegrationId, SessionId, TenantId};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use super::error::WebhookError;

/// Bytes of the hash in an id: 128 bits, as in a UUID.
const ID_BYTES: usize = 16;
const PREFIX: &str = "whsec_";
/// Bytes of a signing key, as Standard Webhooks has it: fewer can be guessed, more sign no better.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;
/// The one in use and the one that takes its place; each adds a signature to every request.
const MOST_KEYS: usize = 2;

/// Why a secret signs nothing; no part of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigningSecret {
    #[error("there is none")]
    Missing,
    #[error("there are more than {MOST_KEYS}")]
    TooMany,
    #[error("it is not {PREFIX} with base64 behind it")]
    Text,
    #[error("its key does not have {} to {} bytes", KEY_BYTES.start(), KEY_BYTES.end())]
    Length,
    #[error("nothing can be signed with it")]
    Unsigned,
}

/// The same for every attempt, also of a replay, to tell one endpoint of one event of one session, and for nothing
/// else.
pub(super) fn webhook_id(tenant: &TenantId, session: &SessionId, integration: &IntegrationId, event: &Event) -> String {
    let mut parts = vec![tenant.as_ref(), session.as_ref(), integration.as_ref(), event.event_type().as_str()];
    let text = event.to_string();
    // Ids of first versions were given before there were others, and must stay what they are.
    parts.extend(text.split('@').skip(1));
    // No id holds a line break, so different parts never make the same text.
    let hash = Sha256::digest(parts.join("\n"));
    let hex: String = hash.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

/// What is signed with it: one key, or two while one takes the other's place.
pub(super) fn keys(secret: &SecretString) -> Result<Vec<Webhook>, InvalidSigningSecret> {
    let texts: Vec<_> = secret.expose_secret().split_whitespace().collect();
    match texts.len() {
        0 => Err(InvalidSigningSecret::Missing),
        1..=MOST_KEYS => texts.into_iter().map(key).collect(),
        _ => Err(InvalidSigningSecret::TooMany),
    }
}

fn key(text: &str) -> Result<Webhook, InvalidSigningSecret> {
    let bytes = text.strip_prefix(PREFIX).and_then(|text| BASE64_STANDARD.decode(text).ok());
    let bytes = bytes.ok_or(InvalidSigningSecret::Text)?;
    if !KEY_BYTES.contains(&bytes.len()) {
        return Err(InvalidSigningSecret::Length);
    }
    Webhook::from_bytes(bytes).map_err(|_| InvalidSigningSecret::Text)
}

pub(super) fn headers(id: &str, timestamp: i64, body: &[u8], secret: &SecretString) -> Result<HeaderMap, WebhookError> {
    let unsigned = || WebhookError::Secret(InvalidSigningSecret::Unsigned);
    let keys = keys(secret).map_err(WebhookError::Secret)?;
    let signatures: Result<Vec<_>, _> = keys.iter().map(|key| key.sign(id, timestamp, body)).collect();
    let signatures = signatures.map_err(|_| unsigned())?.join(" ");
    let header = |name: &'static str, value: String| {
        let value = HeaderValue::try_from(value).map_err(|_| unsigned())?;
        Ok((HeaderName::from_static(name), value))
    };
    [
        header(HEADER_WEBHOOK_ID, id.to_owned()),
        header(HEADER_WEBHOOK_TIMESTAMP, timestamp.to_string()),
        header(HEADER_WEBHOOK_SIGNATURE, signatures),
    ]
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(tenant: &str, session: &str, integration: &str) -> String {
        let event = Event::SessionAnalyzed { version: 1 };
        let (tenant, session) = (tenant.parse().unwrap(), session.parse().unwrap());
        webhook_id(&tenant, &session, &integration.parse().unwrap(), &event)
    }

    fn id_of(event: Event) -> String {
        webhook_id(&"acme".parse().unwrap(), &"s1".parse().unwrap(), &"hook".parse().unwrap(), &event)
    }

    #[test]
    fn an_id_is_the_same_for_the_same_and_another_for_anything_else() {
        assert_eq!(id("acme", "s-1", "hook"), "msg_467eb5bb38b2aba347d1660b086629d8");
        let ids = [
            id("acme", "s1", "hook"),
            id("acme", "s1h", "ook"),
            id("acmes", "1", "hook"),
            id("acme", "s1", "hook2"),
            id_of(Event::SessionAnalyzed { version: 2 }),
            id_of(Event::SessionAnalyzed { version: 3 }),
            id_of(Event::SessionFailed { code: "lost".into(), occurrence: 1 }),
            id_of(Event::SessionFailed { code: "lost".into(), occurrence: 2 }),
            id_of(Event::SessionFailed { code: "boom".into(), occurrence: 1 }),
            id_of(Event::EmailStatus { email_id: Uuid::from_u128(1), status: "sent".into() }),
            id_of(Event::EmailStatus { email_id: Uuid::from_u128(1), status: "bounced".into() }),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn while_a_secret_is_changed_both_the_old_and_the_new_verify() {
        let [old, new] = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
        let now = chrono::Utc::now().timestamp();
        let headers = headers("msg_1", now, b"{}", &format!("{old} {new}").into()).unwrap();
        for secret in [old, new] {
            Webhook::new(secret).unwrap().verify(b"{}", &headers).unwrap();
        }
        assert!(Webhook::new(old).unwrap().verify(b"{ }", &headers).is_err());
    }

    #[test]
    fn a_secret_that_is_none_is_refused_without_being_repeated() {
        let error = headers("msg_1", 1, b"{}", &"whsec_not64!".into()).unwrap_err();
        assert_eq!(stage::error_chain(&error), "use the signing secret: it is not whsec_ with base64 behind it");
    }

    #[test]
    fn a_signing_key_has_24_to_64_bytes_and_there_are_two_at_most() {
        let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        let check = |secret: &str| keys(&secret.into()).map(|keys| keys.len());
        for bytes in [24, 32, 64] {
            assert_eq!(check(&of(bytes)), Ok(1), "{bytes}");
        }
        assert_eq!(check(&format!("{} {}", of(24), of(64))), Ok(2));
        for (secret, why) in [
            (" ".to_owned(), InvalidSigningSecret::Missing),
            ("whsec_".to_owned(), InvalidSigningSecret::Length),
            (of(1), InvalidSigningSecret::Length),
            (of(23), InvalidSigningSecret::Length),
            (of(65), InvalidSigningSecret::Length),
            (of(24).replace("whsec_", ""), InvalidSigningSecret::Text),
            (format!("{} {}", of(24), of(23)), InvalidSigningSecret::Length),
            ([of(24), of(24), of(24)].join(" "), InvalidSigningSecret::TooMany),
        ] {
            assert_eq!(check(&secret), Err(why), "{secret}");
        }
    }
}
