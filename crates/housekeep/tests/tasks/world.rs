//! A tenant, and the function that keeps house for it.

use std::time::{Duration, Instant};

use chrono::Utc;
use connectors::{AllowedHosts, Connectors};
use domain::id::TenantId;
use domain::session::Session;
use domain::settings::TenantSettings;
use housekeep::{AlertsReport, Context, Error, HousekeepTask, QueuePair, StepQueues, TaskReport};
use mail::Sender;
use serde_json::{Value, json};
use stage::testing::MemoryQueues;
use store::sessions::NotifiedSession;
use store::testing::{self, TestDatabase};

use mail::testing::{FakeSes, SesAnswer};

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) ses: FakeSes,
    pub(crate) context: Context<MemoryQueues>,
}

pub(crate) fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

impl World {
    /// A database with the tenant `acme` and its session `s-1`.
    pub(crate) async fn new(script: impl IntoIterator<Item = SesAnswer>) -> Self {
        let (database, ses) = (TestDatabase::create().await, FakeSes::start(script).await);
        let pair = |name: &str| QueuePair { url: name.to_owned(), dead_letter_url: format!("{name}-dead") };
        let config = connectors::Config {
            hubspot_base_url: "http://127.0.0.1:9".to_owned(),
            secret_prefix: "post-session/test/".to_owned(),
            salesforce_allowed_hosts: AllowedHosts::default(),
            webhook_allowed_hosts: AllowedHosts::default(),
        };
        let aws = ses.sdk_config();
        let context = Context {
            connectors: Connectors::new(&config, &aws, database.store.clone()).unwrap(),
            store: database.store.clone(),
            store_config: database.config.clone(),
            queues: MemoryQueues::default(),
            step_queues: StepQueues { analyze: pair("analyze"), notify: pair("notify"), crm_sync: pair("crm-sync") },
            lost_after: Duration::from_secs(3600),
            sender: Sender::new(&aws, None),
            sender_address: "post@example.org".parse().unwrap(),
            region: "eu-west-1".to_owned(),
            clock: Utc::now,
        };
        let world = Self { database, ses, context };
        world.save("acme", json!({})).await;
        world.accept("acme", "s-1").await;
        world
    }

    pub(crate) async fn save(&self, tenant_id: &str, settings: Value) {
        let settings: TenantSettings = serde_json::from_value(settings).unwrap();
        self.database.store.save_tenant(&tenant(tenant_id), "Acme", &settings).await.unwrap();
    }

    pub(crate) async fn accept(&self, tenant_id: &str, session_id: &str) {
        let tenant_id = tenant(tenant_id);
        self.accept_session(&Session { tenant_id, ..testing::session(session_id) }).await;
    }

    pub(crate) async fn accept_session(&self, session: &Session) {
        let notification = NotifiedSession { session, transcript: None, hash: b"hash", message: "{}" };
        self.database.store.accept_session(&notification).await.unwrap();
    }

    pub(crate) async fn handle(&self, task: HousekeepTask) -> Result<TaskReport, Error> {
        handle(&self.context, task).await
    }

    pub(crate) async fn sql(&self, sql: &str) -> u64 {
        let changed = self.database.client().await.execute(sql, &[]).await;
        changed.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// The texts of the query's only column, in its order.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.database.client().await.query(sql, &[]).await;
        rows.unwrap_or_else(|error| panic!("{sql}: {error:?}")).iter().map(|row| row.get(0)).collect()
    }
}

/// Invokes with enough time.
pub(crate) async fn handle(context: &Context<MemoryQueues>, task: HousekeepTask) -> Result<TaskReport, Error> {
    housekeep::handle(context, task, Instant::now() + Duration::from_secs(60)).await
}

/// Failures and alerts.
impl World {
    pub(crate) async fn fail(&self, tenant_id: &str, kind: &str, code: &str, times: u32) {
        for _ in 0..times {
            self.sql(&format!(
                "INSERT INTO failures (tenant_id, session_id, kind, code)
                 VALUES ('{tenant_id}', 's-1', '{kind}', '{code}')"
            ))
            .await;
        }
    }

    /// Moves failures and alerts into the past.
    pub(crate) async fn minutes_pass(&self, minutes: u32) {
        let by = format!("- interval '{minutes} minutes'");
        self.sql(&format!("UPDATE failures SET occurred_at = occurred_at {by}")).await;
        self.sql(&format!(
            "UPDATE alerts SET opened_at = opened_at {by}, closed_at = closed_at {by}, mail_at = mail_at {by},
                 last_failure_at = last_failure_at {by}, recovery_at = recovery_at {by}"
        ))
        .await;
    }

    pub(crate) async fn look(&self) -> AlertsReport {
        match self.handle(HousekeepTask::Alerts).await.unwrap() {
            TaskReport::Alerts(report) => report,
            other => panic!("{other:?}"),
        }
    }

    /// Rule, how it closed, and how far its mails are, of all alerts.
    pub(crate) async fn alerts(&self) -> Vec<String> {
        let alert = "concat_ws(' ', rule, coalesce(closed_as, 'open'), mail_status, mail_code, recovery_status)";
        self.texts(&format!("SELECT {alert} FROM alerts ORDER BY tenant_id, opened_at, rule")).await
    }

    /// Recipients and subjects of all requests to SES.
    pub(crate) fn mails(&self) -> Vec<(Value, String)> {
        let mail = |mail: Value| {
            let subject = mail["Content"]["Simple"]["Subject"]["Data"].as_str().unwrap().to_owned();
            (mail["Destination"].clone(), subject)
        };
        self.ses.requests().into_iter().map(mail).collect()
    }

    pub(crate) fn subjects(&self) -> Vec<String> {
        self.mails().into_iter().map(|(_, subject)| subject).collect()
    }
}

/// Settings with an admin, one threshold for all steps, and a cool-down of an hour.
pub(crate) fn watched() -> Value {
    json!({ "alerts": { "admins": ["ops@example.com"], "thresholds": [{ "failures": 3, "minutes": 10 }] } })
}
