//! Processor time of a sync beyond its requests; `cargo xtask bench crm-sync` judges the figures.
//!
//! Processor time of the process, not time: the database and the stand-ins are other processes. A sync is everything
//! from the message to its acknowledgement, all statements included; what the same requests take by themselves is
//! measured in the same run, in turns, and subtracted.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends the benchmark")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has no function configuration")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use connectors::{Connectors, HubSpot, Salesforce, SecretError, SecretSource, Secrets, Webhooks};
use crm_sync::Context;
use domain::integration::{Connection, Integration, IntegrationState};
use domain::message::CrmSyncMessage;
use domain::session::{Session, Visitor};
use domain::settings::TenantSettings;
use reqwest::{Client, Method};
use rustix::time::{ClockId, clock_gettime};
use secrecy::SecretString;
use serde_json::{Value, json};
use stage::backoff::Backoff;
use stage::batch::{QueueConfig, Record, RecordHandler, Verdict};
use stage::queues::Routes;
use stage::step::{StageConfig, StepRunner};
use stage::testing::MemoryQueues;
use store::Store;
use store::analyses::NewAnalysis;
use store::gates::CircuitWaits;
use store::testing::{self, TestDatabase};

/// Syncs of one round; their requests stay below the integration's limit.
const ROUND: usize = 200;
const ROUNDS: usize = 5;
const LEASE: Duration = Duration::from_secs(60);
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const TOKEN: &str = "pat-bench";
/// Salesforce's stand-in keeps one org per consumer key.
const KEY: &str = "3MVG-bench";
const DATA: &str = "/services/data/v68.0";
const ANALYSIS: &str = include_str!("../../connectors/tests/analysis.json");

/// Secrets of integrations, by their names, and the access token of the integration with OAuth.
#[derive(Default)]
struct Vault(Mutex<Option<SecretString>>);

impl SecretSource for Vault {
    async fn fetch(&self, name: &str) -> Result<SecretString, SecretError> {
        match name.rsplit('/').next() {
            Some("hubspot") => Ok(TOKEN.into()),
            Some("salesforce") => Ok(json!({ "client_id": KEY, "client_secret": "any" }).to_string().into()),
            Some("access-token") => self.0.lock().unwrap().clone().ok_or(SecretError::Unknown),
            _ => Ok(SECRET.into()),
        }
    }

    async fn put(&self, _: &str, value: &SecretString) -> Result<(), SecretError> {
        *self.0.lock().unwrap() = Some(value.clone());
        Ok(())
    }
}

type Runner = StepRunner<Context<Vault>, MemoryQueues>;
/// A request by itself: method, URL and body.
type Bare = (Method, String, Value);

/// Sends only the requests of an integration, for comparison.
struct Requests {
    integration: &'static str,
    token: String,
    client: Client,
    all: Vec<Bare>,
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask bench crm-sync`"))
    };
    let (hubspot, salesforce, webhook) = (url("HUBSPOT_URL"), url("SALESFORCE_URL"), url("WEBHOOK_URL"));
    let database = TestDatabase::create().await;
    let hook = format!("{webhook}/hooks/bench");
    save(&database.store, "hubspot", json!({ "kind": "hubspot", "requests_per_ten_seconds": 1000 })).await;
    save(&database.store, "webhook", json!({ "kind": "webhook", "url": hook, "requests_per_ten_seconds": 1000 })).await;
    let org = json!({
        "kind": "salesforce", "url": salesforce, "unknown_visitor": "contact", "requests_per_ten_seconds": 1000,
    });
    save(&database.store, "salesforce", org).await;
    let runner = runner(&database.store, &hubspot, &salesforce, &webhook);
    for requests in &bare_requests(&hubspot, &salesforce, &webhook).await {
        let integration = requests.integration;
        let (mut synced, mut asked) = (Duration::ZERO, Duration::ZERO);
        for round in 0..=ROUNDS {
            let messages = plan(&database.store, integration, round).await;
            let clear = "UPDATE integration_gates SET spent = '{}', line_until = '-infinity'";
            database.client().await.execute(clear, &[]).await.unwrap();
            let sync = timed(async || sync_all(&runner, &messages).await).await;
            let bare = timed(async || ask_all(requests).await).await;
            // The first round warms up.
            if round > 0 {
                synced += sync;
                asked += bare;
            }
        }
        let each = |total: Duration| total.as_nanos() as u64 / (ROUND * ROUNDS) as u64;
        let line = json!({
            "integration": integration, "syncs": ROUND * ROUNDS, "nanoseconds": each(synced.saturating_sub(asked)),
            "requests_nanoseconds": each(asked),
        });
        println!("{line}");
    }
}

/// Returns the requests of a sync with each kind of integration.
async fn bare_requests(hubspot: &str, salesforce: &str, webhook: &str) -> [Requests; 3] {
    let note = json!({ "properties": { "hs_timestamp": "2026-11-22T10:00:00Z", "hs_note_body": "x".repeat(3000) } });
    let contact = json!({ "properties": { "firstname": "Ana", "lastname": "López" } });
    let contacts = format!("{hubspot}/crm/objects/2026-03/contacts/ana%40example.com?idProperty=email");
    let client = || Client::builder().no_proxy();
    let query = "SELECT Id FROM Contact WHERE Email='ana@example.com' ORDER BY CreatedDate LIMIT 2";
    let task = json!({ "Subject": "x", "Description": "x".repeat(3000) });
    [
        Requests {
            integration: "hubspot",
            token: TOKEN.to_owned(),
            client: client().build().unwrap(),
            all: vec![
                (Method::PATCH, contacts, contact),
                (Method::POST, format!("{hubspot}/crm/objects/2026-03/notes"), note),
            ],
        },
        Requests {
            integration: "salesforce",
            token: open_org(salesforce).await,
            client: client().build().unwrap(),
            all: vec![
                (Method::GET, format!("{salesforce}{DATA}/query?q={}", query.replace(' ', "%20")), Value::Null),
                (Method::PATCH, format!("{salesforce}{DATA}/sobjects/Task/PostSession_Id__c/bare"), task),
            ],
        },
        Requests {
            integration: "webhook",
            token: TOKEN.to_owned(),
            // As the function's: no connection is kept.
            client: client().pool_max_idle_per_host(0).build().unwrap(),
            all: vec![(Method::POST, format!("{webhook}/hooks/bare"), json!({ "data": "x".repeat(4000) }))],
        },
    ]
}

async fn timed(work: impl AsyncFn()) -> Duration {
    let before = cpu();
    work().await;
    cpu() - before
}

/// An org with the field that identifies tasks; a token for it.
async fn open_org(url: &str) -> String {
    let http = Client::builder().no_proxy().build().unwrap();
    let field = json!({
        "object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": true, "caseSensitive": true,
    });
    http.put(format!("{url}/_orgs/{KEY}/fields")).json(&field).send().await.unwrap().error_for_status().unwrap();
    let form = format!("grant_type=client_credentials&client_id={KEY}&client_secret=any");
    let request = http.post(format!("{url}/services/oauth2/token")).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn save(store: &Store, id: &str, config: Value) {
    store.save_tenant(&"acme".parse().unwrap(), "Acme", &TenantSettings::default()).await.unwrap();
    let integration = Integration {
        tenant_id: "acme".parse().unwrap(),
        integration_id: id.parse().unwrap(),
        state: IntegrationState::On,
        config: serde_json::from_value(config).unwrap(),
        secret_name: format!("bench/acme/{id}"),
        connection: Connection::default(),
    };
    store.save_integration(&integration).await.unwrap();
}

fn runner(store: &Store, hubspot: &str, salesforce: &str, webhook: &str) -> Runner {
    let host = |url: &str| url.trim_start_matches("http://").parse().unwrap();
    let wait = Duration::from_secs(1);
    let connectors = Connectors {
        store: store.clone(),
        secrets: Secrets::new(Vault::default(), "bench/"),
        hubspot: HubSpot::new(hubspot).unwrap(),
        salesforce: Salesforce::new(host(salesforce)).unwrap(),
        webhooks: Webhooks::new(host(webhook)).unwrap(),
        clock: chrono::Utc::now,
    };
    let context = Context { connectors, circuit: CircuitWaits { base: wait, max: wait } };
    let queue = QueueConfig {
        queue_url: "crm-sync".into(),
        dead_letter_queue_url: "dead".into(),
        concurrency: 1,
        max_receive_count: 5,
    };
    StepRunner {
        stage: context,
        store: store.clone(),
        queues: MemoryQueues::default(),
        config: StageConfig { queue, backoff: Backoff { base: wait, max: wait } },
        follow_ups: Routes { notify: None, crm_sync: "crm-sync".into() },
    }
}

/// Sessions of one visitor, analysed, and the messages that ask for their sync.
async fn plan(store: &Store, integration: &str, round: usize) -> Vec<String> {
    let mut messages = Vec::new();
    for number in 0..ROUND {
        let visitor =
            Visitor { name: Some("Ana López".into()), email: Some("ana@example.com".into()), ..Visitor::default() };
        let session = Session { visitor, ..testing::session(&format!("{integration}-{round}-{number}")) };
        let sync = testing::planned(&CrmSyncMessage::V1 {
            tenant_id: session.tenant_id.clone(),
            session_id: session.session_id.clone(),
            analysis_version: 1,
            integration_id: integration.parse().unwrap(),
        });
        let message = sync.message.clone();
        let analysis = &serde_json::from_str(ANALYSIS).unwrap();
        let new = NewAnalysis { analysis, originals: &Default::default(), follow_ups: &[sync] };
        testing::analysed(store, &session, &new).await;
        messages.push(message);
    }
    messages
}

async fn sync_all(runner: &Runner, messages: &[String]) {
    for body in messages {
        let record = Record {
            body: body.clone(),
            receive_count: 1,
            is_last: false,
            is_replay: false,
            deadline: Instant::now() + LEASE,
        };
        assert_eq!(runner.handle_record(record).await, Verdict::Ack);
    }
    assert!(runner.queues.delayed.borrow().is_empty(), "a sync had to wait: its requests were not made");
}

async fn ask_all(requests: &Requests) {
    for _ in 0..ROUND {
        for (method, url, body) in &requests.all {
            let request = requests.client.request(method.clone(), url).bearer_auth(&requests.token);
            let request = if body.is_null() { request } else { request.json(body) };
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            answer.bytes().await.unwrap();
        }
    }
}
