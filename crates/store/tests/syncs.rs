//! The log of syncs, and integrations, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::Duration;

use domain::address_hash::AddressHash;
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::{Connection, Disabled, Integration, IntegrationConfig, IntegrationState, WebhookConfig};
use domain::settings::TenantSettings;
use domain::step::{Code, Step, StepKey};
use store::integration_log::{BegunVersion, OtherRecord, SyncKey, SyncStatus, Writing};
use store::steps::{Claim, Ending};
use store::testing::TestDatabase;

const WRITING: Writing<'_> = Writing { contact_id: Some("contact-1"), keyed: false, lease: Duration::from_secs(60) };

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
            state: IntegrationState::On,
            config: IntegrationConfig::Webhook(WebhookConfig::to("https://example.com")),
            secret_name: "acme/hook".into(),
            connection: Connection::default(),
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
    assert_eq!(store.open_sync(&key).await.unwrap(), SyncStatus::Pending);
    assert!(store.start_writing(&key, WRITING).await.unwrap());
    store.record_not_synced(&key, SyncStatus::Failed, Code::new("forbidden"), Some("No."), true).await.unwrap();
    assert!(store.start_writing(&key, WRITING).await.unwrap());
    store.record_synced(&key, "note-1", Some("Left out: nps.")).await.unwrap();
    store.record_not_synced(&key, SyncStatus::Failed, Code::new("late"), None, true).await.unwrap();

    assert_eq!(store.open_sync(&key).await.unwrap(), SyncStatus::Done);
    let sync = store.sync(&key).await.unwrap().unwrap();
    assert_eq!((sync.status, sync.attempts, sync.tries, sync.code), (SyncStatus::Done, 2, 2, None));
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
        assert!(store.start_writing(key, WRITING).await.unwrap());
        store.record_synced(key, note, None).await.unwrap();
    }
    assert_eq!(store.open_sync(&third).await.unwrap(), SyncStatus::Pending);
    store.record_not_synced(&third, SyncStatus::Failed, Code::new("forbidden"), Some("No."), true).await.unwrap();
    assert_eq!(store.sync(&first).await.unwrap().unwrap().record_id.as_deref(), Some("note-1"));
    let other = |analysis_version, note: &str| Some(OtherRecord { analysis_version, record_id: note.into() });
    for key in [&first, &third] {
        assert_eq!(
            store.begun_versions(key).await.unwrap(),
            [1, 2].map(|version| (version, BegunVersion { status: SyncStatus::Done, keyed: false })).into(),
            "that the third ended is no beginning"
        );
    }
    assert_eq!(store.other_record(&third).await.unwrap(), other(2, "note-2"));
    assert_eq!(store.other_record(&second).await.unwrap(), other(1, "note-1"));
    assert_eq!(store.other_record(&first).await.unwrap(), other(2, "note-2"));
}

#[tokio::test]
async fn one_version_of_a_session_is_written_at_a_time() {
    let fixture = Fixture::new().await;
    let store = &fixture.database.store;
    let [first, second] = [1, 2].map(|version| fixture.sync_of(version));
    for key in [&first, &second] {
        store.open_sync(key).await.unwrap();
    }
    let (one, other) = tokio::join!(store.start_writing(&first, WRITING), store.start_writing(&second, WRITING));
    let begun = [one.unwrap(), other.unwrap()];
    assert_eq!(begun.iter().filter(|begun| **begun).count(), 1, "{begun:?}");
    let (holder, waiting) = if begun[0] { (&first, &second) } else { (&second, &first) };
    assert!(store.start_writing(holder, WRITING).await.unwrap(), "whose attempt was lost may try again");
    store.put_off_sync(holder, Code::new("unavailable"), "HubSpot is down.", true).await.unwrap();
    assert!(store.start_writing(waiting, WRITING).await.unwrap());
    assert_eq!(store.sync(holder).await.unwrap().unwrap().error.as_deref(), Some("HubSpot is down."));

    let brief = Writing { lease: Duration::ZERO, ..WRITING };
    store.start_writing(waiting, brief).await.unwrap();
    assert!(store.start_writing(holder, WRITING).await.unwrap(), "a lease that is over holds nobody up");
}

#[tokio::test]
async fn a_record_counts_as_keyed_only_if_every_attempt_was() {
    let fixture = Fixture::new().await;
    let (store, key) = (&fixture.database.store, fixture.sync_of(1));
    let keyed = Writing { keyed: true, ..WRITING };
    store.open_sync(&key).await.unwrap();
    for (writing, expected) in [(keyed, true), (keyed, true), (WRITING, false), (keyed, false)] {
        assert!(store.start_writing(&key, writing).await.unwrap());
        assert_eq!(store.sync(&key).await.unwrap().unwrap().keyed, expected);
    }
}

#[tokio::test]
async fn a_disabled_integration_is_planned_for_and_one_that_is_off_or_removed_is_not() {
    let fixture = Fixture::new().await;
    let (store, tenant, id) = (&fixture.database.store, &fixture.tenant, &fixture.integration);
    let planned = async || store.integrations_to_sync(tenant).await.unwrap().len();
    let state = async || store.integration(tenant, id).await.unwrap().unwrap().state;
    let code = Code::new("gone");
    let (_, as_of) = store.integration_as_of(tenant, id).await.unwrap().unwrap();
    assert!(store.disable_integration(tenant, id, as_of, code, "the endpoint answered 410").await.unwrap());
    assert!(!store.disable_integration(tenant, id, as_of, code, "once is enough").await.unwrap());
    let IntegrationState::Disabled(Disabled { code, reason, .. }) = state().await else { panic!() };
    assert_eq!((code.as_str(), reason.as_str()), ("gone", "the endpoint answered 410"));
    assert_eq!(planned().await, 1, "its sessions wait");

    for (to, count) in [(IntegrationState::Off, 0), (IntegrationState::On, 1), (IntegrationState::Removed, 0)] {
        assert!(store.switch_integration(tenant, id, &to).await.unwrap());
        assert_eq!((state().await, planned().await), (to, count));
    }
    assert!(!store.switch_integration(tenant, id, &IntegrationState::On).await.unwrap(), "what is removed stays so");
    let removed = store.integration(tenant, id).await.unwrap().unwrap();
    store.save_integration(&Integration { state: IntegrationState::On, ..removed }).await.unwrap();
    assert_eq!((state().await, planned().await), (IntegrationState::On, 1));
}

#[tokio::test]
async fn one_sync_at_a_time_makes_a_person() {
    let fixture = Fixture::new().await;
    let store = &fixture.database.store;
    let (one, other_session) = (fixture.sync_of(1), "s-2".parse().unwrap());
    let other = SyncKey { session_id: &other_session, ..one };
    let address = |address: &str| AddressHash::of(&fixture.tenant, &address.parse().unwrap());
    let (ana, ben) = (address("ana@example.com"), address("ben@example.com"));
    let (long, short) = (Duration::from_secs(60), Duration::ZERO);
    assert!(store.take_person(&one, &ana, long).await.unwrap());
    assert!(!store.take_person(&other, &ana, long).await.unwrap());
    assert!(store.take_person(&other, &ben, long).await.unwrap(), "somebody else");
    assert!(store.take_person(&one, &ana, long).await.unwrap(), "its own");
    assert!(!store.take_person(&fixture.sync_of(2), &ana, long).await.unwrap(), "another version");
    store.release_person(&fixture.sync_of(2), &ana).await.unwrap();
    store.release_person(&other, &ana).await.unwrap();
    assert!(!store.take_person(&other, &ana, long).await.unwrap(), "only the holder releases it");
    store.release_person(&one, &ana).await.unwrap();
    assert!(store.take_person(&other, &ana, short).await.unwrap());
    assert!(store.take_person(&one, &ana, long).await.unwrap(), "the lease is over");
    let elsewhere = "no-such".parse().unwrap();
    let unknown = SyncKey { integration_id: &elsewhere, ..one };
    assert!(!store.take_person(&unknown, &ana, long).await.unwrap());
}

#[tokio::test]
async fn what_was_found_of_an_integration_before_it_was_fixed_does_not_disable_it() {
    let fixture = Fixture::new().await;
    let (store, tenant, id) = (&fixture.database.store, &fixture.tenant, &fixture.integration);
    let code = Code::new("unauthorized");
    let (_, before) = store.integration_as_of(tenant, id).await.unwrap().unwrap();
    assert!(store.disable_integration(tenant, id, before, code, "No.").await.unwrap());
    assert!(store.switch_integration(tenant, id, &IntegrationState::On).await.unwrap());
    assert!(!store.disable_integration(tenant, id, before, code, "No.").await.unwrap());
    let (integration, _) = store.integration_as_of(tenant, id).await.unwrap().unwrap();
    assert_eq!(integration.state, IntegrationState::On);
}

#[tokio::test]
async fn a_sync_that_is_replayed_and_held_says_why_and_has_not_failed() {
    let fixture = Fixture::new().await;
    let (store, key) = (&fixture.database.store, fixture.sync_of(1));
    store.open_sync(&key).await.unwrap();
    let rejected = Code::new("rejected");
    store
        .record_not_synced(&key, SyncStatus::Failed, rejected, Some("HubSpot refuses the request."), true)
        .await
        .unwrap();
    // It is replayed.
    store.put_off_sync(&key, Code::new("circuit_open"), "HubSpot is down.", false).await.unwrap();
    let sync = store.sync(&key).await.unwrap().unwrap();
    assert_eq!((sync.status, sync.tries), (SyncStatus::Pending, 1));
    assert_eq!((sync.code.as_deref(), sync.error.as_deref()), (Some("circuit_open"), Some("HubSpot is down.")));
}

#[tokio::test]
async fn a_step_that_fails_without_its_function_ends_the_sync_of_its_version_only() {
    let fixture = Fixture::new().await;
    let store = &fixture.database.store;
    let [first, second] = [1, 2].map(|version| fixture.sync_of(version));
    for key in [&first, &second] {
        store.open_sync(key).await.unwrap();
        assert!(store.start_writing(key, Writing { lease: Duration::ZERO, ..WRITING }).await.unwrap());
    }
    store.put_off_sync(&second, Code::new("unavailable"), "HubSpot is down.", true).await.unwrap();
    let client = fixture.database.client().await;
    for sql in [
        "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, message)
         VALUES ('acme', 's-1', 'crm_sync', 1, 'hook', ''), ('acme', 's-1', 'crm_sync', 2, 'hook', ''),
                ('acme', 's-1', 'notify', 1, '', '')",
        "UPDATE sessions SET open_steps = 3",
    ] {
        client.execute(sql, &[]).await.unwrap();
    }
    for step in [Step::CrmSync { version: 2, integration: fixture.integration.clone() }, Step::Notify { version: 1 }] {
        let key = StepKey { tenant_id: fixture.tenant.clone(), session_id: fixture.session.clone(), step };
        let claim = store.claim_step(&key, Duration::from_secs(60), false).await.unwrap();
        let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
        store.finish_step(&claimed, Ending::Failed(Code::new("lost"))).await.unwrap();
    }
    let [first, second] = [store.sync(&first).await.unwrap().unwrap(), store.sync(&second).await.unwrap().unwrap()];
    assert_eq!((first.status, first.code), (SyncStatus::Writing, None));
    assert_eq!((second.status, second.code.as_deref()), (SyncStatus::Failed, Some("lost")));
    let explanation = "HubSpot is down. The sync was started and never finished, although it was repeated. Replay it.";
    assert_eq!(second.error.as_deref(), Some(explanation));
}
