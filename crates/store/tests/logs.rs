//! The logs of mails and of syncs, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::{Integration, IntegrationConfig};
use domain::settings::TenantSettings;
use domain::step::Code;
use serde_json::json;
use store::email_log::{EmailEvent, EmailKey, EmailStatus, EventRecord, NewEmail};
use store::integration_log::{OtherRecord, SyncKey, SyncStatus};
use store::testing::TestDatabase;
use uuid::Uuid;

struct Fixture {
    database: TestDatabase,
    tenant: TenantId,
    session: SessionId,
    integration: IntegrationId,
}

impl Fixture {
    async fn new() -> Self {
        let (tenant, session): (TenantId, SessionId) = ("acme".parse().unwrap(), "s-1".parse().unwrap());
        let database = TestDatabase::create().await;
        database.store.save_tenant(&tenant, "Acme", &TenantSettings::default()).await.unwrap();
        let insert = "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at)
                      VALUES ('acme', 's-1', 'agent', 'text', now())";
        database.client().await.execute(insert, &[]).await.unwrap();
        let integration = Integration {
            tenant_id: tenant.clone(),
            integration_id: "hook".parse().unwrap(),
            enabled: true,
            config: IntegrationConfig::Webhook { url: "https://example.com".into() },
            secret_name: "acme/hook".into(),
        };
        database.store.save_integration(&integration).await.unwrap();
        Self { database, tenant, session, integration: integration.integration_id }
    }

    fn email(&self) -> NewEmail<'_> {
        self.email_of(1)
    }

    fn email_of(&self, analysis_version: i32) -> NewEmail<'_> {
        let (tenant_id, session_id) = (&self.tenant, &self.session);
        let key = EmailKey { tenant_id, session_id, template: "session-summary", analysis_version };
        NewEmail { key, recipient: Some("ana@example.com") }
    }

    fn sync_of(&self, analysis_version: i32) -> SyncKey<'_> {
        let (tenant_id, session_id, integration_id) = (&self.tenant, &self.session, &self.integration);
        SyncKey { tenant_id, session_id, integration_id, analysis_version }
    }

    async fn status(&self) -> EmailStatus {
        self.database.store.queue_email(&self.email()).await.unwrap().status
    }

    async fn event(&self, email_id: Uuid, kind: &str, second: u32, status: Option<EmailStatus>) -> EventRecord {
        let at: DateTime<Utc> = format!("2026-11-22T10:00:{second:02}Z").parse().unwrap();
        let event = EmailEvent {
            tenant_id: &self.tenant,
            email_id,
            kind,
            occurred_at: at,
            detail: &json!({}),
            provider_id: "ses-1",
            sent_at: at,
            status,
        };
        self.database.store.record_email_event(&event).await.unwrap()
    }
}

#[tokio::test]
async fn a_mail_is_sent_once_and_only_a_refused_one_again() {
    let fixture = Fixture::new().await;
    let (store, tenant) = (&fixture.database.store, &fixture.tenant);
    let email = store.queue_email(&fixture.email()).await.unwrap();
    assert_eq!(email.status, EmailStatus::Queued);
    assert!(store.start_sending(tenant, email.email_id, "ana@example.com").await.unwrap());
    assert!(!store.start_sending(tenant, email.email_id, "ana@example.com").await.unwrap(), "under way");

    store.record_not_sent(tenant, email.email_id, EmailStatus::Failed, Some(Code::new("rejected"))).await.unwrap();
    assert!(store.start_sending(tenant, email.email_id, "ana@example.com").await.unwrap(), "a replay");
    store.record_sent(tenant, email.email_id, "ses-1").await.unwrap();
    assert!(!store.start_sending(tenant, email.email_id, "ana@example.com").await.unwrap(), "sent");

    let sent = store.queue_email(&fixture.email()).await.unwrap();
    assert_eq!((sent.email_id, sent.status, sent.attempts), (email.email_id, EmailStatus::Sent, 2));
    assert_eq!((sent.provider_id.as_deref(), sent.code), (Some("ses-1"), None));
}

#[tokio::test]
async fn events_in_any_order_and_repeated_never_take_a_mail_back() {
    let fixture = Fixture::new().await;
    let email = fixture.database.store.queue_email(&fixture.email()).await.unwrap().email_id;
    assert_eq!(fixture.event(email, "Delivery", 5, Some(EmailStatus::Delivered)).await, EventRecord::Recorded);
    assert_eq!(fixture.event(email, "Delivery", 5, Some(EmailStatus::Delivered)).await, EventRecord::Repeated);
    assert_eq!(fixture.event(email, "Send", 1, Some(EmailStatus::Sent)).await, EventRecord::Recorded);
    assert_eq!(fixture.status().await, EmailStatus::Delivered);
    assert_eq!(fixture.event(email, "Open", 6, None).await, EventRecord::Recorded);
    assert_eq!(fixture.event(email, "Complaint", 9, Some(EmailStatus::Complained)).await, EventRecord::Recorded);
    assert_eq!(fixture.event(email, "Bounce", 8, Some(EmailStatus::Bounced)).await, EventRecord::Recorded);
    assert_eq!(fixture.status().await, EmailStatus::Complained);
    assert_eq!(fixture.event(Uuid::now_v7(), "Send", 1, Some(EmailStatus::Sent)).await, EventRecord::UnknownEmail);
}

#[tokio::test]
async fn an_event_settles_a_mail_whose_outcome_was_unknown() {
    let fixture = Fixture::new().await;
    let (store, tenant) = (&fixture.database.store, &fixture.tenant);
    let email = store.queue_email(&fixture.email()).await.unwrap().email_id;
    store.start_sending(tenant, email, "ana@example.com").await.unwrap();
    let unknown = Some(Code::new("outcome_unknown"));
    store.record_not_sent(tenant, email, EmailStatus::Unknown, unknown).await.unwrap();
    fixture.event(email, "Send", 1, Some(EmailStatus::Sent)).await;
    let settled = store.queue_email(&fixture.email()).await.unwrap();
    assert_eq!((settled.status, settled.code), (EmailStatus::Sent, None));
    assert_eq!(settled.provider_id.as_deref(), Some("ses-1"));
}

#[tokio::test]
async fn a_skipped_mail_keeps_its_reason_until_it_is_sent_after_all() {
    let fixture = Fixture::new().await;
    let (store, tenant) = (&fixture.database.store, &fixture.tenant);
    store.skip_email(&fixture.email(), Code::new("disabled")).await.unwrap();
    let skipped = store.queue_email(&fixture.email()).await.unwrap();
    assert_eq!((skipped.status, skipped.code.as_deref()), (EmailStatus::Skipped, Some("disabled")));

    assert!(store.start_sending(tenant, skipped.email_id, "ana@example.com").await.unwrap());
    store.skip_email(&fixture.email(), Code::new("disabled")).await.unwrap();
    let sending = store.queue_email(&fixture.email()).await.unwrap();
    assert_eq!((sending.status, sending.code), (EmailStatus::Sending, None));
}

#[tokio::test]
async fn a_sync_remembers_its_contact_and_record() {
    let fixture = Fixture::new().await;
    let store = &fixture.database.store;
    let key = fixture.sync_of(1);
    assert_eq!(store.open_sync(&key).await.unwrap().status, SyncStatus::Pending);
    store.start_writing(&key, Some("contact-1")).await.unwrap();
    store.record_not_synced(&key, SyncStatus::Failed, Code::new("forbidden")).await.unwrap();
    store.start_writing(&key, Some("contact-1")).await.unwrap();
    store.record_synced(&key, "note-1").await.unwrap();
    store.record_not_synced(&key, SyncStatus::Failed, Code::new("late")).await.unwrap();

    let sync = store.open_sync(&key).await.unwrap();
    assert_eq!((sync.status, sync.attempts, sync.code), (SyncStatus::Done, 2, None));
    assert_eq!((sync.contact_id.as_deref(), sync.record_id.as_deref()), (Some("contact-1"), Some("note-1")));
}

#[tokio::test]
async fn each_version_of_an_analysis_has_a_mail_and_a_sync_of_its_own() {
    let fixture = Fixture::new().await;
    let (store, tenant) = (&fixture.database.store, &fixture.tenant);
    let first = store.queue_email(&fixture.email()).await.unwrap();
    store.start_sending(tenant, first.email_id, "ana@example.com").await.unwrap();
    store.skip_email(&fixture.email_of(2), Code::new("disabled")).await.unwrap();
    let second = store.email(&fixture.email_of(2).key).await.unwrap().unwrap();
    assert_ne!(first.email_id, second.email_id);
    assert_eq!((fixture.status().await, second.status), (EmailStatus::Sending, EmailStatus::Skipped));

    let [first, second, third] = [1, 2, 3].map(|version| fixture.sync_of(version));
    assert_eq!(store.other_record(&first).await.unwrap(), None);
    for (key, note) in [(&first, "note-1"), (&second, "note-2")] {
        store.open_sync(key).await.unwrap();
        store.start_writing(key, Some("contact-1")).await.unwrap();
        store.record_synced(key, note).await.unwrap();
    }
    let failed = store.open_sync(&third).await.unwrap();
    assert_eq!((failed.status, failed.attempts), (SyncStatus::Pending, 0));
    store.record_not_synced(&third, SyncStatus::Failed, Code::new("forbidden")).await.unwrap();
    assert_eq!(store.sync(&first).await.unwrap().unwrap().record_id.as_deref(), Some("note-1"));
    let other = |analysis_version, note: &str| Some(OtherRecord { analysis_version, record_id: note.into() });
    for key in [&first, &third] {
        assert_eq!(
            store.begun_versions(key).await.unwrap(),
            [(1, SyncStatus::Done), (2, SyncStatus::Done)].into(),
            "that the third ended is no beginning"
        );
    }
    assert_eq!(store.other_record(&third).await.unwrap(), other(2, "note-2"));
    assert_eq!(store.other_record(&second).await.unwrap(), other(1, "note-1"));
    assert_eq!(store.other_record(&first).await.unwrap(), other(2, "note-2"));
}

#[tokio::test]
async fn a_disabled_integration_is_not_offered_until_it_is_saved_again() {
    let fixture = Fixture::new().await;
    let store = &fixture.database.store;
    store.disable_integration(&fixture.tenant, &fixture.integration, "the endpoint answered 410").await.unwrap();
    assert_eq!(store.enabled_integrations(&fixture.tenant).await.unwrap(), []);
    let mut integration = store.integration(&fixture.tenant, &fixture.integration).await.unwrap().unwrap();
    integration.enabled = true;
    store.save_integration(&integration).await.unwrap();
    assert_eq!(store.enabled_integrations(&fixture.tenant).await.unwrap(), [integration]);
}
