//! Standard Webhooks: the id, the time and the signature of a request.

use domain::event::Event;
use domain::id::{IntegrationId, SessionId, TenantId};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use super::error::WebhookError;

/// Bytes of the hash in an id: 128 bits, as in a UUID.
const ID_BYTES: usize = 16;

/// The same for every attempt, also of a replay, to tell one endpoint of one event of one session, and for nothing else.
pub(super) fn webhook_id(tenant: &TenantId, session: &SessionId, integration: &IntegrationId, event: &Event) -> String {
    let mut parts = vec![tenant.as_ref(), session.as_ref(), integration.as_ref(), event.kind().as_str()];
    let text = event.to_string();
    // Ids of first versions were given before there were others, and must stay what they are.
    parts.extend(text.split('@').skip(1));
    // No id holds a line break, so different parts never make the same text.
    let hash = Sha256::digest(parts.join("\n"));
    let hex: String = hash.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

/// `secret` holds one `whsec_…`, or two separated by white space while it is being changed.
pub(super) fn headers(id: &str, timestamp: i64, body: &[u8], secret: &SecretString) -> Result<HeaderMap, WebhookError> {
    let sign = |secret| Webhook::new(secret)?.sign(id, timestamp, body);
    let signatures: Result<Vec<_>, _> = secret.expose_secret().split_whitespace().map(sign).collect();
    let signatures = signatures.map_err(WebhookError::Secret)?.join(" ");
    let header = |name: &'static str, value: String| {
        let value = HeaderValue::try_from(value);
        let value = value.map_err(|_| WebhookError::Secret(standardwebhooks::WebhookError::InvalidHeader(name)))?;
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
    use super::*;

    fn id(tenant: &str, session: &str, integration: &str) -> String {
        id_of(tenant, session, integration, "session.analyzed")
    }

    fn id_of(tenant: &str, session: &str, integration: &str, event: &str) -> String {
        let (tenant, session) = (tenant.parse().unwrap(), session.parse().unwrap());
        webhook_id(&tenant, &session, &integration.parse().unwrap(), &event.parse().unwrap())
    }

    #[test]
    fn an_id_is_the_same_for_the_same_and_another_for_anything_else() {
        assert_eq!(id("acme", "s-1", "hook"), "msg_467eb5bb38b2aba347d1660b086629d8");
        let ids = [
            id("acme", "s1", "hook"),
            id("acme", "s1h", "ook"),
            id("acmes", "1", "hook"),
            id("acme", "s1", "hook2"),
            id_of("acme", "s1", "hook", "session.analyzed@2"),
            id_of("acme", "s1", "hook", "session.analyzed@3"),
            id_of("acme", "s1", "hook", "session.failed"),
            id_of("acme", "s1", "hook", "email.status@0190163d-8694-739b-aea5-966c26f8ad91@sent"),
            id_of("acme", "s1", "hook", "email.status@0190163d-8694-739b-aea5-966c26f8ad91@bounced"),
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
        let error = headers("msg_1", 1, b"{}", &"whsec_not base64!".into()).unwrap_err();
        assert!(!stage::error_chain(&error).contains("base64!"), "{error}");
    }
}
