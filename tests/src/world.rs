//! A tenant of its own for each test.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use domain::event::EventType;
use domain::id::TenantId;
use domain::integration::{Connection, Integration, IntegrationConfig, IntegrationState, WebhookConfig};
use domain::settings::TenantSettings;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use store::Store;

use crate::session::Ended;
use crate::{Stack, conversation};

/// Longest wait for something that must happen: a message that comes back after its visibility timeout of 30 s, twice.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How often the AWS SDK sends a request that is answered with 503, in its standard mode.
const SDK_ATTEMPTS: u32 = 3;
/// Signs what the webhook stand-in of every test receives.
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The stack as seen by one tenant with HubSpot and a webhook.
pub struct World {
    pub stack: Stack,
    pub tenant: TenantId,
    pub store: Store,
    pub(crate) http: reqwest::Client,
    /// Each fault, after the stand-in that has it.
    faults: Mutex<Vec<(String, Value)>>,
}

/// Runs a test as a new tenant and checks that it leaves no message behind and met every fault it posted.
pub async fn on_the_stack(name: &str, settings: Value, test: impl AsyncFnOnce(&World)) {
    let world = World::new(name, settings).await;
    test(&world).await;
    let drained = eventually(async || world.messages_left().await.is_empty()).await;
    assert!(drained, "messages left behind: {:#?}", world.messages_left().await);
    let unmet = world.unmet_faults().await;
    assert!(unmet.is_empty(), "no request met these faults, so they tested nothing: {unmet:#?}");
}

/// Waits until it holds; `false` if it never did.
pub async fn eventually(mut holds: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if holds().await {
            return true;
        }
        pause(LOOK_AGAIN).await;
    }
    false
}

#[expect(clippy::disallowed_methods, reason = "looks at a running system; no function of the service")]
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

impl World {
    async fn new(name: &str, settings: Value) -> Self {
        let stack = Stack::from_env();
        // In letters: it stands in transcripts, and thirteen digits may be taken for a card's number.
        let now = Utc::now().timestamp_millis().to_string();
        let suffix: String = now.bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
        let tenant: TenantId = format!("{name}-{suffix}").parse().expect("a valid tenant id");
        let config = store::Config {
            url: stack.database_url.clone(),
            ca_file: None::<PathBuf>,
            statement_timeout: Duration::from_secs(30),
            pool_size: 2,
        };
        let store = Store::new(&config).expect("the database URL is valid");
        let world = Self { stack, tenant, store, http: reqwest::Client::new(), faults: Mutex::default() };
        world.seed(settings).await;
        world
    }

    pub async fn save_settings(&self, settings: Value) {
        let settings: TenantSettings = serde_json::from_value(settings).expect("valid settings");
        self.store.save_tenant(&self.tenant, "Tideway Cycles", &settings).await.expect("the tenant is saved");
    }

    async fn seed(&self, settings: Value) {
        self.save_settings(settings).await;
        let hubspot = serde_json::from_value(json!({ "kind": "hubspot" })).expect("a valid configuration");
        self.integrate("hubspot", hubspot, &self.hubspot_token()).await;
        let url = format!("{}/hooks/{}", self.stack.fakes["webhook"], self.tenant);
        self.integrate("webhook", IntegrationConfig::Webhook(WebhookConfig::to(&url)), WEBHOOK_SECRET).await;
        let webhook = self.stack.fake("webhook");
        webhook
            .set(&format!("/_secrets/{}", self.tenant), json!(WEBHOOK_SECRET))
            .await
            .expect("the receiver knows the secret");
    }

    /// Makes the secret of an integration; its name.
    pub async fn make_secret(&self, id: &str, secret: &str) -> String {
        let name = self.secret_name(id);
        self.stack.aws("secretsmanager.CreateSecret", json!({ "Name": name, "SecretString": secret })).await;
        name
    }

    pub fn secret_name(&self, id: &str) -> String {
        format!("{}{}/{id}", self.stack.secret_prefix, self.tenant)
    }

    async fn integrate(&self, id: &str, config: IntegrationConfig, secret: &str) {
        let secret_name = self.make_secret(id, secret).await;
        let integration = Integration {
            tenant_id: self.tenant.clone(),
            integration_id: id.parse().expect("a valid integration id"),
            state: IntegrationState::On,
            config,
            secret_name,
            connection: Connection::default(),
        };
        self.store.save_integration(&integration).await.expect("the integration is saved");
    }

    /// The code and the explanation for administrators of an integration that the service has disabled.
    pub async fn disabled(&self, id: &str) -> (String, String) {
        let id = id.parse().expect("a valid integration id");
        let integration = self.store.integration(&self.tenant, &id).await.expect("the store answers");
        match integration.expect("the integration exists").state {
            IntegrationState::Disabled(disabled) => (disabled.code, disabled.reason),
            other => panic!("the integration is {other:?}"),
        }
    }

    /// Has the deployed function do an operator's task of this tenant's, as `cargo xtask integrations` does.
    pub async fn administer(&self, mut task: Value) -> Value {
        task["tenant_id"] = json!(self.tenant);
        let (report, failed) = self.stack.invoke("housekeep", &task).await;
        assert!(!failed, "{task}: {report}");
        report
    }

    /// Subscribes the webhook to every event.
    pub async fn subscribe_to_all_events(&self) {
        let id = "webhook".parse().expect("a valid integration id");
        let found = self.store.integration(&self.tenant, &id).await.expect("the database answers");
        let mut integration = found.expect("every world has a webhook");
        if let IntegrationConfig::Webhook(config) = &mut integration.config {
            config.events = EventType::ALL.into();
        }
        self.store.save_integration(&integration).await.expect("the integration is saved");
    }

    /// HubSpot's stand-in keeps one portal per token.
    pub fn hubspot_token(&self) -> String {
        format!("pat-{}", self.tenant)
    }

    /// The visitor of all sessions.
    pub fn visitor(&self) -> String {
        conversation::email(&self.tenant)
    }

    /// Occurs in the transcript and in the prompt of this session only.
    pub fn marker(&self, session: &str) -> String {
        format!("case {}/{session}.", self.tenant)
    }

    pub fn notification(&self, session: &str) -> Value {
        conversation::notification(&self.tenant, session)
    }

    /// Posts a signed body and returns status and answer.
    pub async fn post(&self, body: &Value) -> (u16, Value) {
        self.post_text(&body.to_string()).await
    }

    pub async fn post_text(&self, body: &str) -> (u16, Value) {
        let (id, now) = (format!("msg_{}", Utc::now().timestamp_micros()), Utc::now().timestamp());
        let webhook = Webhook::new(&self.stack.signing_secret).expect("a valid secret");
        let signature = webhook.sign(&id, now, body.as_bytes()).expect("the body can be signed");
        self.post_signed(
            body,
            &[("webhook-id", &id), ("webhook-timestamp", &now.to_string()), ("webhook-signature", &signature)],
        )
        .await
    }

    pub async fn post_signed(&self, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let request = self.http.post(format!("{}/v1/sessions/completed", self.stack.api_url));
        let request = request.header("x-api-key", &self.stack.api_key).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.body(body.to_owned()).send().await.expect("the API answers");
        (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
    }

    /// Posts the default conversation, which must be accepted.
    pub async fn send(&self, session: &str) {
        let (status, answer) = self.post(&self.notification(session)).await;
        assert_eq!(status, 202, "{answer}");
    }

    /// Waits until the session has ended.
    pub async fn ended(&self, session: &str) -> Ended {
        let is_ended = async || {
            let now = self.session(session).await;
            now.is_some_and(|now| matches!(now.status.as_str(), "completed" | "failed"))
        };
        let ended = eventually(is_ended).await;
        let now = self.session(session).await;
        assert!(ended, "session {session} did not end: {now:#?}\nlog: {}", self.stack.state_dir.display());
        now.expect("it was there before")
    }

    /// Waits for the session to complete.
    pub async fn completed(&self, session: &str) -> Ended {
        let ended = self.ended(session).await;
        assert_eq!(ended.status, "completed", "{ended:#?}");
        ended
    }

    /// The model calls whose prompt contains the text.
    pub async fn model_calls(&self, text: &str) -> u64 {
        let state = self.stack.fake("bedrock").state(text).await.expect("Bedrock's stand-in answers");
        state["calls"].as_u64().unwrap_or_default()
    }

    /// The mails to the visitor that SES took.
    pub async fn mails(&self) -> Vec<Value> {
        self.mails_with(&self.visitor()).await
    }

    pub async fn contacts(&self) -> Vec<Value> {
        self.hubspot("contacts").await
    }

    pub async fn notes(&self) -> Vec<Value> {
        self.hubspot("notes").await
    }

    async fn hubspot(&self, kind: &str) -> Vec<Value> {
        let state = format!("{}/_state?token={}", self.stack.fakes["hubspot"], self.hubspot_token());
        let state = self.http.get(state).send().await.expect("HubSpot's stand-in answers");
        let state: Value = state.json().await.expect("HubSpot's stand-in answers with JSON");
        state[kind].as_array().cloned().unwrap_or_default()
    }

    /// The webhooks received.
    pub async fn deliveries(&self) -> Vec<Value> {
        let state = self.stack.fake("webhook").state(self.tenant.as_ref()).await.expect("the receiver answers");
        state["deliveries"].as_array().cloned().unwrap_or_default()
    }

    /// The webhooks received of one kind of event, in the order of their arrival.
    pub async fn deliveries_of(&self, event: EventType) -> Vec<Value> {
        let deliveries = self.deliveries().await.into_iter();
        deliveries.filter(|delivery| delivery["type"] == event.as_str()).collect()
    }

    /// Posts one fault, which some request has to meet before the test ends.
    pub async fn fault(&self, fake: &str, fault: Value) {
        self.stack.fake(fake).fault(fault.clone()).await.expect("the fault makes sense");
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push((fake.to_owned(), fault));
    }

    /// The queues refuse this tenant's next messages, this many, at each attempt of the sender.
    pub async fn refuse_messages(&self, messages: u32) {
        let times = messages * SDK_ATTEMPTS;
        let refuse = json!({
            "match": "AmazonSQS.SendMessage", "body_match": self.tenant, "times": times, "status": 503
        });
        self.fault("sqs", refuse).await;
    }

    /// The faults of this test that no request has met.
    async fn unmet_faults(&self) -> Vec<(String, Value)> {
        let posted = self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut unmet = Vec::new();
        for (fake, fault) in posted {
            let listing = self.http.get(format!("{}/_faults", self.stack.fakes[&fake])).send().await;
            let listing: Value = listing.expect("the stand-in answers").json().await.expect("with JSON");
            let is_it = |listed: &Value| fault.as_object().is_some_and(|f| f.iter().all(|(k, v)| listed[k] == *v));
            let mut listed = listing.as_array().into_iter().flatten().filter(|listed| is_it(listed));
            if !listed.any(|listed| listed["hits"].as_u64().is_some_and(|hits| hits > 0)) {
                unmet.push((fake, fault));
            }
        }
        unmet
    }
}
