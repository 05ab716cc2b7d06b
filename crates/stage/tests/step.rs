//! Ends of messages: a scripted stage on a real Postgres, with queues in memory.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use domain::id::{SessionId, TenantId};
use domain::message::{AnalyzeMessage, StepMessage};
use domain::session::SessionStatus;
use domain::settings::TenantSettings;
use domain::step::{Code, Step, StepKey};
use lambda_runtime::{Context, LambdaEvent};
use stage::backoff::Backoff;
use stage::batch::{QueueConfig, handle_batch};
use stage::queues::{ERROR_CODE, Routes};
use stage::step::{StageConfig, StepRunner};
use stage::testing::MemoryQueues;
use stage::{Delivery, Failure, NextDelivery, Outcome, Stage};
use store::analyses::NewAnalysis;
use store::sessions::NotifiedSession;
use store::steps::{Claim, Planned};
use store::testing::{self, TestDatabase};

const BROKEN: Code = Code::new("broken");

#[derive(Debug, thiserror::Error)]
#[error("ask the oracle")]
struct OracleError {
    retryable: bool,
}

impl Failure for OracleError {
    fn next(&self) -> NextDelivery {
        NextDelivery::retry_if(self.retryable)
    }

    fn code(&self) -> Code {
        BROKEN
    }
}

/// Answers from a script; `None` panics.
#[derive(Default)]
struct Oracle {
    script: RefCell<VecDeque<Option<Result<Outcome, OracleError>>>>,
    calls: Cell<u32>,
    last: RefCell<Option<AnalyzeMessage>>,
}

impl Stage for Oracle {
    type Message = AnalyzeMessage;
    type Error = OracleError;

    async fn handle(&self, message: AnalyzeMessage, _: &Delivery) -> Result<Outcome, OracleError> {
        self.last.replace(Some(message));
        self.calls.set(self.calls.get() + 1);
        let answer = self.script.borrow_mut().pop_front();
        answer.unwrap_or(Some(Ok(Outcome::Done))).unwrap()
    }
}

struct World {
    database: TestDatabase,
    runner: StepRunner<Oracle, MemoryQueues>,
}

impl World {
    /// A tenant with one notified session, `s-1`.
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        database.store.save_tenant(&tenant(), "Acme", &TenantSettings::default()).await.unwrap();
        let queue = QueueConfig {
            queue_url: "analyze".into(),
            dead_letter_queue_url: "analyze-dead".into(),
            concurrency: 5,
            max_receive_count: 5,
        };
        let backoff = Backoff { base: Duration::from_secs(2), max: Duration::from_secs(60) };
        let runner = StepRunner {
            stage: Oracle::default(),
            store: database.store.clone(),
            queues: MemoryQueues::default(),
            config: StageConfig { queue, backoff },
            follow_ups: Routes { notify: Some("notify".into()), crm_sync: "crm-sync".into() },
        };
        let world = Self { database, runner };
        world.notify("s-1").await;
        world
    }

    async fn notify(&self, id: &str) {
        let session = testing::session(id);
        let notification = NotifiedSession { session: &session, transcript: None, hash: b"h", message: &message(id) };
        self.database.store.accept_session(&notification).await.unwrap();
    }

    fn script(&self, answers: impl IntoIterator<Item = Option<Result<Outcome, OracleError>>>) {
        self.runner.stage.script.borrow_mut().extend(answers);
    }

    /// The ids of the messages that must be delivered again.
    async fn deliver(&self, messages: Vec<SqsMessage>) -> Vec<String> {
        let mut event = SqsEvent::default();
        event.records = messages;
        let mut context = Context::default();
        let deadline = std::time::SystemTime::now() + Duration::from_secs(10);
        context.deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
        let runner = &self.runner;
        let event = LambdaEvent::new(event, context);
        let response = handle_batch(&runner.config.queue, &runner.queues, runner, event).await;
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    async fn status(&self, id: &str) -> (SessionStatus, Option<String>) {
        let id: SessionId = id.parse().unwrap();
        let stored = self.database.store.session(&tenant(), &id).await.unwrap().unwrap();
        (stored.status, stored.failure_code)
    }
}

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

fn message(session: &str) -> String {
    format!(r#"{{"type":"analyze.v1","tenant_id":"acme","session_id":"{session}"}}"#)
}

fn received(body: String, receive_count: u32) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(format!("m-{receive_count}"));
    message.receipt_handle = Some("receipt".into());
    message.body = Some(body);
    message.attributes.insert("ApproximateReceiveCount".into(), receive_count.to_string());
    message
}

#[tokio::test]
async fn a_message_delivered_twice_is_handled_once() {
    let world = World::new().await;
    let twice = vec![received(message("s-1"), 1), received(message("s-1"), 1)];
    world.deliver(twice).await;
    assert_eq!(world.deliver(vec![received(message("s-1"), 2)]).await, Vec::<String>::new());
    assert_eq!(world.runner.stage.calls.get(), 1);
    assert_eq!(world.status("s-1").await, (SessionStatus::Completed, None));
}

#[tokio::test]
async fn a_poison_message_and_a_panic_leave_their_neighbours_alone() {
    let world = World::new().await;
    world.notify("s-2").await;
    world.script([None]);
    let batch = vec![received("{not json".into(), 1), received(message("s-1"), 2), received(message("s-2"), 3)];
    // Whichever comes first panics.
    let again = world.deliver(batch).await;
    let (panicked, good) = if again == ["m-2"] { ("s-1", "s-2") } else { ("s-2", "s-1") };
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(world.status(panicked).await.0, SessionStatus::Processing);
    assert_eq!(world.status(good).await.0, SessionStatus::Completed);
    let dead = world.runner.queues.dead.borrow();
    assert_eq!((dead.len(), dead[0].0.as_str(), dead[0].1.as_str()), (1, "{not json", "unreadable_message"));
}

#[tokio::test]
async fn a_handler_that_panics_in_every_delivery_fails_the_step() {
    let world = World::new().await;
    world.script([None, None]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 4)]).await, ["m-4"]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 5)]).await, Vec::<String>::new());
    assert_eq!(world.runner.stage.calls.get(), 2, "each delivery ran it");
    assert_eq!(world.status("s-1").await, (SessionStatus::Failed, Some("panic".into())));
    assert_eq!(world.runner.queues.dead.borrow()[0].1.as_str(), "panic");
}

#[tokio::test]
async fn an_unreadable_body_is_not_quoted() {
    let world = World::new().await;
    world.deliver(vec![received("\"ana@example.com said hello\"".into(), 1)]).await;
    let dead = world.runner.queues.dead.borrow();
    assert_eq!((dead[0].1.as_str(), dead[0].2.contains("ana")), ("unreadable_message", false), "{}", dead[0].2);
}

#[tokio::test]
async fn a_retry_waits_as_long_as_it_was_asked_to_and_gives_the_claim_back() {
    let world = World::new().await;
    world.script([
        Some(Ok(Outcome::Retry { after: Some(Duration::from_secs(77)), code: BROKEN, reason: "broken".to_owned() })),
        Some(Err(OracleError { retryable: true })),
    ]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, ["m-1"]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 2)]).await, ["m-2"]);
    let hidden = world.runner.queues.hidden.borrow().clone();
    assert_eq!(hidden[0], Duration::from_secs(77));
    assert!((2..=4).contains(&hidden[1].as_secs()), "{hidden:?}");
    assert_eq!(world.deliver(vec![received(message("s-1"), 3)]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Completed, None));
}

#[tokio::test]
async fn a_step_that_waits_burns_no_receive_and_looks_again_when_its_message_is_repeated() {
    let world = World::new().await;
    let wait = || Some(Ok(Outcome::Wait { after: Duration::from_secs(30 * 24 * 3600), code: BROKEN }));
    world.script([wait(), wait()]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 5)]).await, Vec::<String>::new(), "on its last receive too");
    assert_eq!(world.status("s-1").await, (SessionStatus::Waiting, None));
    assert!(world.runner.queues.dead.borrow().is_empty());
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Waiting, None));
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Completed, None));
    assert_eq!(world.runner.stage.calls.get(), 3);
}

#[tokio::test]
async fn a_short_wait_is_a_delayed_copy_that_burns_no_receive() {
    let world = World::new().await;
    let wait = |seconds| Some(Ok(Outcome::Wait { after: Duration::from_secs(seconds), code: BROKEN }));
    world.script([wait(7), wait(900)]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 5)]).await, Vec::<String>::new(), "on its last receive too");
    assert_eq!(world.status("s-1").await, (SessionStatus::Processing, None));
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, Vec::<String>::new());
    let delayed = world.runner.queues.delayed.take();
    let copy = |seconds| ("analyze".to_owned(), message("s-1"), Duration::from_secs(seconds));
    assert_eq!(delayed, [copy(7), copy(900)]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Completed, None));
    assert!(world.runner.queues.dead.borrow().is_empty() && world.runner.queues.hidden.borrow().is_empty());
}

#[tokio::test]
async fn a_step_whose_copy_waits_is_not_overdue_before_the_copy_is_due() {
    let world = World::new().await;
    world.script([Some(Ok(Outcome::Wait { after: Duration::from_secs(600), code: BROKEN }))]);
    world.deliver(vec![received(message("s-1"), 1)]).await;
    assert_eq!(world.database.store.take_overdue_steps(Duration::ZERO, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_wait_whose_copy_the_queue_refuses_is_not_lost() {
    let world = World::new().await;
    let wait = || Some(Ok(Outcome::Wait { after: Duration::ZERO, code: BROKEN }));
    world.script([wait(), wait()]);
    world.runner.queues.refuses.set(true);
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, ["m-1"]);
    assert_eq!(*world.runner.queues.hidden.borrow(), [Duration::from_secs(1)]);
    assert_eq!(world.status("s-1").await, (SessionStatus::Processing, None));
    assert_eq!(world.deliver(vec![received(message("s-1"), 5)]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Waiting, None), "the redrive policy would have taken it");
    world.runner.queues.refuses.set(false);
    assert_eq!(world.deliver(vec![received(message("s-1"), 2)]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Completed, None));
}

#[tokio::test]
async fn what_cannot_be_helped_is_dead_lettered_and_fails_the_session() {
    let world = World::new().await;
    world.script([Some(Err(OracleError { retryable: false }))]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Failed, Some("broken".into())));
    let dead = world.runner.queues.dead.borrow().clone();
    assert_eq!(dead, [(message("s-1"), BROKEN, "ask the oracle".to_owned())]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 2)]).await, Vec::<String>::new());
    assert_eq!(world.runner.stage.calls.get(), 1, "a repetition does not run a failed step");
}

#[tokio::test]
async fn the_last_receive_fails_the_step_and_a_replay_completes_it() {
    let world = World::new().await;
    world.script([Some(Err(OracleError { retryable: true }))]);
    assert_eq!(world.deliver(vec![received(message("s-1"), 5)]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Failed, Some("broken".into())));

    let mut replay = received(message("s-1"), 1);
    let mut code = SqsMessageAttribute::default();
    code.string_value = Some("broken".into());
    replay.message_attributes.insert(ERROR_CODE.into(), code);
    assert_eq!(world.deliver(vec![replay]).await, Vec::<String>::new());
    assert_eq!(world.status("s-1").await, (SessionStatus::Completed, None));
}

#[tokio::test]
async fn a_step_is_not_failed_before_its_message_is_in_the_dead_letter_queue() {
    let world = World::new().await;
    world.script([Some(Ok(Outcome::Final { code: BROKEN, reason: "broken".to_owned() }))]);
    world.runner.queues.refuses.set(true);
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, ["m-1"]);
    assert_eq!(world.status("s-1").await, (SessionStatus::Processing, None));
}

#[tokio::test]
async fn a_message_about_an_unknown_session_is_dead_lettered() {
    let world = World::new().await;
    assert_eq!(world.deliver(vec![received(message("s-404"), 1)]).await, Vec::<String>::new());
    assert_eq!(world.runner.queues.dead.borrow()[0].1.as_str(), "unknown_step");
}

fn again(session: &str, version: i32) -> SqsMessage {
    let body =
        format!(r#"{{"type":"analyze.v2","tenant_id":"acme","session_id":"{session}","analysis_version":{version}}}"#);
    received(body, 1)
}

impl World {
    /// Claims the session's step of this version and stores an analysis, as a handler would.
    async fn analyse(&self, version: i32) {
        let step = Step::Analyze { version };
        let key = StepKey { tenant_id: tenant(), session_id: "s-1".parse().unwrap(), step };
        let claim = self.database.store.claim_step(&key, Duration::ZERO, false).await.unwrap();
        let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
        let analysis = &serde_json::from_str(include_str!("analysis.json")).unwrap();
        let new = NewAnalysis { analysis, originals: &Default::default(), follow_ups: &[] };
        self.database.store.store_analysis(&claimed, &new).await.unwrap();
    }

    fn dead(&self) -> Vec<&'static str> {
        self.runner.queues.dead.borrow().iter().map(|(_, code, _)| code.as_str()).collect()
    }
}

#[tokio::test]
async fn a_bare_message_plans_the_analysis_after_the_latest_and_runs_it_once() {
    let world = World::new().await;
    assert_eq!(world.deliver(vec![again("s-1", 2)]).await, Vec::<String>::new());
    assert_eq!(world.dead(), ["not_analysed"]);
    world.analyse(1).await;
    world.deliver(vec![received(message("s-1"), 1)]).await;
    assert_eq!((world.status("s-1").await.0, world.runner.stage.calls.get()), (SessionStatus::Completed, 1));

    world.script([Some(Ok(Outcome::Retry { after: None, code: BROKEN, reason: "broken".to_owned() }))]);
    assert_eq!(world.deliver(vec![again("s-1", 2)]).await, ["m-1"]);
    assert_eq!((world.status("s-1").await.0, world.runner.stage.calls.get()), (SessionStatus::Processing, 2));
    world.analyse(2).await;
    for _ in 0..2 {
        assert_eq!(world.deliver(vec![again("s-1", 2)]).await, Vec::<String>::new());
    }
    assert_eq!((world.status("s-1").await.0, world.runner.stage.calls.get()), (SessionStatus::Completed, 3));
    for message in [again("s-1", 4), again("s-404", 2)] {
        world.deliver(vec![message]).await;
    }
    assert_eq!(world.dead()[1..], ["analysis_version_taken", "unknown_step"]);
}

#[tokio::test]
async fn a_step_runs_as_its_row_asks_and_not_as_another_message_about_it_does() {
    let world = World::new().await;
    world.analyse(1).await;
    world.deliver(vec![received(message("s-1"), 1)]).await;
    let planned = AnalyzeMessage::V2 {
        tenant_id: tenant(),
        session_id: "s-1".parse().unwrap(),
        analysis_version: 2,
        model: Some("m-2".into()),
        follow_ups: true,
    };
    let (key, text) = (planned.step_key(), serde_json::to_string(&planned).unwrap());
    world.database.store.plan_reanalysis(&key.tenant_id, &key.session_id, 2, &text).await.unwrap();
    let retry = || Some(Ok(Outcome::Retry { after: None, code: BROKEN, reason: "broken".to_owned() }));
    world.script([retry(), retry()]);
    world.deliver(vec![again("s-1", 2)]).await;
    assert_eq!(world.runner.stage.last.take(), Some(planned));

    let client = world.database.client().await;
    for unreadable in [String::new(), message("s-1")] {
        client.execute("UPDATE steps SET message = $1 WHERE analysis_version = 2", &[&unreadable]).await.unwrap();
        world.deliver(vec![again("s-1", 2)]).await;
        let ran = world.runner.stage.last.take();
        assert!(matches!(&ran, Some(AnalyzeMessage::V2 { model: None, follow_ups: false, .. })), "{ran:?}");
    }
}

#[tokio::test]
async fn what_follows_is_sent_again_until_the_queue_takes_it() {
    let world = World::new().await;
    let analyze: AnalyzeMessage = serde_json::from_str(&message("s-1")).unwrap();
    let store = &world.database.store;
    let claim = store.claim_step(&analyze.step_key(), Duration::ZERO, false).await.unwrap();
    let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
    let follow_ups = [
        Planned { step: Step::Notify { version: 1 }, message: "mail".into() },
        Planned { step: Step::CrmSync { version: 1, integration: "hubspot".parse().unwrap() }, message: "sync".into() },
    ];
    let analysis = &serde_json::from_str(include_str!("analysis.json")).unwrap();
    let new = NewAnalysis { analysis, originals: &Default::default(), follow_ups: &follow_ups };
    store.store_analysis(&claimed, &new).await.unwrap();

    world.runner.queues.refuses.set(true);
    assert_eq!(world.deliver(vec![received(message("s-1"), 1)]).await, ["m-1"], "done, but not passed on");
    world.runner.queues.refuses.set(false);
    assert_eq!(world.deliver(vec![received(message("s-1"), 2)]).await, Vec::<String>::new());
    let sent = world.runner.queues.sent.borrow().clone();
    assert_eq!(sent, [("crm-sync".into(), "sync".into()), ("notify".into(), "mail".to_owned())]);
    assert_eq!(world.runner.stage.calls.get(), 1);
    assert_eq!(world.status("s-1").await.0, SessionStatus::Processing);
}
