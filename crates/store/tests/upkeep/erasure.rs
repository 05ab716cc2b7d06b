use domain::address_hash::AddressHash;
use domain::email_address::EmailAddress;
use domain::session::{SessionStatus, Visitor};
use store::email_events::{EmailEvent, EventRecord};
use store::email_log::EmailStatus;
use store::erasure::{Erased, Erasure, OpenSession};
use store::sessions::{Accepted, NotifiedSession};
use store::suppressions::SuppressionReason;
use store::testing;

use crate::World;

const ENDED: &str = "
UPDATE sessions SET status = 'completed' WHERE session_id IN ('s-1', 's-2', 'ben');
INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text)
SELECT tenant_id, session_id, seq, 'visitor', 'I am Ana' FROM sessions, generate_series(0, 2) seq;
INSERT INTO analyses (tenant_id, session_id, version, status, document, originals)
SELECT tenant_id, session_id, 1, 'ok', '{}', '{\"[name_1]\": \"Ana\"}' FROM sessions;
INSERT INTO analysis_parts (tenant_id, session_id, analysis_version, split, part, document)
SELECT tenant_id, session_id, 2, 0, 0, '{}' FROM sessions;
INSERT INTO email_log (tenant_id, email_id, session_id, template, status, recipient, recipient_hash)
SELECT tenant_id, gen_random_uuid(), session_id, 'x', 'delivered', visitor_email, visitor_email_hash FROM sessions;
INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
SELECT tenant_id, email_id, 'Send', now(), '{}' FROM email_log;
INSERT INTO email_bodies (tenant_id, email_id, subject, text, html) SELECT tenant_id, email_id, 'Ana', '', '' FROM email_log;
INSERT INTO email_recipients (tenant_id, address_hash, email_id, sending_at)
SELECT DISTINCT ON (visitor_email_hash) tenant_id, visitor_email_hash, gen_random_uuid(), now() FROM sessions
WHERE visitor_email_hash IS NOT NULL;
INSERT INTO integrations (tenant_id, integration_id, config, secret_name) VALUES ('acme', 'hub', '{}', 's');
INSERT INTO person_leases (tenant_id, address_hash, integration_id, session_id, analysis_version, ends_at)
SELECT tenant_id, address_hash, 'hub', 's', 1, now() FROM email_recipients;
INSERT INTO integration_log (tenant_id, session_id, integration_id, status, contact_id, record_id)
SELECT tenant_id, session_id, 'hub', 'done', 'contact-' || session_id, NULL FROM sessions";

fn ana() -> EmailAddress {
    "ana@example.com".parse().unwrap()
}

impl World {
    /// Two ended sessions and two open ones of Ana's, and one of Ben's.
    async fn with_visitors() -> Self {
        let world = Self::new().await;
        for (id, email) in [
            ("s-1", "Ana@example.com"),
            ("s-2", " ana@EXAMPLE.com"),
            ("s-3", "ana@example.com"),
            ("ben", "ben@example.com"),
        ] {
            let mut session = testing::session(id);
            session.visitor = Visitor {
                id: Some("v-1".into()),
                name: Some("Ana".into()),
                email: Some(email.into()),
                phone: Some("+49 30 1".into()),
                ..Visitor::default()
            };
            session.metadata.insert("customer".into(), "Ana".into());
            let notification = NotifiedSession { session: &session, transcript: None, hash: b"hash", message: "m" };
            assert_eq!(world.store().accept_session(&notification).await.unwrap(), Accepted::New);
        }
        world
            .execute(
                "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, visitor_email)
                       VALUES ('acme', 'engine', 'a', 'text', now(), ' Ana@Example.com')",
            )
            .await;
        world.execute(ENDED).await;
        world
    }

    async fn erase_all(&self) -> Vec<Erased> {
        let erasure = Erasure { tenant_id: &self.tenant, address: &ana() };
        let mut batches = Vec::new();
        loop {
            let erased = self.store().erase_sessions(&erasure, 1).await.unwrap();
            if erased.sessions == 0 {
                return batches;
            }
            batches.push(erased);
        }
    }
}

#[tokio::test]
async fn an_erasure_takes_what_belongs_to_an_address_and_nothing_else() {
    let world = World::with_visitors().await;
    let batch = Erased { sessions: 1, turns: 3, analyses: 2, mails: 1, events: 1, bodies: 1 };
    assert_eq!(world.erase_all().await, [batch, batch]);
    assert_eq!(world.erase_all().await, [], "it can be repeated");

    let named =
        "SELECT session_id FROM sessions WHERE num_nonnulls(visitor_id, visitor_name, visitor_email, visitor_phone,
                 visitor_email_hash) > 0 OR metadata <> '{}' ORDER BY session_id";
    assert_eq!(world.texts(named).await, ["ben", "engine", "s-3"]);
    let addressed = "SELECT session_id FROM email_log WHERE recipient IS NOT NULL OR recipient_hash <> '' ORDER BY 1";
    assert_eq!(world.texts(addressed).await, ["ben", "engine", "s-3"]);
    for table in ["transcript_turns", "analyses", "analysis_parts"] {
        let left = format!("SELECT DISTINCT session_id FROM {table} ORDER BY session_id");
        assert_eq!(world.texts(&left).await, ["ben", "engine", "s-3"], "{table}");
    }
    assert_eq!((world.count("email_events").await, world.count("email_bodies").await), (3, 3));
    assert_eq!(world.count("sessions WHERE erased_at IS NOT NULL AND transcript_purged_at IS NOT NULL").await, 2);
}

#[tokio::test]
async fn an_event_that_comes_after_the_erasure_is_not_kept() {
    let world = World::with_visitors().await;
    world.erase_all().await;
    let erased = "SELECT email_id::text FROM email_log WHERE session_id = 's-1'";
    let email_id = world.texts(erased).await[0].parse().unwrap();
    let detail = serde_json::json!({ "complainedRecipients": [{ "emailAddress": "ana@example.com" }] });
    let (visitor, staff) = (AddressHash::of(&world.tenant, &ana()), AddressHash::from([1; 32]));
    let event = EmailEvent {
        tenant_id: &world.tenant,
        email_id,
        kind: "Complaint",
        occurred_at: chrono::Utc::now(),
        detail: &detail,
        provider_id: "ses-1",
        sent_at: chrono::Utc::now(),
        status: EmailStatus::Complained,
        concerns: Some(&[visitor, staff]),
        suppress: Some(SuppressionReason::Complaint),
    };
    let recorded = world.store().record_email_event(&event).await.unwrap();
    assert_eq!(
        recorded,
        EventRecord::Recorded { session_id: "s-1".parse().unwrap(), suppressed: 0 },
        "nobody knows which of them it was"
    );
    let event = EmailEvent { concerns: Some(&[visitor]), ..event };
    let recorded = world.store().record_email_event(&event).await.unwrap();
    assert_eq!(
        recorded,
        EventRecord::Recorded { session_id: "s-1".parse().unwrap(), suppressed: 1 },
        "she is not mailed again"
    );
    assert_eq!(world.count("email_events WHERE detail::text LIKE '%ana%'").await, 0);
}

#[tokio::test]
async fn a_session_that_was_abandoned_a_month_ago_is_erased_like_one_that_has_ended() {
    let world = World::with_visitors().await;
    world.execute("UPDATE sessions SET started_at = now() - interval '31 days' WHERE session_id = 'engine'").await;
    let erasure = Erasure { tenant_id: &world.tenant, address: &ana() };
    let open = world.store().open_sessions_of(&erasure, 10).await.unwrap();
    assert_eq!(open.iter().map(|open| open.session_id.as_ref()).collect::<Vec<_>>(), ["s-3"]);
    assert_eq!(world.erase_all().await.len(), 3);
    assert_eq!(world.count("transcript_turns WHERE session_id = 'engine'").await, 0);
}

#[tokio::test]
async fn an_address_is_found_however_its_domain_is_spelt() {
    let world = World::with_visitors().await;
    let (unicode, punycode) = ("Ana@exämple.de", "ana@xn--exmple-cua.de");
    world.execute(&format!("UPDATE sessions SET status = 'completed', ended_at = started_at, visitor_email = '{unicode}', visitor_email_hash = NULL WHERE session_id = 'engine'")).await;
    let erasure = Erasure { tenant_id: &world.tenant, address: &punycode.parse().unwrap() };
    assert_eq!(world.store().erase_sessions(&erasure, 10).await.unwrap().sessions, 1);
}

#[tokio::test]
async fn open_sessions_are_counted_and_erased_when_they_have_ended() {
    let world = World::with_visitors().await;
    let erasure = Erasure { tenant_id: &world.tenant, address: &ana() };
    let open = world.store().open_sessions_of(&erasure, 10).await.unwrap();
    let session = |id: &str, status| OpenSession { session_id: id.parse().unwrap(), status };
    assert_eq!(open, [session("engine", SessionStatus::Active), session("s-3", SessionStatus::Processing)]);
    assert_eq!(world.erase_all().await.len(), 2);
    world
        .execute("UPDATE sessions SET status = 'failed', ended_at = started_at WHERE session_id IN ('engine', 's-3')")
        .await;
    assert_eq!(world.erase_all().await.len(), 2);
    assert_eq!(world.store().open_sessions_of(&erasure, 10).await.unwrap(), []);
}

#[tokio::test]
async fn what_a_third_party_has_is_listed_before() {
    let world = World::with_visitors().await;
    let erasure = Erasure { tenant_id: &world.tenant, address: &ana() };
    let records = world.store().records_of(&erasure, 10).await.unwrap();
    let contacts: Vec<_> = records.iter().filter_map(|record| record.contact_id.as_deref()).collect();
    assert_eq!(contacts, ["contact-engine", "contact-s-1", "contact-s-2", "contact-s-3"]);
    assert_eq!((records[0].integration_id.as_ref(), records[0].record_id.as_deref()), ("hub", None));
}

#[tokio::test]
async fn mails_that_are_left_and_the_time_of_the_last_one_go_and_suppressions_stay() {
    let world = World::with_visitors().await;
    let (store, tenant) = (world.store(), &world.tenant);
    let erasure = Erasure { tenant_id: tenant, address: &ana() };
    let hash = AddressHash::of(tenant, &ana());
    assert!(store.suppress(tenant, &hash, SuppressionReason::Unsubscribed, None).await.unwrap());
    world.execute("UPDATE sessions SET visitor_email = NULL, visitor_email_hash = NULL WHERE session_id = 's-1'").await;
    let erased = store.erase_mails(&erasure, 1).await.unwrap();
    assert_eq!((erased.mails, erased.events, erased.bodies), (1, 1, 1));
    assert_eq!(store.erase_mails(&erasure, 10).await.unwrap().mails, 1);
    assert_eq!(store.erase_mails(&erasure, 10).await.unwrap(), Erased::default(), "that of the open session stays");
    assert!(store.forget_recipient(&erasure).await.unwrap());
    assert!(!store.forget_recipient(&erasure).await.unwrap());
    assert_eq!((world.count("email_recipients").await, world.count("person_leases").await), (1, 1));
    assert_eq!(store.suppressions(tenant, &[hash]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_notification_that_comes_again_brings_nothing_back() {
    let world = World::with_visitors().await;
    world.erase_all().await;
    let mut session = testing::session("s-1");
    session.visitor.email = Some("ana@example.com".into());
    let notification = NotifiedSession { session: &session, transcript: None, hash: b"hash", message: "m" };
    let again = world.store().accept_session(&notification).await.unwrap();
    assert!(matches!(again, Accepted::Duplicate { .. }), "{again:?}");
    assert_eq!(world.count("sessions WHERE session_id = 's-1' AND visitor_email IS NULL").await, 1);
}
