//! The log of syncs, and integrations, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::{Integration, IntegrationConfig};
use domain::settings::TenantSettings;
use domain::step::Code;
use store::integration_log::{OtherRecord, SyncKey, SyncStatus};
use store::testing::TestDatabase;

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

    fn sync_of(&self, analysis_version: i32) -> SyncKey<'_> {
        let (tenant_id, session_id, integration_id) = (&self.tenant, &self.session, &self.integration);
        SyncKey { tenant_id, session_id, integration_id, analysis_version }
    }
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
async fn each_version_of_an_analysis_has_a_sync_of_its_own() {
    let fixture = Fixture::new().await;
    let store = &fixture.database.store;
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
