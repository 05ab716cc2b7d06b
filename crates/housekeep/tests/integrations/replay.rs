//! Syncs that have failed are sent again.

use std::time::Duration;

use serde_json::{Value, json};
use stage::testing::MemoryQueues;

use crate::world::{World, ana};

fn replay(range: Value) -> Value {
    let mut task = json!({ "task": "replay_integration", "tenant_id": "acme", "integration_id": "hubspot" });
    task.as_object_mut().unwrap().extend(range.as_object().unwrap().clone());
    task
}

/// Sessions whose syncs to HubSpot and to the webhook failed an hour after each other.
async fn world(sessions: u32) -> World {
    let world = World::new().await;
    world
        .sql(&format!(
        "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, status, started_at, ended_at, failed_steps)
         SELECT 'acme', 's-' || lpad(n::text, 4, '0'), 'a', 'text', 'failed', '2026-11-01Z',
                '2026-11-01Z'::timestamptz + n * interval '1 hour', 2 FROM generate_series(1, {sessions}) n"
    ))
        .await;
    for id in ["hubspot", "hook"] {
        world
            .sql(&format!(
                "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, status, code, message,
                                finished_at)
             SELECT 'acme', session_id, 'crm_sync', 1, '{id}', 'failed', 'rejected', '{id} ' || session_id, ended_at
             FROM sessions"
            ))
            .await;
    }
    world
}

#[tokio::test]
async fn what_failed_for_sessions_of_a_time_is_sent_again_as_a_replay() {
    let world = world(4).await;
    let queues = MemoryQueues::default();
    let range = json!({ "from": "2026-11-01T02:00:00Z", "to": "2026-11-01T04:00:00Z" });
    let answer = world.ask_of(&queues, replay(range)).await.unwrap();
    assert_eq!(answer, json!({ "replayed": 2, "next": null }));
    let sent = ["s-0002", "s-0003"].map(|id| (format!("hubspot {id}"), "rejected".to_owned()));
    assert_eq!(*queues.replayed.borrow(), sent);

    let answer = world.ask_of(&queues, replay(json!({ "session_id": "s-0001" }))).await.unwrap();
    assert_eq!(answer, json!({ "replayed": 1, "next": null }));
    assert_eq!(queues.replayed.borrow().last().unwrap().0, "hubspot s-0001");
}

#[tokio::test]
async fn a_call_ends_after_a_thousand_messages_and_the_next_goes_on_there() {
    let world = world(1050).await;
    world.sql("UPDATE steps SET analysis_version = 2, integration_id = 'hubspot' WHERE integration_id = 'hook'").await;
    let queues = MemoryQueues::default();
    let mut range = json!({ "from": "2026-11-01T00:00:00Z", "to": "2027-11-01T00:00:00Z" });
    let mut calls = 0;
    loop {
        let answer = world.ask_of(&queues, replay(range.clone())).await.unwrap();
        assert!(answer["replayed"].as_u64().unwrap() <= 1000, "{answer}");
        calls += 1;
        if answer["next"].is_null() {
            break;
        }
        range["after"] = answer["next"].clone();
    }
    assert_eq!(calls, 3);
    let mut sent: Vec<_> = queues.replayed.borrow().iter().map(|(body, _)| body.clone()).collect();
    sent.sort();
    sent.dedup();
    assert_eq!((sent.len(), queues.replayed.borrow().len()), (2100, 2100), "each once");
}

#[tokio::test]
async fn a_webhook_gets_all_events_again_unless_only_failed_ones_are_asked_for() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.sync("s-1", "hook").await.unwrap();
    let queues = MemoryQueues::default();
    let mut again = replay(json!({ "session_id": "s-1" }));
    again["integration_id"] = json!("hook");
    let answer = world.ask_of(&queues, again.clone()).await.unwrap();
    assert_eq!(answer, json!({ "replayed": 1, "next": null }));
    let message: Value = serde_json::from_str(&queues.sent.borrow()[0].1).unwrap();
    let event_id = message["event_id"].as_str().unwrap().parse().unwrap();
    let event = world.database.store.webhook_event(&"acme".parse().unwrap(), event_id).await.unwrap().unwrap();
    assert_eq!((event.event.to_string().as_str(), event.is_replay), ("session.analyzed", true));

    again["failed_only"] = json!(true);
    let answer = world.ask_of(&queues, again).await.unwrap();
    assert_eq!((&answer["replayed"], queues.replayed.borrow().len()), (&json!(0), 0));
}

/// Creates this number of sessions, each with 15 events sent to a webhook.
async fn with_events_sent(sessions: u32) -> World {
    let world = World::new().await;
    world
        .sql(&format!(
            "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, status, started_at, ended_at)
             SELECT 'acme', 's-' || lpad(n::text, 4, '0'), 'a', 'text', 'completed', '2026-11-01Z', '2026-11-01Z'
             FROM generate_series(1, {sessions}) n"
        ))
        .await;
    world
        .sql(
            "WITH event AS (
                 INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, code, occurrence)
                 SELECT 'acme', gen_random_uuid(), session_id, 'hook', 'session.failed', 'lost', n
                 FROM sessions, generate_series(2, 16) n RETURNING session_id, event_id
             )
             INSERT INTO webhook_attempts (tenant_id, attempt_id, integration_id, session_id, webhook_id, event_id,
                                           began_at, duration_ms)
             SELECT 'acme', gen_random_uuid(), 'hook', session_id, 'msg', event_id, '2026-11-02Z', 1 FROM event",
        )
        .await;
    world
}

fn replay_events(after: Value) -> Value {
    let mut task = replay(json!({ "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z", "after": after }));
    task["integration_id"] = json!("hook");
    task
}

#[tokio::test]
async fn sessions_with_many_events_do_not_make_a_call_longer() {
    let world = with_events_sent(70).await;
    let queues = MemoryQueues::default();
    let (mut after, mut calls) = (Value::Null, Vec::new());
    loop {
        let answer = world.ask_of(&queues, replay_events(after)).await.unwrap();
        calls.push(answer["replayed"].as_u64().unwrap());
        after = answer["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!((calls.iter().sum::<u64>(), queues.sent.borrow().len()), (1050, 1050));
    assert!(calls.iter().all(|sent| *sent <= 1000), "{calls:?}");
}

#[tokio::test]
async fn an_invocation_that_is_about_to_end_sends_no_more_and_says_where_to_go_on() {
    let world = with_events_sent(20).await;
    let (queues, soon) = (MemoryQueues::default(), Duration::ZERO);
    let answer = world.ask_within(&queues, replay_events(Value::Null), soon).await.unwrap();
    assert_eq!((answer, queues.sent.borrow().len()), (json!({ "replayed": 90, "next": "s-0006" }), 0));
    let planned = "UPDATE steps SET due_at = now() - interval '2 hours' WHERE status = 'pending'";
    assert_eq!(world.sql(planned).await, 90, "housekeep sends them");
    let answer = world.ask_of(&queues, replay_events(json!("s-0006"))).await.unwrap();
    assert_eq!((answer, queues.sent.borrow().len()), (json!({ "replayed": 210, "next": null }), 210));

    let world = self::world(20).await;
    let range = json!({ "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" });
    let answer = world.ask_within(&queues, replay(range), soon).await.unwrap();
    assert_eq!(answer, json!({ "replayed": 1, "next": "s-0001" }));
}

#[tokio::test]
async fn an_invocation_of_seconds_sends_all_the_same() {
    let world = with_events_sent(2).await;
    let queues = MemoryQueues::default();
    let answer = world.ask_within(&queues, replay_events(Value::Null), Duration::from_secs(5)).await.unwrap();
    assert_eq!((answer, queues.sent.borrow().len()), (json!({ "replayed": 30, "next": null }), 30));
}

#[tokio::test]
async fn what_a_queue_does_not_take_is_left_to_housekeep() {
    let world = with_events_sent(20).await;
    let queues = MemoryQueues::default();
    queues.refuses.set(true);
    let answer = world.ask_of(&queues, replay_events(Value::Null)).await.unwrap();
    assert_eq!(answer, json!({ "replayed": 300, "next": null }));
    assert_eq!(world.sql("UPDATE steps SET due_at = now() WHERE status = 'pending'").await, 300);

    let world = self::world(1).await;
    let error = world.ask_of(&queues, replay(json!({ "session_id": "s-0001" }))).await.unwrap_err();
    assert!(error.starts_with("replay message not sent"), "{error}");
}

#[tokio::test]
async fn a_replay_that_could_do_nothing_is_refused() {
    let world = world(1).await;
    for range in [
        json!({}),
        json!({ "from": "2026-11-01T00:00:00Z" }),
        json!({ "from": "2026-11-01T00:00:00Z", "to": "2026-11-01T00:00:00Z" }),
        json!({ "session_id": "s-0001", "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z" }),
    ] {
        let error = world.ask(replay(range)).await.unwrap_err();
        assert_eq!(error, "replay refused: name session_id, or from and to with from before to");
    }
    world
        .ask(json!({ "task": "disable_integration", "tenant_id": "acme", "integration_id": "hubspot" }))
        .await
        .unwrap();
    let error = world.ask(replay(json!({ "session_id": "s-0001" }))).await.unwrap_err();
    assert!(error.contains("integration hubspot is not on"), "{error}");
}
