//! Events that are sent once more, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::message::{CrmSyncMessage, StepMessage};
use domain::step::{Step, StepKey};
use store::replays::{PlannedReplay, ReplayRange};
use store::steps::Claim;
use store::testing::TestDatabase;
use tokio_postgres::Client;
use uuid::Uuid;

const MAIL: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const REPLAY: Uuid = Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_ad92);

struct World {
    database: TestDatabase,
    client: Client,
    tenant: TenantId,
    hook: IntegrationId,
}

impl World {
    /// Webhooks `hook` and `other`, and HubSpot, with five sessions sent to each at 10:01 to 10:05.
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let client = database.client().await;
        let world = Self { database, client, tenant: "acme".parse().unwrap(), hook: "hook".parse().unwrap() };
        for sql in [
            "INSERT INTO tenants (tenant_id, name) VALUES ('acme', 'Acme')",
            r#"INSERT INTO integrations (tenant_id, integration_id, config, secret_name)
               VALUES ('acme', 'hook', '{"kind":"webhook","url":"x"}', 's'), ('acme', 'hubspot', '{"kind":"hubspot"}', 's'),
                      ('acme', 'other', '{"kind":"webhook","url":"x"}', 's')"#,
            "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at)
             SELECT 'acme', 's-' || n, 'agent', 'text', now() FROM generate_series(1, 5) n",
            "INSERT INTO analyses (tenant_id, session_id, version, status, document)
             SELECT 'acme', 's-' || n, v, 'ok', '{}' FROM generate_series(1, 5) n, generate_series(1, 2) v",
            "INSERT INTO integration_log (tenant_id, session_id, integration_id, analysis_version, status, attempts, updated_at)
             SELECT 'acme', 's-' || n, i, v, CASE n WHEN 5 THEN 'failed' ELSE 'done' END, 1,
                    timestamptz '2026-11-22T10:00:00Z' + n * interval '1 minute'
             FROM generate_series(1, 5) n, unnest(ARRAY['hook', 'hubspot']) i, generate_series(1, 2) v",
        ] {
            world.sql(sql).await;
        }
        world
    }

    async fn sql(&self, sql: &str) {
        self.client.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// An event of the webhook with an entry in the log of its attempts, at 10:0`minute`.
    async fn attempt(&self, session: u32, columns: &str, values: &str, minute: u32) {
        self.sql(&format!(
            "WITH event AS (
                 INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, {columns})
                 VALUES ('acme', gen_random_uuid(), 's-{session}', 'hook', {values}) RETURNING event_id
             )
             INSERT INTO webhook_attempts (tenant_id, attempt_id, integration_id, session_id, webhook_id, event_id, began_at,
                                           duration_ms)
             SELECT 'acme', gen_random_uuid(), 'hook', 's-{session}', 'msg', event_id,
                    timestamptz '2026-11-22T10:00:00Z' + {minute} * interval '1 minute', 1
             FROM event, generate_series(1, 2)"
        ))
        .await;
    }

    async fn failed(&self, session: u32, minute: u32) {
        self.attempt(session, "type, code, occurrence", "'session.failed', 'lost', 1", minute).await;
    }

    async fn mailed(&self, session: u32, status: &str, minute: u32) {
        let values = format!("'email.status', '{MAIL}', '{status}'");
        self.attempt(session, "type, email_id, email_status", &values, minute).await;
    }

    async fn plan_for(&self, integration: &str, range: &ReplayRange, limit: i64) -> Vec<PlannedReplay> {
        let integration = integration.parse().unwrap();
        self.database.store.plan_replays(&self.tenant, &integration, REPLAY, range, limit).await.unwrap()
    }

    async fn plan(&self, range: &ReplayRange, limit: i64) -> Vec<String> {
        let planned = self.plan_for(self.hook.as_ref(), range, limit).await;
        let mut texts = Vec::new();
        for planned in &planned {
            texts.push(self.text(planned).await);
        }
        texts
    }

    fn key(&self, planned: &PlannedReplay) -> StepKey {
        let PlannedReplay { session_id, event_id, .. } = planned;
        let step = Step::WebhookEvent { integration: self.hook.clone(), event_id: *event_id };
        StepKey { tenant_id: self.tenant.clone(), session_id: session_id.clone(), step }
    }

    /// Session and event of a step whose message is well formed.
    async fn text(&self, planned: &PlannedReplay) -> String {
        let message: CrmSyncMessage = serde_json::from_str(&planned.message).unwrap();
        assert_eq!(message.step_key(), self.key(planned));
        let event = self.database.store.webhook_event(&self.tenant, planned.event_id).await.unwrap().unwrap();
        assert!(event.is_replay);
        format!("{} {}", planned.session_id, event.event)
    }

    async fn steps(&self) -> i64 {
        self.client.query_one("SELECT count(*) FROM steps WHERE kind = 'webhook_event'", &[]).await.unwrap().get(0)
    }
}

fn session(id: &str) -> ReplayRange {
    ReplayRange::Session(id.parse().unwrap())
}

fn at(minute: u32) -> DateTime<Utc> {
    format!("2026-11-22T10:{minute:02}:00Z").parse().unwrap()
}

fn between(from: u32, to: u32, after: Option<&str>) -> ReplayRange {
    let after: Option<SessionId> = after.map(|after| after.parse().unwrap());
    ReplayRange::Between { from: at(from), to: at(to), after }
}

#[tokio::test]
async fn all_events_of_a_session_that_a_webhook_got_are_planned_once_more() {
    let world = World::new().await;
    world
        .sql(&format!(
            "INSERT INTO email_log (tenant_id, email_id, session_id, template, status)
         VALUES ('acme', '{MAIL}', 's-1', 'x', 'delivered')"
        ))
        .await;
    let mail = |status: &str| format!("email.status@{MAIL}@{status}");
    world.failed(1, 1).await;
    for status in ["sent", "delivered"] {
        world.mailed(1, status, 1).await;
    }
    let expected = [
        format!("s-1 {}", mail("delivered")),
        format!("s-1 {}", mail("sent")),
        "s-1 session.analyzed".to_owned(),
        "s-1 session.analyzed@2".to_owned(),
        "s-1 session.failed@lost".to_owned(),
    ];
    assert_eq!(world.plan(&session("s-1"), 10).await, expected);
    assert_eq!(world.plan(&session("s-1"), 10).await, expected, "the same again");
    assert_eq!(world.steps().await, 5, "and no step twice");
    let row = world.client.query_one("SELECT open_steps, status FROM sessions WHERE session_id = 's-1'", &[]).await;
    let row = row.unwrap();
    assert_eq!((row.get::<_, i32>(0), row.get::<_, &str>(1)), (0, "active"), "the session does not wait for them");

    let planned = world.plan_for("hook", &session("s-1"), 10).await.remove(0);
    let key = world.key(&planned);
    let claim = world.database.store.claim_step(&key, std::time::Duration::from_secs(9), false).await.unwrap();
    assert!(matches!(&claim, Claim::Run(_, message) if *message == planned.message), "{claim:?}");
}

#[tokio::test]
async fn a_range_is_planned_page_by_page_and_whole_sessions_at_a_time() {
    let world = World::new().await;
    world.failed(1, 9).await;
    world.failed(3, 2).await;
    let replayed = "'session.failed', 'lost', 1, gen_random_uuid()";
    world.attempt(4, "type, code, occurrence, replay_id", replayed, 2).await;
    let pages = [
        (None, 4, vec!["s-2 session.analyzed", "s-2 session.analyzed@2"]),
        (
            None,
            5,
            vec![
                "s-2 session.analyzed",
                "s-2 session.analyzed@2",
                "s-3 session.analyzed",
                "s-3 session.analyzed@2",
                "s-3 session.failed@lost",
            ],
        ),
        (Some("s-2"), 1, vec!["s-3 session.analyzed", "s-3 session.analyzed@2", "s-3 session.failed@lost"]),
        (Some("s-3"), 2, vec!["s-4 session.analyzed", "s-4 session.analyzed@2"]),
        (Some("s-4"), 2, vec![]),
    ];
    for (after, limit, expected) in pages {
        assert_eq!(world.plan(&between(2, 5, after), limit).await, expected, "{limit} after {after:?}");
    }
    assert_eq!(world.plan(&between(5, 9, None), 2).await, ["s-5 session.analyzed", "s-5 session.analyzed@2"]);
    assert_eq!(world.plan(&between(9, 10, None), 2).await, ["s-1 session.failed@lost"]);
}

#[tokio::test]
async fn events_that_were_never_sent_or_can_no_longer_be_sent_are_not_planned() {
    let world = World::new().await;
    world.mailed(4, "sent", 1).await;
    for sql in [
        "UPDATE integration_log SET attempts = 0, status = 'failed' WHERE session_id = 's-1'",
        "UPDATE integration_log SET status = 'skipped' WHERE session_id = 's-2'",
        "UPDATE integration_log SET status = 'writing' WHERE session_id = 's-3' AND analysis_version = 1",
        "DELETE FROM analyses WHERE session_id = 's-4'",
        "UPDATE sessions SET erased_at = now() WHERE session_id = 's-5'",
    ] {
        world.sql(sql).await;
    }
    assert_eq!(world.plan(&between(0, 59, None), 10).await, ["s-3 session.analyzed@2"]);
    for id in ["s-1", "s-2", "s-4", "s-5", "s-6"] {
        assert_eq!(world.plan(&session(id), 10).await, Vec::<String>::new(), "{id}");
    }
    for integration in ["other", "hubspot", "nobody"] {
        assert_eq!(world.plan_for(integration, &session("s-3"), 10).await, [], "{integration}");
    }
    world.sql("UPDATE integrations SET removed_at = now() WHERE integration_id = 'hook'").await;
    assert_eq!(world.plan(&session("s-3"), 10).await, Vec::<String>::new());
    assert_eq!(world.steps().await, 1);
}
