//! The handler with a real Postgres and the stand-in for Bedrock.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::{Duration, Instant};

use analyze::{Context, Error};
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
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
use store::sessions::Notification;
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
            Notification { session: &session(), transcript: transcript.as_ref(), hash: b"hash", message: "analyze" };
        database.store.accept_session(&notification).await.unwrap();
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(&bedrock.base_url)
            .retry_config(RetryConfig::disabled())
            .build();
        let context = Context {
            store: database.store.clone(),
            bedrock: aws_sdk_bedrockruntime::Client::from_conf(config),
            model: "global.anthropic.claude-haiku-4-5".into(),
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
        let Claim::Run(claimed) = claim else { panic!("the step should be ours, but is {claim:?}") };
        let delivery = Delivery { claimed: claimed.clone(), deadline: Instant::now() + time };
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
        "intent": { "primary_purpose": "Get a repair.", "objectives": [] },
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

#[tokio::test]
async fn a_conversation_is_analysed_stored_and_passed_on() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    let analysis = world.analysis().await.unwrap();
    assert_eq!((analysis.status, analysis.code.as_deref()), (AnalysisStatus::Ok, None));
    let category = analysis.category.unwrap();
    assert_eq!(category.label, CategoryLabel::FacingIssue);
    let evidence = &category.justification.evidence[0];
    assert!(CHAT[evidence.turn].1.contains(&evidence.quote), "{evidence:?}");
    let sentiment = analysis.sentiment.unwrap();
    assert_eq!(sentiment.timeline.iter().map(|feeling| feeling.turn).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((analysis.usage.attempts, analysis.usage.prompt_version.as_deref()), (1, Some("v1")));
    assert!(analysis.usage.input_tokens > 0 && analysis.usage.output_tokens > 0);
    let session = session();
    let planned = world.database.store.unclaimed_steps(&session.tenant_id, &session.session_id).await.unwrap();
    assert_eq!(
        planned.iter().map(|planned| planned.message.as_str()).collect::<Vec<_>>(),
        [r#"{"type":"notify.v1","tenant_id":"acme","session_id":"s-1","analysis_version":1}"#]
    );
}

#[tokio::test]
async fn an_analysis_that_is_stored_already_costs_no_second_call() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.handle().await.unwrap();
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!(world.calls().await, 1);
}

#[tokio::test]
async fn nonsense_is_asked_again_three_times_and_leaves_nothing_that_looks_like_a_result() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "times": 9, "answer": "I am sorry, an error occurred." }])).await;
    let error = world.handle().await.unwrap_err();
    assert_eq!((error.is_retryable(), error.code().as_str()), (false, "model_answers_invalid"));
    assert_eq!(error.to_string(), "get a valid answer in 3 attempts; the last one was not as asked for");
    assert_eq!((world.calls().await, world.analysis().await), (3, None));
}

#[tokio::test]
async fn a_tenant_may_have_up_to_five_attempts_and_is_told_what_was_wrong() {
    let world = World::new(json!({ "analysis": { "max_attempts": 5 } }), Some(&CHAT)).await;
    let wrong = answer("machine is broken").replace("facing_issue", "furious");
    world.script(json!([{ "times": 4, "answer": wrong }, { "answer": answer("machine is broken") }])).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!(world.analysis().await.unwrap().usage.attempts, 5);
    let requests = world.bedrock.control.requests("converse").await.unwrap();
    let last: Value = serde_json::from_str(requests.last().unwrap()["body"].as_str().unwrap()).unwrap();
    let messages = last["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3, "the transcript, the last answer, and what was wrong with it");
    let told = messages[2]["content"][0]["text"].as_str().unwrap();
    assert!(told.contains("category.label is not one of immediate_buyer"), "{told}");
}

#[tokio::test]
async fn throttling_is_left_to_the_queue_and_is_no_attempt() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    let throttled = json!({ "match": "POST converse", "times": 4, "exception": "ThrottlingException" });
    world.bedrock.control.fault(throttled).await.unwrap();
    for _ in 0..4 {
        let error = world.handle().await.unwrap_err();
        assert_eq!((error.is_retryable(), error.code().as_str()), (true, "model_throttled"));
    }
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!(world.analysis().await.unwrap().usage.attempts, 1);
}

#[tokio::test]
async fn attempts_are_counted_across_deliveries() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "times": 9, "answer": "nonsense" }])).await;
    let fault = json!({ "match": "POST converse", "times": 1, "status": 503, "delay_ms": 1 });
    world.handle().await.unwrap_err();
    world.bedrock.control.fault(fault).await.unwrap();
    let error = world.handle().await.unwrap_err();
    assert_eq!(error.to_string(), "get a valid answer in 3 attempts; the last one was lost with its delivery");
    assert_eq!(world.calls().await, 3);
}

#[tokio::test]
async fn a_request_is_not_begun_with_too_little_time_and_is_no_attempt() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    let error = world.handle_within(Duration::from_millis(1400)).await.unwrap_err();
    assert_eq!((error.is_retryable(), error.code().as_str()), (true, "out_of_time"));
    assert_eq!(world.calls().await, 0);
    assert_eq!(world.handle_within(Duration::from_secs(4)).await.unwrap(), Outcome::Done);
    assert_eq!(world.analysis().await.unwrap().usage.attempts, 1);
}

#[tokio::test]
async fn an_answer_with_shortcomings_is_taken_where_no_time_is_left_to_ask_again() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "times": 9, "answer": answer("I will sue you") }])).await;
    let slow = json!({ "match": "POST converse", "delay_ms": 1800 });
    world.bedrock.control.fault(slow).await.unwrap();
    assert_eq!(world.handle_within(Duration::from_secs(3)).await.unwrap(), Outcome::Done);
    assert_eq!(world.calls().await, 1);
    assert_eq!(world.analysis().await.unwrap().status, AnalysisStatus::Partial);
}

#[tokio::test]
async fn errors_that_no_repetition_helps_are_final_with_a_code() {
    for (exception, code) in [
        ("AccessDeniedException", "model_access_denied"),
        ("ResourceNotFoundException", "model_not_found"),
        ("ValidationException", "model_rejected_request"),
    ] {
        let world = World::new(json!({}), Some(&CHAT)).await;
        world.bedrock.control.fault(json!({ "match": "POST converse", "exception": exception })).await.unwrap();
        let error = world.handle().await.unwrap_err();
        assert_eq!((error.is_retryable(), error.code().as_str()), (false, code));
    }
    for stop_reason in ["guardrail_intervened", "content_filtered", "model_context_window_exceeded"] {
        let world = World::new(json!({}), Some(&CHAT)).await;
        world.script(json!([{ "answer": "No.", "stop_reason": stop_reason }])).await;
        assert!(!world.handle().await.unwrap_err().is_retryable(), "{stop_reason}");
        assert_eq!(world.calls().await, 1);
    }
}

#[tokio::test]
async fn an_invented_quote_is_asked_again_once_then_dropped() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "times": 9, "answer": answer("I will sue you") }])).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    let analysis = world.analysis().await.unwrap();
    assert_eq!((world.calls().await, analysis.usage.quotes_dropped), (2, 1));
    assert_eq!(analysis.code.as_deref(), Some("category_without_evidence"));
    assert_eq!(analysis.status, AnalysisStatus::Partial);
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_asked_again_with_more_room() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "answer": "{\"intent\":", "stop_reason": "max_tokens" }])).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    let requests = world.bedrock.control.requests("converse").await.unwrap();
    let room = |n: usize| {
        let body: Value = serde_json::from_str(requests[n]["body"].as_str().unwrap()).unwrap();
        body["inferenceConfig"]["maxTokens"].as_u64().unwrap()
    };
    assert_eq!(room(1), 2 * room(0));
}

#[tokio::test]
async fn a_visitor_who_said_nothing_costs_no_call() {
    for turns in [&[][..], &[(Role::Agent, "Hello?"), (Role::Visitor, " … ")][..]] {
        let world = World::new(json!({}), Some(turns)).await;
        assert_eq!(world.handle().await.unwrap(), Outcome::Done);
        let analysis = world.analysis().await.unwrap();
        assert_eq!(analysis.status, AnalysisStatus::InsufficientContent);
        assert_eq!((analysis.code.as_deref(), analysis.summary), (Some("no_visitor_turns"), None));
        assert_eq!(world.calls().await, 0);
    }
}

#[tokio::test]
async fn a_transcript_that_is_not_there_yet_is_waited_for_and_then_given_up() {
    let mut world = World::new(json!({}), None).await;
    let Outcome::Retry { after, code } = world.handle().await.unwrap() else { panic!("it should wait") };
    assert_eq!((after, code.as_str()), (Some(Duration::from_secs(200)), "transcript_missing"));
    fn later() -> DateTime<Utc> {
        Utc::now() + Duration::from_secs(601)
    }
    world.context.clock = later;
    assert!(matches!(world.handle().await.unwrap(), Outcome::Final(code) if code.as_str() == "transcript_missing"));
}
