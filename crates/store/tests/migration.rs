//! The migrations after the first, each on a database with rows of the release before it.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]
#![expect(clippy::disallowed_methods, reason = "migrations and what the release before wrote are scripts")]

use std::time::Duration;

use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::{Disabled, IntegrationState};
use domain::session::SessionStatus;
use domain::settings::redaction::ShownText;
use domain::step::{Code, Step, StepKey};
use store::Store;
use store::email_events::{EmailEvent, EventRecord};
use store::email_log::{EmailKey, EmailStatus, NewEmail};
use store::erasure::{Erased, Erasure};
use store::integration_log::{SyncKey, SyncStatus};
use store::reanalysis::Reanalysis;
use store::steps::{Claim, Ending};
use store::suppressions::SuppressionReason;
use store::testing::TestDatabase;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

const FIRST: &str = include_str!("../migrations/V1__initial.sql");
const SECOND: &str = include_str!("../migrations/V2__analysis_history.sql");
const THIRD: &str = include_str!("../migrations/V3__email.sql");
const FOURTH: &str = include_str!("../migrations/V4__integrations.sql");

const ROWS: &str = r#"
INSERT INTO tenants (tenant_id, name) VALUES ('acme', 'Acme');
INSERT INTO integrations (tenant_id, integration_id, config, secret_name) VALUES ('acme', 'hub', '{"kind":"hubspot"}', 's');
INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status, open_steps, failed_steps,
                      failure_code)
VALUES ('acme', 's-1', 'a', 'text', now(), now(), 'completed', 0, 0, NULL),
       ('acme', 's-2', 'a', 'text', now(), now(), 'failed', 0, 1, 'model_refused');
INSERT INTO analyses (tenant_id, session_id, version, status, document) VALUES ('acme', 's-1', 1, 'ok', '{"status":"ok","code":null,"intent":{"primary_purpose":"p","objectives":[]},"summary":{"text":"t","key_points":[]},
"category":{"label":"others","confidence":0.5,"justification":{"reasoning":"r","evidence":[{"turn":1,"quote":"q"}]}},
"sentiment":{"average":0.0,"label":"neutral","timeline":[{"turn":1,"score":0.0,"emotion":"calm"}],
"shifts":[{"from_turn":1,"to_turn":3,"from":0.0,"to":0.1,"cause":"c"}],"patterns":[]},"topics":[],"insights":[],
"action_items":[],"custom_metrics":{},"conversation":{"turns":4,"visitor_turns":2,"agent_turns":2,"words":9,
"talk_ratio":0.5,"duration_s":60},"coverage":{"turns_total":4,"turns_analysed":4,"chunks":1,"chunks_failed":0},
"usage":{"model":"m","prompt_version":"v1","attempts":1,"input_tokens":1,"output_tokens":1,"cached_tokens":0,
"cost_usd":null,"latency_ms":1,"quotes_dropped":0}}');
INSERT INTO steps (tenant_id, session_id, step, status, message, attempt, tries)
VALUES ('acme', 's-1', 'analyze', 'done', '', 1, 1), ('acme', 's-1', 'crm_sync:hub', 'done', '', 1, 0),
       ('acme', 's-2', 'analyze', 'failed', '', 3, 3);
INSERT INTO email_log (tenant_id, email_id, session_id, template, status)
VALUES ('acme', gen_random_uuid(), 's-1', 'session-summary', 'sent');
INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
SELECT 'acme', email_id, 'Send', now(), '{}' FROM email_log;
INSERT INTO integration_log (tenant_id, session_id, integration_id, status, contact_id, record_id, attempts)
VALUES ('acme', 's-1', 'hub', 'done', 'c-1', 'n-1', 1);
"#;

/// The columns without the key.
const EMAIL_COLUMNS: &str = "
ALTER TABLE email_log ADD COLUMN template_version integer, ADD COLUMN locale text, ADD COLUMN attachments text[],
    ADD COLUMN attachments_left_out text, ADD COLUMN resent_at timestamptz";

/// What the second release writes beside these.
const SECOND_ROWS: &str = r#"
INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status, visitor_email)
VALUES ('acme', 's-3', 'a', 'text', now(), now(), 'completed', ' Ana@Example.com ');
INSERT INTO email_log (tenant_id, email_id, session_id, template, analysis_version, status, recipient)
VALUES ('acme', gen_random_uuid(), 's-3', 'session-summary', 1, 'sending', 'Ana@example.com'),
       ('acme', gen_random_uuid(), 's-3', 'session-summary', 2, 'skipped', NULL);
"#;

/// What the third release writes beside these: it disabled for one reason, and left the reason where somebody switched
/// off.
const THIRD_ROWS: &str = r#"
INSERT INTO integrations (tenant_id, integration_id, config, secret_name, enabled, disabled_reason)
VALUES ('acme', 'gone', '{"kind":"webhook","url":"https://x"}', 's', false, 'The endpoint answered 410 Gone.'),
       ('acme', 'off', '{"kind":"webhook","url":"https://x"}', 's', false, NULL);
"#;

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

struct World {
    url: String,
    store: Store,
    client: Client,
    tenant: TenantId,
    session: SessionId,
    integration: IntegrationId,
}

impl World {
    /// A database of the release before, with rows.
    async fn before() -> Self {
        let config = TestDatabase::create_empty().await;
        let client = connect(&config.url).await;
        client.batch_execute(FIRST).await.unwrap();
        client.batch_execute(ROWS).await.unwrap();
        let [tenant, session, integration] = ["acme", "s-1", "hub"];
        let (tenant, session) = (tenant.parse().unwrap(), session.parse().unwrap());
        let (store, integration) = (Store::new(&config).unwrap(), integration.parse().unwrap());
        Self { url: config.url, store, client, tenant, session, integration }
    }

    /// A database of this release, with rows of each release before.
    async fn migrated() -> Self {
        let world = Self::before().await;
        world.client.batch_execute(SECOND).await.unwrap();
        world.client.batch_execute(SECOND_ROWS).await.unwrap();
        world.client.batch_execute(THIRD).await.unwrap();
        world.client.batch_execute(THIRD_ROWS).await.unwrap();
        world.client.batch_execute(FOURTH).await.unwrap();
        world
    }

    fn email(&self, analysis_version: i32) -> NewEmail<'_> {
        let (tenant_id, session_id) = (&self.tenant, &self.session);
        let key = EmailKey { tenant_id, session_id, analysis_version };
        NewEmail { key, template: "session-summary", locale: None, recipient: None }
    }

    fn sync(&self, analysis_version: i32) -> SyncKey<'_> {
        let (tenant_id, session_id, integration_id) = (&self.tenant, &self.session, &self.integration);
        SyncKey { tenant_id, session_id, integration_id, analysis_version }
    }
}

#[tokio::test]
async fn rows_of_the_release_before_are_those_of_the_first_version() {
    let world = World::migrated().await;
    let World { store, tenant, session, .. } = &world;
    assert_eq!(store.queue_email(&world.email(1)).await.unwrap().status, EmailStatus::Sent);
    assert_eq!(store.queue_email(&world.email(2)).await.unwrap().status, EmailStatus::Queued);
    let sync = store.open_sync(&world.sync(1)).await.unwrap();
    assert_eq!((sync.status, sync.record_id.as_deref()), (SyncStatus::Done, Some("n-1")));
    assert_eq!(store.open_sync(&world.sync(2)).await.unwrap().status, SyncStatus::Pending);
    assert_eq!(store.other_record(&world.sync(2)).await.unwrap().unwrap().record_id, "n-1");
    let shown = store.shown_analysis(tenant, session, 1, ShownText::Original).await.unwrap();
    assert_eq!(shown.unwrap().usage.prompt_version.as_deref(), Some("v1"));
    assert_eq!(store.model_usage(tenant, session, 1).await.unwrap().attempts, 0);
}

#[tokio::test]
async fn integrations_of_the_release_before_stay_as_they_were() {
    let world = World::migrated().await;
    let state =
        async |id: &str| world.store.integration(&world.tenant, &id.parse().unwrap()).await.unwrap().unwrap().state;
    let gone = state("gone").await;
    assert!(matches!(&gone, IntegrationState::Disabled(Disabled { code, .. }) if code == "gone"), "{gone:?}");
    assert_eq!((state("hub").await, state("off").await), (IntegrationState::On, IntegrationState::Off));
}

#[tokio::test]
async fn sessions_of_the_release_before_can_be_analysed_again_and_replayed() {
    let world = World::migrated().await;
    let World { store, tenant, session, .. } = &world;
    let lease = Duration::from_secs(30);
    assert_eq!(store.plan_reanalysis(tenant, session, 2, "again").await.unwrap(), Reanalysis::Planned);
    for (session, version, replay) in [("s-1", 2, false), ("s-2", 1, true)] {
        let session_id: SessionId = session.parse().unwrap();
        let key = StepKey { tenant_id: tenant.clone(), session_id, step: Step::Analyze { version } };
        let claim = store.claim_step(&key, lease, replay).await.unwrap();
        let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
        assert!(store.park_step(&claimed, Duration::ZERO, Code::new("budget_spent")).await.unwrap());
        let claim = store.claim_step(&key, lease, false).await.unwrap();
        let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
        assert_eq!(store.finish_step(&claimed, Ending::Done).await.unwrap(), Some(SessionStatus::Completed));
    }
}

#[tokio::test]
async fn a_migration_that_does_not_get_a_lock_is_undone_and_can_be_run_again() {
    let world = World::before().await;
    for (migration, table) in [(SECOND, "integration_log"), (THIRD, "steps"), (FOURTH, "integrations")] {
        let impatient = migration.replace("lock_timeout = '5s'", "lock_timeout = '50ms'");
        assert_ne!(impatient, migration);
        let holder = connect(&world.url).await;
        holder.batch_execute(&format!("BEGIN; LOCK {table} IN ROW EXCLUSIVE MODE")).await.unwrap();
        let error = world.client.batch_execute(&impatient).await.unwrap_err();
        assert_eq!(error.code().map(SqlState::code), Some("55P03"));
        holder.batch_execute("COMMIT").await.unwrap();
        world.client.batch_execute(&impatient).await.unwrap();
        let timeout = world.client.query_one("SELECT current_setting('lock_timeout')", &[]).await.unwrap();
        assert_eq!(timeout.get::<_, String>(0), "0", "it ends with the migration");
    }
}

#[tokio::test]
async fn a_schema_that_is_still_to_be_migrated_is_waited_for() {
    let world = World::before().await;
    world.client.batch_execute(SECOND).await.unwrap();
    let address = domain::address_hash::AddressHash::from([0; 32]);
    let queue = async || world.store.queue_email(&world.email(2)).await.unwrap_err();
    let column = queue().await;
    let table = world.store.suppressions(&world.tenant, &[address]).await.unwrap_err();
    world.client.batch_execute(EMAIL_COLUMNS).await.unwrap();
    let key = queue().await;
    for (error, state) in [(column, "42703"), (table, "42P01"), (key, "42P10")] {
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.is_retryable() && source.starts_with(state), "{source}");
    }
}

#[tokio::test]
async fn code_of_the_release_before_fails_at_the_swapped_keys_before_it_has_done_anything() {
    let world = World::migrated().await;
    for insert in [
        "INSERT INTO email_log (tenant_id, email_id, session_id, template, status)
         VALUES ('acme', gen_random_uuid(), 's-2', 'session-summary', 'queued')
         ON CONFLICT (tenant_id, session_id, template) DO NOTHING",
        "INSERT INTO integration_log (tenant_id, session_id, integration_id) VALUES ('acme', 's-2', 'hub')
         ON CONFLICT (tenant_id, session_id, integration_id) DO NOTHING",
        "INSERT INTO email_log (tenant_id, email_id, session_id, template, analysis_version, status)
         VALUES ('acme', gen_random_uuid(), 's-2', 'session-summary', 1, 'queued')
         ON CONFLICT (tenant_id, session_id, template, analysis_version) DO NOTHING",
        "INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
         SELECT 'acme', email_id, 'Open', now(), '{}' FROM email_log
         ON CONFLICT (tenant_id, email_id, type, occurred_at) DO NOTHING",
    ] {
        let error = world.client.execute(insert, &[]).await.unwrap_err();
        assert_eq!(error.code().map(SqlState::code), Some("42P10"));
    }
}

#[tokio::test]
async fn a_mail_of_the_release_before_goes_on_with_its_events() {
    let world = World::migrated().await;
    let session_id: SessionId = "s-3".parse().unwrap();
    let key = EmailKey { tenant_id: &world.tenant, session_id: &session_id, analysis_version: 1 };
    let email = world.store.email(&key).await.unwrap().unwrap();
    assert_eq!((email.status, email.recipient.as_deref()), (EmailStatus::Sending, Some("Ana@example.com")));
    assert_eq!((email.template_version, email.locale, email.attachments), (None, None, Vec::new()));

    let visitor = domain::address_hash::AddressHash::of(&world.tenant, &"ana@example.com".parse().unwrap());
    let event = EmailEvent {
        tenant_id: &world.tenant,
        email_id: email.email_id,
        kind: "Complaint",
        occurred_at: email.created_at,
        detail: &serde_json::json!({}),
        provider_id: "ses-1",
        sent_at: email.created_at,
        status: EmailStatus::Complained,
        concerns: Some(&[visitor]),
        suppress: Some(SuppressionReason::Complaint),
    };
    let recorded = world.store.record_email_event(&event).await.unwrap();
    assert_eq!(
        recorded,
        EventRecord::Recorded { session_id: session_id.clone(), suppressed: 1 },
        "its recipient was the visitor only"
    );
    assert_eq!(world.store.email(&key).await.unwrap().unwrap().status, EmailStatus::Complained);
}

#[tokio::test]
async fn a_session_of_the_release_before_is_erased_by_its_plain_address() {
    let world = World::migrated().await;
    let erasure = Erasure { tenant_id: &world.tenant, address: &"ana@example.com".parse().unwrap() };
    let erased = world.store.erase_sessions(&erasure, 10).await.unwrap();
    assert_eq!((erased.sessions, erased.mails), (1, 2));
    assert_eq!(world.store.erase_sessions(&erasure, 10).await.unwrap(), Erased::default());
}
