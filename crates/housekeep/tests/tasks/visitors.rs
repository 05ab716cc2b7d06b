//! Visitors with data in every table.

use domain::address_hash::AddressHash;
use domain::session::{Session, Visitor};
use store::suppressions::SuppressionReason;
use store::testing;

use crate::world::{World, tenant};

/// Text in every place that holds what a visitor wrote.
pub(crate) const SECRET: &str = "My card is blue-parrot-77";

/// Two ended sessions of Ana, one of them with another spelling of her address; an open session of hers; one of Ben.
pub(crate) async fn world() -> World {
    let world = World::new([]).await;
    for (id, email) in [
        ("ana-1", "Ana@Example.com"),
        ("ana-2", " ana@example.com"),
        ("ana-open", "ana@example.com"),
        ("ben", "ben@example.com"),
    ] {
        let visitor = Visitor {
            id: Some(email.trim().to_owned()),
            name: Some(format!("{SECRET} {email}")),
            email: Some(email.to_owned()),
            phone: Some(email.to_owned()),
            locale: Some("en".to_owned()),
            time_zone: Some(email.to_owned()),
            ..Visitor::default()
        };
        let mut session = Session { visitor, ..testing::session(id) };
        session.metadata.insert("mail".to_owned(), email.into());
        world.accept_session(&session).await;
    }
    for sql in [
        "UPDATE sessions SET status = 'completed' WHERE session_id IN ('ana-1', 'ana-2', 'ben')",
        "INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text)
         SELECT tenant_id, session_id, seq, 'visitor', 'SECRET' FROM sessions, generate_series(0, 2) seq",
        "INSERT INTO analyses (tenant_id, session_id, version, status, document, originals)
         SELECT tenant_id, session_id, 1, 'ok', '{\"a\": \"SECRET ana@example.com\"}', '{\"b\": \"SECRET\"}' FROM sessions",
        "INSERT INTO analysis_parts (tenant_id, session_id, analysis_version, split, part, document)
         SELECT tenant_id, session_id, 2, 0, 0, '{\"a\": \"SECRET\"}' FROM sessions",
        "INSERT INTO email_log (tenant_id, email_id, session_id, template, status, recipient, recipient_hash)
         SELECT tenant_id, gen_random_uuid(), session_id, 't', 'sent', visitor_email, visitor_email_hash FROM sessions
         WHERE visitor_email IS NOT NULL",
        "INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
         SELECT tenant_id, email_id, 'Send', now(), jsonb_build_object('to', recipient) FROM email_log",
        "INSERT INTO email_bodies (tenant_id, email_id, subject, text, html)
         SELECT tenant_id, email_id, recipient, 'SECRET', '<p>SECRET' FROM email_log",
        "INSERT INTO email_recipients (tenant_id, address_hash, email_id, sending_at)
         SELECT DISTINCT ON (recipient_hash) tenant_id, recipient_hash, email_id, now() FROM email_log",
        "INSERT INTO integrations (tenant_id, integration_id, config, secret_name) VALUES ('acme', 'hub', '{}', 's')",
        "INSERT INTO integration_log (tenant_id, session_id, integration_id, status, contact_id, record_id)
         VALUES ('acme', 'ana-1', 'hub', 'done', 'c-1', 'n-1'), ('acme', 'ben', 'hub', 'done', 'c-2', 'n-2')",
        "INSERT INTO webhook_attempts (tenant_id, attempt_id, integration_id, session_id, webhook_id, analysis_version,
                                       began_at, duration_ms, status, answer)
         SELECT tenant_id, gen_random_uuid(), 'hub', session_id, 'msg', 1, now(), 1, 500, 'SECRET ' || visitor_email FROM sessions WHERE visitor_email IS NOT NULL",
    ] {
        world.sql(&sql.replace("SECRET", SECRET)).await;
    }
    let hash = AddressHash::of(&tenant("acme"), &"ana@example.com".parse().unwrap());
    let suppressed = world.database.store.suppress(&tenant("acme"), &hash, SuppressionReason::Complaint, None).await;
    assert!(suppressed.unwrap());
    world
}
