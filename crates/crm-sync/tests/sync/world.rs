//! A tenant with an integration, and sessions that are analysed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use connectors::check::Checked;
use connectors::{Connectors, HubSpot, Salesforce, SecretError, SecretSource, Secrets, Webhooks};
use crm_sync::{Context, DISABLED_WAIT};
use domain::analysis::Analysis;
use domain::integration::{Connection, INTEGRATION_DISABLED, Integration, IntegrationConfig, IntegrationState};
use domain::message::{AnalyzeMessage, CrmSyncMessage, StepMessage};
use domain::session::{Channel, Session, Visitor};
use domain::settings::TenantSettings;
use domain::step::{Code, Step};
use redaction::Originals;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use stage::{Delivery, Failure, NextDelivery, Outcome, Stage};
use store::analyses::NewAnalysis;
use store::gates::CircuitWaits;
use store::integration_log::SyncKey;
use store::reanalysis::Reanalysis;
use store::steps::{Claim, Claimed};
use store::testing::Sync;
use store::testing::TestDatabase;

pub(crate) const SECRET_PREFIX: &str = "post-session/test/";
pub(crate) const TOKEN: &str = "pat-acme";
pub(crate) const SIGNING_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

const CIRCUIT: CircuitWaits = CircuitWaits { base: Duration::from_secs(30), max: Duration::from_secs(900) };

/// Secrets in memory, that a test can change while they are in use.
#[derive(Clone, Default)]
pub(crate) struct Vault(Arc<Mutex<BTreeMap<String, String>>>, Arc<Mutex<Option<MakeError>>>);

/// An error cannot be cloned.
pub(crate) type MakeError = fn() -> SecretError;

impl Vault {
    pub(crate) fn put(&self, name: &str, value: &str) {
        self.0.lock().unwrap().insert(format!("{SECRET_PREFIX}acme/{name}"), value.to_owned());
    }

    /// Answers each request for a secret with this error.
    pub(crate) fn fail(&self, error: Option<MakeError>) {
        *self.1.lock().unwrap() = error;
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(&format!("{SECRET_PREFIX}acme/{name}")).cloned()
    }
}

impl SecretSource for Vault {
    async fn fetch(&self, name: &str) -> Result<SecretString, SecretError> {
        if let Some(error) = *self.1.lock().unwrap() {
            return Err(error());
        }
        self.0.lock().unwrap().get(name).map(|value| value.as_str().into()).ok_or(SecretError::Unknown)
    }

    async fn put(&self, name: &str, value: &SecretString) -> Result<(), SecretError> {
        self.0.lock().unwrap().insert(name.to_owned(), value.expose_secret().to_owned());
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) hubspot: fakes::Running,
    pub(crate) webhook: fakes::Running,
    pub(crate) vault: Vault,
    pub(crate) context: Context<Vault>,
}

impl World {
    /// The tenant `acme` with the integrations `hubspot` and `hook`.
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await;
        let (hubspot, webhook) = (fakes::hubspot::start().await.unwrap(), fakes::webhook::start().await.unwrap());
        let vault = Vault::default();
        vault.put("hubspot", TOKEN);
        vault.put("hook", SIGNING_SECRET);
        let context = context(&database, &vault, &hubspot, &webhook);
        let world = Self { database, hubspot, webhook, vault, context };
        world.database.store.save_tenant(&"acme".parse().unwrap(), "Acme", &TenantSettings::default()).await.unwrap();
        world.integrate("hubspot", json!({ "kind": "hubspot" }), "post-session/test/acme/hubspot").await;
        let url = format!("{}/hooks/acme", world.webhook.base_url);
        world.integrate("hook", json!({ "kind": "webhook", "url": url }), "post-session/test/acme/hook").await;
        world.webhook.control.set("/_secrets/acme", json!(SIGNING_SECRET)).await.unwrap();
        world
    }

    /// Checks an integration as a test of it does; what is found is remembered if it works.
    pub(crate) async fn check(&self, id: &str) -> Checked {
        let integration = self.integration(id).await;
        let deadline = Instant::now() + Duration::from_secs(60);
        let checked = self.context.connectors.check(&integration, deadline).await.unwrap();
        if checked.is_ok() {
            let Integration { tenant_id, integration_id, .. } = &integration;
            let saved = self.database.store.save_connection(tenant_id, integration_id, &checked.connection).await;
            saved.unwrap();
        }
        checked
    }

    /// A control of the stand-in for HubSpot that is particular to the portal of [`TOKEN`].
    pub(crate) async fn portal(&self, control: &str, setting: Value) {
        let url = format!("{}/{control}?token={TOKEN}", self.hubspot.base_url);
        reqwest::Client::new().put(url).json(&setting).send().await.unwrap().error_for_status().unwrap();
    }

    pub(crate) async fn sql(&self, sql: &str) -> u64 {
        self.database.client().await.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    pub(crate) async fn integrate(&self, id: &str, config: serde_json::Value, secret_name: &str) {
        let config: IntegrationConfig = serde_json::from_value(config).unwrap();
        self.save(Integration {
            tenant_id: "acme".parse().unwrap(),
            integration_id: id.parse().unwrap(),
            state: IntegrationState::On,
            config,
            secret_name: secret_name.to_owned(),
            connection: Connection::default(),
        })
        .await;
    }

    pub(crate) async fn save(&self, integration: Integration) {
        self.database.store.save_integration(&integration).await.unwrap();
    }

    /// Another instance of the function, which has cached nothing yet.
    pub(crate) fn another_function(&self) -> Context<Vault> {
        context(&self.database, &self.vault, &self.hubspot, &self.webhook)
    }

    /// One delivery to another instance.
    pub(crate) async fn sync_by(
        &self,
        function: &Context<Vault>,
        session: &str,
        integration: &str,
    ) -> Result<Outcome, NotDone> {
        deliver(function, session, integration, 1, Duration::from_secs(60)).await
    }

    pub(crate) async fn another_function_syncs(&self, session: &str, integration: &str) -> Result<Outcome, NotDone> {
        self.sync_by(&self.another_function(), session, integration).await
    }

    /// Enables the integration as an administrator does after a fix.
    pub(crate) async fn fix(&self, id: &str) {
        let (tenant, id) = ("acme".parse().unwrap(), id.parse().unwrap());
        assert!(self.database.store.switch_integration(&tenant, &id, &IntegrationState::On).await.unwrap());
    }

    /// The code with which the service has disabled it, and the explanation for administrators.
    pub(crate) async fn disabled(&self, id: &str) -> (String, String) {
        let state = self.integration(id).await.state;
        let IntegrationState::Disabled(disabled) = state else { panic!("{state:?}") };
        (disabled.code, disabled.reason)
    }

    /// The tenant's `redaction` settings.
    pub(crate) async fn redaction(&self, redaction: serde_json::Value) {
        let settings = TenantSettings { redaction: serde_json::from_value(redaction).unwrap(), ..Default::default() };
        self.database.store.save_tenant(&"acme".parse().unwrap(), "Acme", &settings).await.unwrap();
    }

    pub(crate) async fn integration(&self, id: &str) -> Integration {
        self.database.store.integration(&"acme".parse().unwrap(), &id.parse().unwrap()).await.unwrap().unwrap()
    }

    /// A session that was notified and analysed.
    pub(crate) async fn session(&self, id: &str, visitor: Visitor) {
        self.session_with(id, visitor, &analysis()).await;
    }

    /// A session whose metadata has a `stage`.
    pub(crate) async fn session_in_stage(&self, id: &str, visitor: Visitor, stage: &str) {
        let metadata = [("stage".to_owned(), json!(stage))].into_iter().collect();
        self.session_of(id, visitor, &analysis(), metadata).await;
    }

    /// A session whose metadata has a `campaign`.
    pub(crate) async fn session_of_campaign(&self, id: &str, campaign: Value) {
        let metadata = [("campaign".to_owned(), campaign)].into_iter().collect();
        self.session_of(id, ana(), &analysis(), metadata).await;
    }

    pub(crate) async fn session_with(&self, id: &str, visitor: Visitor, analysis: &Analysis) {
        let metadata = [("campaign".to_owned(), json!("autumn"))].into_iter().collect();
        self.session_of(id, visitor, analysis, metadata).await;
    }

    async fn session_of(&self, id: &str, visitor: Visitor, analysis: &Analysis, metadata: Map<String, Value>) {
        let session = Session {
            tenant_id: "acme".parse().unwrap(),
            session_id: id.parse().unwrap(),
            agent_id: "agent".parse().unwrap(),
            channel: Channel::Text,
            started_at: "2026-11-22T09:55:00Z".parse().unwrap(),
            ended_at: "2026-11-22T10:00:12Z".parse().unwrap(),
            end_reason: None,
            visitor,
            metadata,
        };
        let new = NewAnalysis { analysis, originals: &originals(), follow_ups: &[] };
        store::testing::analysed(&self.database.store, &session, &new).await;
    }

    pub(crate) async fn sync(&self, session: &str, integration: &str) -> Result<Outcome, NotDone> {
        self.sync_within(session, integration, Duration::from_secs(60)).await
    }

    /// Another version of a session's analysis.
    pub(crate) async fn analyse_again(&self, session: &str, analysis_version: i32, analysis: &Analysis) {
        let store = &self.database.store;
        let message = AnalyzeMessage::V2 {
            tenant_id: "acme".parse().unwrap(),
            session_id: session.parse().unwrap(),
            analysis_version,
            model: None,
            follow_ups: true,
        };
        let key = message.step_key();
        let planned = store.plan_reanalysis(&key.tenant_id, &key.session_id, analysis_version, "again").await.unwrap();
        assert_eq!(planned, Reanalysis::Planned);
        let claim = store.claim_step(&key, Duration::from_secs(60), false).await.unwrap();
        let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
        let new = NewAnalysis { analysis, originals: &originals(), follow_ups: &[] };
        assert!(store.store_analysis(&claimed, &new).await.unwrap());
    }

    /// One delivery of the message, by an invocation that ends after `time`.
    pub(crate) async fn sync_within(
        &self,
        session: &str,
        integration: &str,
        time: Duration,
    ) -> Result<Outcome, NotDone> {
        deliver(&self.context, session, integration, 1, time).await
    }

    /// One delivery of the message about a version of the analysis.
    pub(crate) async fn sync_version(
        &self,
        session: &str,
        integration: &str,
        version: i32,
    ) -> Result<Outcome, NotDone> {
        deliver(&self.context, session, integration, version, Duration::from_secs(60)).await
    }

    pub(crate) async fn log(&self, session: &str, integration: &str) -> Sync {
        self.log_of(session, integration, 1).await
    }

    pub(crate) async fn log_of(&self, session: &str, integration: &str, analysis_version: i32) -> Sync {
        let (tenant_id, session_id) = ("acme".parse().unwrap(), session.parse().unwrap());
        let integration_id = integration.parse().unwrap();
        let key = SyncKey {
            tenant_id: &tenant_id,
            session_id: &session_id,
            integration_id: &integration_id,
            analysis_version,
        };
        self.database.store.sync(&key).await.unwrap().unwrap()
    }
}

fn context(
    database: &TestDatabase,
    vault: &Vault,
    hubspot: &fakes::Running,
    webhook: &fakes::Running,
) -> Context<Vault> {
    let connectors = Connectors {
        store: database.store.clone(),
        secrets: Secrets::new(vault.clone(), SECRET_PREFIX),
        hubspot: HubSpot::new(&hubspot.base_url).unwrap(),
        // A stand-in that a test starts, on any port.
        salesforce: Salesforce::new("127.0.0.1".parse().unwrap()).unwrap(),
        webhooks: Webhooks::new(webhook.authority().parse().unwrap()).unwrap(),
        clock: chrono::Utc::now,
    };
    Context { connectors, circuit: CIRCUIT }
}

async fn deliver(
    function: &Context<Vault>,
    session: &str,
    integration: &str,
    analysis_version: i32,
    time: Duration,
) -> Result<Outcome, NotDone> {
    let message = CrmSyncMessage::V1 {
        tenant_id: "acme".parse().unwrap(),
        session_id: session.parse().unwrap(),
        analysis_version,
        integration_id: integration.parse().unwrap(),
    };
    let key = message.step_key();
    assert!(matches!(key.step, Step::CrmSync { .. }));
    let delivery = Delivery { claimed: Claimed { key, attempt: 1 }, deadline: Instant::now() + time, is_last: false };
    judged(function.handle(message, &delivery).await)
}

/// As the stage takes it: a step that fails or is retried after the usual back-off is an error.
pub(crate) fn judged(result: Result<Outcome, connectors::Error>) -> Result<Outcome, NotDone> {
    match result.unwrap_or_else(|error| Outcome::of(&error)) {
        Outcome::Retry { after: None, code, reason } => Err(NotDone { code, reason, is_retryable: true }),
        Outcome::Final { code, reason } => Err(NotDone { code, reason, is_retryable: false }),
        outcome => Ok(outcome),
    }
}

/// A sync that failed, or is retried.
#[derive(Debug)]
pub(crate) struct NotDone {
    code: Code,
    reason: String,
    is_retryable: bool,
}

impl std::fmt::Display for NotDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for NotDone {}

impl Failure for NotDone {
    fn next(&self) -> NextDelivery {
        NextDelivery::retry_if(self.is_retryable)
    }

    fn code(&self) -> Code {
        self.code
    }
}

/// The outcome of a step whose integration is disabled.
pub(crate) const WAITS_FOR_ADMIN: Outcome = Outcome::Wait { after: DISABLED_WAIT, code: INTEGRATION_DISABLED };

pub(crate) fn ana() -> Visitor {
    Visitor {
        name: Some("Ana López".into()),
        email: Some("Ana+crm@Example.com".into()),
        phone: Some("+34 600 000 000".into()),
        ..Visitor::default()
    }
}

/// The original of `[EMAIL_1]`.
pub(crate) const SAID: &str = "private@example.org";

fn originals() -> Originals {
    serde_json::from_value(json!({ "[EMAIL_1]": SAID })).unwrap()
}

pub(crate) fn analysis() -> Analysis {
    serde_json::from_str(include_str!("../../../connectors/tests/analysis.json")).unwrap()
}
