//! A tenant, a session and one integration, in a database of their own.

use domain::event::Event;
use domain::integration::{Connection, Integration, IntegrationConfig, IntegrationState};
use domain::message::CrmSyncMessage;
use domain::session::Visitor;
use domain::settings::TenantSettings;
use serde_json::{Value, json};
use store::analyses::NewAnalysis;
use store::testing::{self, TestDatabase};
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use crate::function::{self, PATIENCE};
use crate::lambda::Lambda;
use crate::proxy::{Moment, Point, Proxy};

/// Rounds in which a message that comes back has to be done.
const DELIVERIES: usize = 10;

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) lambda: Lambda,
    pub(crate) proxy: Proxy,
    environment: Vec<(&'static str, String)>,
    message: String,
}

/// The session and the integration of a sync.
pub(crate) struct Setting<'a> {
    pub(crate) upstream: &'a str,
    /// Given where the third party is to be found.
    pub(crate) config: &'a dyn Fn(&str) -> Value,
    pub(crate) connection: Connection,
    pub(crate) secret: &'a str,
    /// `None`: the analysis.
    pub(crate) event: Option<Event>,
}

impl World {
    /// The session `s-1` of Ana, and the message about it.
    pub(crate) async fn new(setting: &Setting<'_>) -> Self {
        let database = TestDatabase::create().await;
        let lambda = Lambda::start(&[("post-session/test/acme/it", setting.secret)]).await;
        let proxy = Proxy::before(setting.upstream, &lambda.address).await;
        let config: IntegrationConfig = serde_json::from_value((setting.config)(&proxy.url)).unwrap();
        let store = &database.store;
        let (tenant_id, integration_id) = ("acme".parse().unwrap(), "it".parse().unwrap());
        store.save_tenant(&tenant_id, "Acme", &TenantSettings::default()).await.unwrap();
        let integration = Integration {
            tenant_id,
            integration_id,
            state: IntegrationState::On,
            config,
            secret_name: "post-session/test/acme/it".into(),
            connection: setting.connection.clone(),
        };
        store.save_integration(&integration).await.unwrap();
        let message = plan(&database, &integration, setting.event.clone()).await;
        let host = proxy.url.trim_start_matches("http://").to_owned();
        let environment = vec![
            ("AWS_ENDPOINT_URL", proxy.aws_url.clone()),
            ("DATABASE_URL", database.config.url.clone()),
            ("HUBSPOT_BASE_URL", proxy.url.clone()),
            ("SALESFORCE_ALLOWED_HOSTS", host.clone()),
            ("WEBHOOK_ALLOWED_HOSTS", host),
        ];
        Self { database, lambda, proxy, environment, message }
    }

    /// Delivers the message until it is done.
    pub(crate) async fn finish(&self) {
        self.proxy.disturb(None);
        for _ in 0..DELIVERIES {
            self.time_passes().await;
            self.lambda.deliver(&self.message);
            let instance = function::start(&self.lambda.address, &self.environment);
            let answer = timeout(PATIENCE, self.lambda.answer()).await.expect("the function answers");
            function::kill(instance).await;
            assert!(answer["batchItemFailures"].is_array(), "{answer}");
            if self.is_done().await {
                return;
            }
        }
        panic!("not done after {DELIVERIES} deliveries: {:?}", self.proxy.seen());
    }

    /// Delivers the message and kills the function at the point.
    pub(crate) async fn crash(&mut self, point: Point) {
        self.proxy.disturb(Some(point));
        self.lambda.deliver(&self.message);
        let instance = function::start(&self.lambda.address, &self.environment);
        let reached = timeout(PATIENCE, self.proxy.reached.recv()).await.expect("the point is reached").unwrap();
        match point.moment {
            Moment::Before | Moment::Sent => function::kill(instance).await,
            Moment::Answered => self.kill_after_the_answer(instance, reached.0).await,
        }
    }

    /// Lets the answer through while nothing can be written, until the function wants to write or to ask for more.
    async fn kill_after_the_answer(&mut self, instance: Child, reached: oneshot::Sender<()>) {
        let mut client = self.database.client().await;
        let transaction = client.transaction().await.unwrap();
        let lock = "LOCK steps, integration_log, integration_gates, person_leases, webhook_attempts, integrations
                    IN EXCLUSIVE MODE";
        transaction.batch_execute(lock).await.unwrap();
        reached.send(()).unwrap();
        let watcher = self.database.client().await;
        let blocked = async {
            let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                           WHERE NOT granted AND datname = current_database()";
            while watcher.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                tokio::task::yield_now().await;
            }
        };
        let stands = async {
            tokio::select! {
                () = blocked => {}
                _ = self.proxy.went_on.recv() => {}
            }
        };
        timeout(PATIENCE, stands).await.expect("the function goes on after an answer");
        function::kill(instance).await;
        // The server would carry out what a client asked for that is gone.
        watcher.execute(END_WAITING, &[]).await.unwrap();
        transaction.rollback().await.unwrap();
    }

    /// Leases end.
    async fn time_passes(&self) {
        let client = self.database.client().await;
        let past = "
            UPDATE steps SET due_at = now() - interval '1 second' WHERE status IN ('running', 'pending', 'waiting');
            UPDATE integration_log SET writing_until = NULL;
            UPDATE integration_gates
            SET leases = '{}', probe_until = NULL, open_until = NULL, limited_until = NULL, renewing_until = NULL,
                failures = 0, line_until = '-infinity', spent = '{}'";
        client.batch_execute(past).await.unwrap();
    }

    async fn is_done(&self) -> bool {
        let client = self.database.client().await;
        let step = "SELECT status FROM steps WHERE integration_id <> ''";
        client.query_one(step, &[]).await.unwrap().get::<_, String>(0) == "done"
    }
}

/// Statements that wait for the lock are those of the function.
const END_WAITING: &str = "
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE NOT granted AND datname = current_database()";

/// The session is accepted and analysed, and the step planned; returns the message that asks for it.
async fn plan(database: &TestDatabase, integration: &Integration, event: Option<Event>) -> String {
    let store = &database.store;
    let visitor =
        Visitor { name: Some("Ana López".into()), email: Some("ana@example.com".into()), ..Visitor::default() };
    let session = domain::session::Session { visitor, ..testing::session("s-1") };
    let (tenant_id, session_id) = (session.tenant_id.clone(), session.session_id.clone());
    let integration_id = integration.integration_id.clone();
    let message = CrmSyncMessage::V1 { tenant_id, session_id, analysis_version: 1, integration_id };
    let planned = testing::planned(&message);
    let text = planned.message.clone();
    let follow_ups = if event.is_none() { vec![planned] } else { Vec::new() };
    let new = NewAnalysis { analysis: &testing::analysis(), originals: &Default::default(), follow_ups: &follow_ups };
    testing::analysed(store, &session, &new).await;
    match event {
        None => text,
        Some(event) => plan_event(database, integration, &event).await,
    }
}

/// An event of the session and its step; returns the message that asks for it.
async fn plan_event(database: &TestDatabase, integration: &Integration, event: &Event) -> String {
    let Event::SessionFailed { code, occurrence } = event else { panic!("{event}") };
    let (tenant_id, integration_id) = (integration.tenant_id.clone(), integration.integration_id.clone());
    let event_id = Uuid::now_v7();
    let sql = "
        WITH event AS (
            INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, code, occurrence)
            VALUES ($1, $2, 's-1', $3, 'session.failed', $4, $5) RETURNING *
        )
        INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id)
        SELECT tenant_id, session_id, 'webhook_event', 0, integration_id, event_id FROM event";
    let (tenant, hook) = (tenant_id.as_ref(), integration_id.as_ref());
    database.client().await.execute(sql, &[&tenant, &event_id, &hook, code, occurrence]).await.unwrap();
    let message = CrmSyncMessage::V2 { tenant_id, session_id: "s-1".parse().unwrap(), integration_id, event_id };
    serde_json::to_string(&message).unwrap()
}

/// Every point of a setting: `set_up` makes the world and `left` says what is wrong with what it left behind, if
/// anything.
pub(crate) async fn at_every_point<W, L>(set_up: impl AsyncFn() -> (World, W), left: L, requests_at_least: usize)
where
    L: AsyncFn(&World, &W) -> Result<(), String>,
{
    let (undisturbed, kept) = set_up().await;
    undisturbed.finish().await;
    left(&undisturbed, &kept).await.unwrap();
    let requests = undisturbed.proxy.seen();
    assert!(requests.len() >= requests_at_least, "{requests:?}");
    for request in 0..requests.len() {
        for moment in Moment::ALL {
            let (mut world, kept) = set_up().await;
            world.crash(Point { request, moment }).await;
            world.finish().await;
            if let Err(wrong) = left(&world, &kept).await {
                panic!("{moment:?} request {request} of {requests:?}: {wrong}");
            }
        }
    }
}

/// Checks how many there are of each.
pub(crate) fn counts(state: &Value, expected: &[(&str, usize)]) -> Result<(), String> {
    let count = |name: &str| state[name].as_array().map_or(0, Vec::len);
    let wrong = expected.iter().find(|(name, expected)| count(name) != *expected);
    wrong.map_or(Ok(()), |(name, expected)| {
        Err(format!("{} {name} instead of {expected}: {}", count(name), json!(state[*name])))
    })
}
