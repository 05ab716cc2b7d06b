//! Answers of receivers, and their outcomes.

use chrono::Utc;
use domain::integration::IntegrationState;
use domain::message::{CrmSyncMessage, StepMessage};
use serde_json::{Value, json};
use stage::{Delivery, Outcome, Stage};
use store::integration_log::SyncStatus;
use store::steps::Claimed;

use crate::world::{World, ana, judged};

/// One delivery to a receiver that answers so, of an integration that has not failed before; and how many requests it
/// took.
async fn answered(world: &World, session: &str, status: u16, mut headers: Value) -> (String, usize) {
    world.fix("hook").await;
    world.session(session, ana()).await;
    headers["location"] = json!(format!("{}/hooks/other", world.webhook.base_url));
    world.fault(json!({ "body_match": session, "times": 9, "status": status, "headers": headers })).await;
    let result = world.sync_analysis(session).await;
    (result, world.webhook.control.requests(session).await.unwrap().len())
}

#[tokio::test]
async fn the_receivers_status_decides_and_nothing_is_asked_again_within_a_delivery() {
    let world = World::new().await;
    for (status, outcome) in [
        (200, "done"),
        (201, "done"),
        (202, "done"),
        (204, "done"),
        (299, "done"),
        (300, "final: redirected"),
        (301, "final: redirected"),
        (302, "final: redirected"),
        (303, "final: redirected"),
        (304, "final: redirected"),
        (307, "final: redirected"),
        (308, "final: redirected"),
        (400, "final: rejected"),
        (403, "final: rejected"),
        (404, "final: rejected"),
        (422, "final: rejected"),
        (408, "retry: unavailable"),
        (410, "wait 86400 s: integration_disabled"),
        (429, "wait 10 s: rate_limited"),
        (500, "retry: unavailable"),
        (501, "final: rejected"),
        (502, "retry: unavailable"),
        (503, "retry: unavailable"),
        (504, "retry: unavailable"),
        (599, "retry: unavailable"),
    ] {
        let result = answered(&world, &format!("s-{status}"), status, json!({})).await;
        assert_eq!(result, (outcome.to_owned(), 1), "{status}");
    }
    assert_eq!(world.deliveries().await, Vec::<Value>::new(), "no redirect is followed");
}

#[tokio::test]
async fn a_refused_secret_is_read_again_and_tried_once_more() {
    let world = World::new().await;
    assert_eq!(
        answered(&world, "s-1", 401, json!({})).await,
        ("final: unauthorized".to_owned(), 1),
        "it was read just now"
    );
    assert_eq!(answered(&world, "s-2", 204, json!({})).await, ("done".to_owned(), 1));
    assert_eq!(
        answered(&world, "s-3", 401, json!({})).await,
        ("final: unauthorized".to_owned(), 2),
        "it was from before"
    );
}

#[tokio::test]
async fn a_receiver_that_says_when_to_come_again_is_left_alone_until_then() {
    let world = World::new().await;
    let in_a_minute = || (Utc::now() + chrono::TimeDelta::seconds(60)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (status, code) in [
        (408, "unavailable"),
        (429, "rate_limited"),
        (500, "unavailable"),
        (502, "unavailable"),
        (503, "unavailable"),
        (504, "unavailable"),
    ] {
        for (index, (text, least, most)) in
            [("7".to_owned(), 7, 7), (in_a_minute(), 50, 60), ("999999999".to_owned(), 86_400, 86_400)]
                .into_iter()
                .enumerate()
        {
            let session = format!("s-{status}-{index}");
            let (result, requests) = answered(&world, &session, status, json!({ "retry-after": text })).await;
            let waits = result.strip_prefix("wait ").and_then(|rest| rest.strip_suffix(&format!(" s: {code}")));
            let seconds: u64 = waits.unwrap_or_else(|| panic!("{status}: {result}")).parse().unwrap();
            assert!((least..=most).contains(&seconds), "{status} with {text}: {result}");
            assert_eq!(requests, 1);

            // Nobody else asks meanwhile.
            let other = format!("{session}-other");
            world.session(&other, ana()).await;
            let Ok(Outcome::Wait { code: held, .. }) = world.sync(&other, "hook").await else { panic!("{status}") };
            assert_eq!(held.as_str(), code);
            assert!(world.webhook.control.requests(&other).await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn an_unreadable_retry_after_counts_as_absent() {
    let world = World::new().await;
    for (index, text) in ["0", "-1", "soon", "Sun, 22 Nov 2015 10:00:00 GMT"].into_iter().enumerate() {
        for (status, outcome) in [(503, "retry: unavailable"), (429, "wait 10 s: rate_limited")] {
            let session = format!("s-{status}-{index}");
            let result = answered(&world, &session, status, json!({ "retry-after": text })).await;
            assert_eq!(result, (outcome.to_owned(), 1), "{text}");
        }
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_no_more_webhooks_and_what_is_left_waits() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.session("s-2", ana()).await;
    world.fault(json!({ "status": 410 })).await;
    assert_eq!(world.sync_analysis("s-1").await, "wait 86400 s: integration_disabled");
    let IntegrationState::Disabled(disabled) = world.state().await else { panic!("not disabled") };
    let expected = "The webhook's receiver answered 410 Gone: it wants no more events. Enable the integration once it does. \
                (HTTP 410)";
    assert_eq!((disabled.code.as_str(), disabled.reason.as_str()), ("gone", expected));
    assert_eq!(world.sync_analysis("s-2").await, "wait 86400 s: integration_disabled");
    assert_eq!(world.requests().await.len(), 1);

    world.fix("hook").await;
    for session in ["s-1", "s-2"] {
        assert_eq!(world.sync_analysis(session).await, "done");
    }
}

#[tokio::test]
async fn a_webhook_that_stays_disabled_fails_its_sessions_in_the_end() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.fault(json!({ "status": 410 })).await;
    world.sync_analysis("s-1").await;
    world.sql("UPDATE integrations SET disabled_at = now() - interval '31 days' WHERE integration_id = 'hook'").await;
    assert_eq!(world.sync_analysis("s-1").await, "final: integration_disabled");
    assert_eq!(world.log("s-1", "hook").await.status, SyncStatus::Failed);
}

#[tokio::test]
async fn every_attempt_sends_the_same_id_and_body() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.fault(json!([{ "status": 503 }, { "drop_after": true }, { "drop_before": true }])).await;
    for outcome in ["retry: unavailable", "retry: unreachable", "retry: unreachable"] {
        assert_eq!(world.sync_analysis("s-1").await, outcome);
        assert_eq!(world.log("s-1", "hook").await.status, SyncStatus::Writing);
    }
    for _ in 0..2 {
        assert_eq!(world.sync_analysis("s-1").await, "done");
    }
    let requests = world.requests().await;
    assert_eq!(requests.len(), 4, "what was accepted is not sent again");
    for request in &requests {
        assert_eq!(request["headers"]["webhook-id"], requests[0]["headers"]["webhook-id"]);
        assert_eq!(request["body"], requests[0]["body"]);
    }
}

#[tokio::test]
async fn the_last_delivery_that_is_refused_leaves_the_session_failed_in_the_log() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.fault(json!({ "status": 500 })).await;
    let (tenant_id, session_id, integration_id) = (super::acme(), "s-1".parse().unwrap(), "hook".parse().unwrap());
    let message = CrmSyncMessage::V1 { tenant_id, session_id, analysis_version: 1, integration_id };
    let claimed = Claimed { key: message.step_key(), attempt: 5 };
    let delivery = Delivery { is_last: true, ..super::delivery(claimed) };
    assert_eq!(super::line(judged(world.context.handle(message, &delivery).await)), "retry: unavailable");
    let log = world.log("s-1", "hook").await;
    assert_eq!((log.status, log.code.as_deref(), log.attempts), (SyncStatus::Failed, Some("unavailable"), 1));
}
