//! Lost and waiting steps, and further analyses.

use std::time::{Duration, Instant};

use domain::message::{AnalyzeMessage, CrmSyncMessage, StepMessage};
use domain::session::{Session, SessionStatus};
use domain::step::{Code, Step, StepKey};
use housekeep::{Context, Error, HousekeepTask, ReanalyzeReport, ReanalyzeRequest, RequeueReport, TaskReport};
use serde_json::json;
use stage::testing::MemoryQueues;
use store::analyses::NewAnalysis;
use store::sessions::NotifiedSession;
use store::steps::{Claim, Ending};
use store::testing::{self, TestDatabase};

use crate::world::{World, handle};

const MESSAGE: &str = r#"{"type":"analyze.v1","tenant_id":"acme","session_id":"s-1"}"#;

fn session() -> Session {
    testing::session("s-1")
}

async fn world() -> (TestDatabase, Context<MemoryQueues>) {
    let World { database, context, .. } = World::new([]).await;
    let client = database.client().await;
    for table in ["steps", "sessions"] {
        client.execute(&format!("DELETE FROM {table}"), &[]).await.unwrap();
    }
    let notification = NotifiedSession { session: &session(), transcript: None, hash: b"hash", message: MESSAGE };
    database.store.accept_session(&notification).await.unwrap();
    (database, context)
}

async fn an_hour_passes(database: &TestDatabase) {
    let age = "UPDATE steps SET due_at = due_at - interval '61 minutes'";
    database.client().await.execute(age, &[]).await.unwrap();
}

async fn requeue(context: &Context<MemoryQueues>) -> (u32, u32) {
    match handle(context, HousekeepTask::Requeue).await.unwrap() {
        TaskReport::Requeue(RequeueReport { requeued, failed, complete: true, .. }) => (requeued, failed),
        other => panic!("{other:?}"),
    }
}

/// A delivery claims the step and is never heard of again.
async fn a_delivery_dies(database: &TestDatabase) {
    let message: AnalyzeMessage = serde_json::from_str(MESSAGE).unwrap();
    let claim = database.store.claim_step(&message.step_key(), Duration::ZERO, false).await.unwrap();
    assert!(matches!(claim, Claim::Run(_, _)), "{claim:?}");
}

#[tokio::test]
async fn a_step_whose_deliveries_die_is_queued_again_three_times_and_then_given_up() {
    let (database, context) = world().await;
    let hook = "INSERT INTO integrations (tenant_id, integration_id, config, secret_name)
                VALUES ('acme', 'hook', '{\"kind\": \"webhook\", \"events\": [\"session.failed\"]}', 's')";
    database.client().await.execute(hook, &[]).await.unwrap();
    assert_eq!(requeue(&context).await, (0, 0), "not overdue yet");
    for _ in 0..3 {
        a_delivery_dies(&database).await;
        an_hour_passes(&database).await;
        assert_eq!(requeue(&context).await, (1, 0));
        assert_eq!(requeue(&context).await, (0, 0), "it has its time again");
    }
    assert_eq!(*context.queues.sent.borrow(), vec![("analyze".to_owned(), MESSAGE.to_owned()); 3]);

    a_delivery_dies(&database).await;
    an_hour_passes(&database).await;
    assert_eq!(requeue(&context).await, (0, 1));
    let dead = context.queues.dead.borrow().clone();
    assert_eq!((dead.len(), dead[0].0.as_str(), dead[0].1.as_str()), (1, MESSAGE, "lost"));
    let session = session();
    let stored = database.store.session(&session.tenant_id, &session.session_id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.failure_code.as_deref()), (SessionStatus::Failed, Some("lost")));
    let (queue, event) = context.queues.sent.borrow()[3].clone();
    let CrmSyncMessage::V2 { event_id, .. } = serde_json::from_str(&event).unwrap() else { panic!("{event}") };
    let event = database.store.webhook_event(&session.tenant_id, event_id).await.unwrap().unwrap().event;
    assert_eq!((queue.as_str(), event.to_string().as_str()), ("crm-sync", "session.failed@lost"));
    let deliver = "UPDATE steps SET status = 'done' WHERE kind = 'webhook_event'";
    database.client().await.execute(deliver, &[]).await.unwrap();
    an_hour_passes(&database).await;
    assert_eq!(requeue(&context).await, (0, 0), "it has ended");
}

#[tokio::test]
async fn a_step_that_waits_in_a_long_queue_is_never_given_up() {
    let (database, context) = world().await;
    for _ in 0..10 {
        an_hour_passes(&database).await;
        assert_eq!(requeue(&context).await, (1, 0));
    }
}

#[tokio::test]
async fn a_queue_that_refuses_is_an_error_and_the_step_is_as_overdue_as_before() {
    let (database, context) = world().await;
    a_delivery_dies(&database).await;
    an_hour_passes(&database).await;
    context.queues.refuses.set(true);
    for _ in 0..5 {
        let error = handle(&context, HousekeepTask::Requeue).await.unwrap_err();
        assert_eq!(error.to_string(), "the message of step analyze of session s-1 was not sent");
    }
    context.queues.refuses.set(false);
    assert_eq!(requeue(&context).await, (1, 0));
    assert!(context.queues.dead.borrow().is_empty());
}

/// A delivery has the step wait for this long.
async fn a_delivery_waits(database: &TestDatabase, after: Duration) {
    let message: AnalyzeMessage = serde_json::from_str(MESSAGE).unwrap();
    let claim = database.store.claim_step(&message.step_key(), Duration::from_secs(60), false).await.unwrap();
    let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
    assert!(database.store.set_waiting(&claimed, after, Code::new("budget_spent")).await.unwrap());
}

async fn resumed(context: &Context<MemoryQueues>) -> u32 {
    match handle(context, HousekeepTask::Requeue).await.unwrap() {
        TaskReport::Requeue(RequeueReport { requeued: 0, failed: 0, resumed, complete: true }) => resumed,
        other => panic!("{other:?}"),
    }
}

async fn status(database: &TestDatabase) -> SessionStatus {
    let session = session();
    database.store.session(&session.tenant_id, &session.session_id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_step_that_waits_is_sent_again_when_it_is_due_and_never_counts_as_lost() {
    let (database, context) = world().await;
    for round in 1..=6 {
        a_delivery_waits(&database, Duration::from_secs(90 * 60)).await;
        an_hour_passes(&database).await;
        assert_eq!((resumed(&context).await, status(&database).await), (0, SessionStatus::Waiting));
        an_hour_passes(&database).await;
        assert_eq!((resumed(&context).await, status(&database).await), (1, SessionStatus::Processing));
        assert_eq!(resumed(&context).await, 0, "once");
        assert_eq!(context.queues.sent.borrow().len(), round);
    }
    assert_eq!(context.queues.sent.borrow()[0], ("analyze".to_owned(), MESSAGE.to_owned()));
    assert!(context.queues.dead.borrow().is_empty());
}

#[tokio::test]
async fn a_due_step_whose_message_cannot_be_sent_waits_on() {
    let (database, context) = world().await;
    a_delivery_waits(&database, Duration::ZERO).await;
    context.queues.refuses.set(true);
    for _ in 0..3 {
        let error = handle(&context, HousekeepTask::Requeue).await.unwrap_err();
        assert_eq!(error.to_string(), "the message of step analyze of session s-1 was not sent");
        assert_eq!(status(&database).await, SessionStatus::Waiting);
    }
    context.queues.refuses.set(false);
    assert_eq!((resumed(&context).await, status(&database).await), (1, SessionStatus::Processing));
}

#[tokio::test]
async fn a_step_that_cannot_be_put_back_keeps_no_other_from_being_put_back() {
    let (database, context) = world().await;
    for id in ["s-2", "s-3", "s-4"] {
        let notification =
            NotifiedSession { session: &testing::session(id), transcript: None, hash: b"h", message: id };
        database.store.accept_session(&notification).await.unwrap();
    }
    an_hour_passes(&database).await;
    let client = database.client().await;
    for sql in [
        "UPDATE steps SET status = 'waiting' WHERE session_id IN ('s-3', 's-4')",
        "UPDATE sessions SET status = 'waiting', waiting_steps = 1 WHERE session_id IN ('s-3', 's-4')",
        "ALTER TABLE steps ADD CHECK (session_id IN ('s-2', 's-4') OR due_at > now() - interval '30 minutes') NOT VALID",
        "ALTER TABLE steps ADD CHECK (session_id <> 's-3' OR status <> 'waiting') NOT VALID",
    ] {
        client.execute(sql, &[]).await.unwrap();
    }
    context.queues.refuses.set(true);
    let error = handle(&context, HousekeepTask::Requeue).await.unwrap_err();
    assert!(matches!(error, Error::Queue { .. }), "{error:?}");
    context.queues.refuses.set(false);
    let report = handle(&context, HousekeepTask::Requeue).await.unwrap();
    assert_eq!(report, TaskReport::Requeue(RequeueReport { requeued: 1, failed: 0, resumed: 1, complete: true }));
    let sent: Vec<_> = context.queues.sent.borrow().iter().map(|(_, message)| message.clone()).collect();
    assert_eq!(sent, ["s-2", "s-4"]);
}

#[tokio::test]
async fn a_run_without_time_leaves_everything_to_the_next_and_says_so() {
    let (database, context) = world().await;
    an_hour_passes(&database).await;
    let steps = "SELECT array_agg(to_jsonb(steps) ORDER BY created_at)::text FROM steps";
    let client = database.client().await;
    let rows = async || client.query_one(steps, &[]).await.unwrap().get::<_, String>(0);
    let before = rows().await;
    let soon = Instant::now() + Duration::from_secs(7);
    let report = housekeep::handle(&context, HousekeepTask::Requeue, soon).await.unwrap();
    let expected = json!({ "requeued": 0, "failed": 0, "resumed": 0, "complete": false });
    assert_eq!(serde_json::to_value(report).unwrap(), expected);
    assert_eq!((rows().await, context.queues.sent.borrow().len()), (before, 0), "no step is taken");
    assert_eq!(requeue(&context).await, (1, 0));
}

fn reanalyze(session: &str, model: Option<&str>) -> HousekeepTask {
    HousekeepTask::Reanalyze(ReanalyzeRequest {
        tenant_id: "acme".parse().unwrap(),
        session_id: session.parse().unwrap(),
        model: model.map(str::to_owned),
        follow_ups: false,
    })
}

fn reanalyzed(analysis_version: i32) -> TaskReport {
    TaskReport::Reanalyze(ReanalyzeReport { analysis_version })
}

/// A delivery stores this version of the analysis and ends its step.
async fn a_delivery_analyses(database: &TestDatabase, version: i32) {
    let (store, Session { tenant_id, session_id, .. }) = (&database.store, session());
    let key = StepKey { tenant_id, session_id, step: Step::Analyze { version } };
    let claim = store.claim_step(&key, Duration::from_secs(60), false).await.unwrap();
    let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
    let analysis = &serde_json::from_str(include_str!("../../../stage/tests/analysis.json")).unwrap();
    let new = NewAnalysis { analysis, originals: &Default::default(), follow_ups: &[] };
    assert!(store.store_analysis(&claimed, &new).await.unwrap());
    store.finish_step(&claimed, Ending::Done).await.unwrap();
}

#[tokio::test]
async fn an_analysed_session_is_analysed_again_once_for_equal_requests() {
    let (database, context) = world().await;
    a_delivery_analyses(&database, 1).await;
    assert_eq!(status(&database).await, SessionStatus::Completed);
    let ask = async |model| handle(&context, reanalyze("s-1", model)).await;
    for _ in 0..2 {
        assert_eq!(ask(Some("m-2")).await.unwrap(), reanalyzed(2));
        assert_eq!(status(&database).await, SessionStatus::Processing);
    }
    let expected = r#"{"type":"analyze.v2","tenant_id":"acme","session_id":"s-1","analysis_version":2,"model":"m-2","follow_ups":false}"#;
    assert_eq!(*context.queues.sent.borrow(), vec![("analyze".to_owned(), expected.to_owned()); 2]);
    assert!(matches!(ask(None).await, Err(Error::UnderWay { version: 2 })), "with another model");

    a_delivery_analyses(&database, 2).await;
    assert_eq!(status(&database).await, SessionStatus::Completed);
    assert_eq!(ask(None).await.unwrap(), reanalyzed(3));
}

#[tokio::test]
async fn another_analysis_that_failed_can_be_asked_for_otherwise() {
    let (database, context) = world().await;
    a_delivery_analyses(&database, 1).await;
    handle(&context, reanalyze("s-1", Some("no-such-model"))).await.unwrap();
    let Session { tenant_id, session_id, .. } = session();
    let key = StepKey { tenant_id, session_id, step: Step::Analyze { version: 2 } };
    let claim = database.store.claim_step(&key, Duration::from_secs(60), false).await.unwrap();
    let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
    database.store.finish_step(&claimed, Ending::Failed(Code::new("model_not_found"))).await.unwrap();
    assert_eq!(status(&database).await, SessionStatus::Failed);

    let report = handle(&context, reanalyze("s-1", None)).await.unwrap();
    assert_eq!((report, status(&database).await), (reanalyzed(2), SessionStatus::Processing));
    a_delivery_analyses(&database, 2).await;
    assert_eq!(status(&database).await, SessionStatus::Completed);
}

#[tokio::test]
async fn a_session_without_an_analysis_is_not_analysed_again() {
    let (database, context) = world().await;
    for (session, error) in [("s-1", "session s-1 has no analysis yet"), ("s-404", "unknown session s-404")] {
        assert_eq!(handle(&context, reanalyze(session, None)).await.unwrap_err().to_string(), error);
    }
    assert_eq!(status(&database).await, SessionStatus::Processing);
    assert!(context.queues.sent.borrow().is_empty());
}
