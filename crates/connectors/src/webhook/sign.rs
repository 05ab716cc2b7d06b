//! The id and the signature of a request, as Standard Webhooks has them.

use domain::event::Event;
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::standard_webhooks::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, SigningKeys};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

/// Bytes of the hash in an id: 128 bits, as in a UUID.
const ID_BYTES: usize = 16;

/// Derives the id of a webhook message from the endpoint and the event of a session: the same for every attempt and
/// replay, and different from every other.
pub(super) fn webhook_id(tenant: &TenantId, session: &SessionId, integration: &IntegrationId, event: &Event) -> String {
    let mut parts = vec![tenant.as_ref(), session.as_ref(), integration.as_ref(), event.event_type().as_str()];
    let distinction = event.distinction();
    parts.extend(distinction.iter().map(String::as_str));
    // No id holds a line break, so different parts never make the same text.
    let hash = Sha256::digest(parts.join("\n"));
    let hex: String = hash.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

pub(super) fn headers(id: &str, timestamp: i64, body: &[u8], keys: &SigningKeys) -> HeaderMap {
    let headers = [
        (HEADER_ID, id.to_owned()),
        (HEADER_TIMESTAMP, timestamp.to_string()),
        (HEADER_SIGNATURE, keys.sign(id, timestamp, body)),
    ];
    let header = |(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?));
    // All three are visible ASCII, which every header can hold.
    headers.into_iter().filter_map(header).collect()
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
}
