//! The handler with a real Postgres and the stand-in for Bedrock.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod answers;
mod errors;
mod parts_and_costs;

use std::time::{Duration, Instant};

use analyze::models::Models;
use analyze::{Analyst, Context, Error};
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Builder, Credentials, Region};
use chrono::{DateTime, Utc};
use domain::analysis::{Analysis, AnalysisStatus, CategoryLabel};
use domain::message::{AnalyzeMessage, StepMessage};
use domain::session::{Channel, Session, Visitor};
use domain::settings::TenantSettings;
use domain::transcript::{Role, Transcript, Turn};
use fakes::Running;
use serde_json::{Value, json};
use stage::{Delivery, Failure, Outcome, Stage};
use store::sessions::NotifiedSession;
use store::steps::Claim;
use store::testing::TestDatabase;

const LEASE: Duration = Duration::from_secs(30);
const CHAT: [(Role, &str); 4] = [
    (Role::Agent, "Hello, how can I help?"),
    (Role::Visitor, "My coffee machine is broken and I am angry."),
    (Role::Agent, "I am sorry. I will send a new pump by Friday."),
    (Role::Visitor, "Thanks, that is great."),
];

struct World {
    context: Context,
    database: TestDatabase,
    bedrock: Running,
}

impl World {
    /// A tenant with these settings and one notified session.
    async fn new(settings: Value, transcript: Option<&[(Role, &str)]>) -> Self {
        let (database, bedrock) = (TestDatabase::create().await, fakes::bedrock::start().await.unwrap());
        let settings: TenantSettings = serde_json::from_value(settings).unwrap();
        database.store.save_tenant(&"acme".parse().unwrap(), "Acme", &settings).await.unwrap();
        let turn = |(role, text): &(Role, &str)| Turn {
            role: *role,
            text: (*text).to_owned(),
            started_ms: None,
            ended_ms: None,
        };
        let transcript = transcript.map(|turns| Transcript::new(turns.iter().map(turn).collect()));
        let notification =
            NotifiedSession { session: &session(), transcript: transcript.as_ref(), hash: b"hash", message: "analyze" };
        database.store.accept_session(&notification).await.unwrap();
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(&bedrock.base_url)
            .retry_config(transport::retries(1))
            .http_client(transport::AwsHttpClient::new().unwrap())
            .build();
        let context = Context {
            store: database.store.clone(),
            analyst: Analyst {
                bedrock: aws_sdk_bedrockruntime::Client::from_conf(config),
                models: Models::with_overrides("[]").unwrap(),
                default_model: "global.anthropic.claude-haiku-4-5".into(),
                part_concurrency: 4,
            },
            transcript_wait: Duration::from_secs(600),
            clock: Utc::now,
        };
        Self { context, database, bedrock }
    }

    async fn handle(&self) -> Result<Outcome, Error> {
        self.handle_within(LEASE).await
    }

    /// One delivery of the session's message, with this much time.
    async fn handle_within(&self, time: Duration) -> Result<Outcome, Error> {
        let message = message();
        let claim = self.database.store.claim_step(&message.step_key(), LEASE, false).await.unwrap();
        let Claim::Run(claimed, _) = claim else { panic!("the step should be ours, but is {claim:?}") };
        let delivery = Delivery { claimed: claimed.clone(), deadline: Instant::now() + time, is_last: false };
        let result = self.context.handle(message, &delivery).await;
        self.database.store.release_step(&claimed, Duration::ZERO).await.unwrap();
        result
    }

    async fn analysis(&self) -> Option<Analysis> {
        let session = session();
        self.database.store.analysis(&session.tenant_id, &session.session_id, 1).await.unwrap()
    }

    async fn calls(&self) -> u64 {
        self.bedrock.control.state("").await.unwrap()["calls"].as_u64().unwrap()
    }

    async fn script(&self, answers: Value) {
        self.bedrock.control.script(answers).await.unwrap();
    }
}

fn session() -> Session {
    Session {
        tenant_id: "acme".parse().unwrap(),
        session_id: "s-1".parse().unwrap(),
        agent_id: "agent".parse().unwrap(),
        channel: Channel::Text,
        started_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        ended_at: "2026-11-22T10:05:00Z".parse().unwrap(),
        end_reason: None,
        visitor: Visitor::default(),
        metadata: serde_json::Map::new(),
    }
}

fn message() -> AnalyzeMessage {
    AnalyzeMessage::V1 { tenant_id: "acme".parse().unwrap(), session_id: "s-1".parse().unwrap() }
}

/// A full answer with one quote.
fn answer(quote: &str) -> String {
    json!({
        "intent": { "primary_purpose": "Get a repair.", "objectives": [], "outcome": "unclear" },
        "summary": { "text": "A machine broke.", "key_points": [] },
        "category": {
            "label": "facing_issue", "confidence": 0.9, "reasoning": "It broke.",
            "evidence": [{ "turn": 1, "quote": quote }]
        },
        "sentiment": {
            "timeline": [
                { "turn": 1, "score": -0.9, "emotion": "angry" },
                { "turn": 3, "score": 0.4, "emotion": "grateful" }
            ],
            "shifts": [], "patterns": []
        },
        "topics": [], "insights": [], "action_items": [], "custom_metrics": []
    })
    .to_string()
}
