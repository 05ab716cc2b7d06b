//! Which webhooks get which events.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::analysis::{ActionItem, Feeling, Owner};
use domain::integration::IntegrationState;
use domain::number::Score;
use domain::session::Visitor;
use domain::step::{Code, Step};
use serde_json::{Value, json};
use store::email_log::EmailStatus;
use store::integration_log::SyncStatus;
use store::steps::{Claim, Ending};

use super::{MAIL, acme};
use crate::world::{World, ana, analysis};

const BOOM: Code = Code::new("model_refused");
const FAILED: &str = "session.failed@model_refused";

#[tokio::test]
async fn a_session_is_sent_in_one_signed_event_without_its_transcript() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    assert_eq!(world.sync_analysis("s-1").await, "done");
    let deliveries = world.deliveries().await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0]["verified"], true);
    let log = world.log("s-1", "hook").await;
    assert_eq!((log.status, log.record_id.as_deref()), (SyncStatus::Done, deliveries[0]["id"].as_str()));

    let mut body = deliveries[0]["body"].clone();
    let analysed = body["data"]["analysis"].take();
    assert_eq!(analysed, serde_json::to_value(analysis()).unwrap());
    insta::assert_json_snapshot!(body, @r#"
    {
      "data": {
        "analysis": null,
        "analysis_version": 1,
        "omitted": [],
        "session": {
          "agent_id": "agent",
          "channel": "text",
          "end_reason": null,
          "ended_at": "2026-11-22T10:00:12Z",
          "metadata": {
            "campaign": "autumn"
          },
          "session_id": "s-1",
          "started_at": "2026-11-22T09:55:00Z",
          "tenant_id": "acme",
          "visitor": {
            "email": "Ana+crm@Example.com",
            "name": "Ana López",
            "phone": "+34 600 000 000"
          }
        }
      },
      "timestamp": "2026-11-22T10:00:12Z",
      "type": "session.analyzed"
    }
    "#);
}

#[tokio::test]
async fn only_the_events_that_a_webhook_asks_for_are_planned() {
    let world = World::new().await;
    for (session, events, planned) in [
        ("s-1", json!(["session.analyzed"]), vec![]),
        ("s-2", json!(["session.failed", "session.analyzed"]), vec![FAILED.to_owned()]),
        ("s-3", json!(["email.status"]), vec![format!("email.status@{MAIL}@sent")]),
    ] {
        world.hook(json!({ "events": events })).await;
        world.failed(session, BOOM).await;
        world.mail(session, EmailStatus::Sent).await;
        assert_eq!(world.planned(session).await, planned, "{events}");
        world.sql("DELETE FROM email_log").await;
    }
}

#[tokio::test]
async fn a_failed_session_is_sent_with_the_code_of_what_failed() {
    let world = World::new().await;
    world.hook(json!({ "events": ["session.failed"] })).await;
    world.failed("s-1", BOOM).await;
    assert_eq!(world.send_event("s-1", FAILED).await, "done");
    let delivery = world.deliveries().await.remove(0);
    assert_eq!((&delivery["verified"], &delivery["type"]), (&json!(true), &json!("session.failed")));
    let data = &delivery["body"]["data"];
    assert_eq!((&data["failure_code"], &data["omitted"]), (&json!("model_refused"), &json!([])));
    assert_eq!(data["session"]["visitor"]["name"], "Ana López");
    let sent_at: DateTime<Utc> = delivery["body"]["timestamp"].as_str().unwrap().parse().unwrap();
    let (_, event) = world.event("s-1", FAILED).await;
    assert_eq!(sent_at, event.occurred_at, "when it failed, however late it is sent");
}

#[tokio::test]
async fn a_failure_is_sent_unchanged_after_the_session_was_fixed_and_another_one_by_itself() {
    let world = World::new().await;
    world.hook(json!({ "events": ["session.failed"] })).await;
    world.failed("s-1", BOOM).await;
    world.fault(json!({ "status": 503 })).await;
    assert_eq!(world.send_event("s-1", FAILED).await, "retry: unavailable");

    let store = &world.database.store;
    let analyze = super::key("s-1", Step::Analyze { version: 1 });
    let end = async |ending: Ending| {
        let claim = store.claim_step(&analyze, Duration::from_secs(60), true).await.unwrap();
        let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
        store.finish_step(&claimed, ending).await.unwrap();
    };
    end(Ending::Failed(Code::new("lost"))).await;
    end(Ending::Done).await;
    let stored = store.session(&acme(), &"s-1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.failure_code, None);
    for step in [FAILED, "session.failed@lost@2"] {
        assert_eq!(world.send_event("s-1", step).await, "done");
    }
    let requests = world.requests().await;
    let header = |name: &'static str| requests.iter().map(move |request| &request["headers"][name]).collect::<Vec<_>>();
    let ids = header("webhook-id");
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    assert_eq!(requests[0]["body"], requests[1]["body"]);
    let codes: Vec<_> =
        world.deliveries().await.iter().map(|delivery| delivery["body"]["data"]["failure_code"].clone()).collect();
    assert_eq!(codes, ["model_refused", "lost"]);
}

#[tokio::test]
async fn each_status_of_a_mail_is_sent_as_it_was_then_and_with_an_id_of_its_own() {
    let world = World::new().await;
    world.hook(json!({ "events": ["email.status"] })).await;
    world.session("s-1", ana()).await;
    world.mail("s-1", EmailStatus::Sent).await;
    world.mail("s-1", EmailStatus::Delivered).await;
    world.fault(json!({ "times": 1, "drop_after": true })).await;
    let mut deliveries = Vec::new();
    for (status, outcome) in [("sent", "retry: unreachable"), ("sent", "done"), ("delivered", "done")] {
        let event = format!("email.status@{MAIL}@{status}");
        assert_eq!(world.send_event("s-1", &event).await, outcome);
        let delivery = world.deliveries().await.pop().unwrap();
        assert_eq!(delivery["verified"], true);
        let expected =
            json!({ "email_id": MAIL, "status": status, "template": "session-summary", "analysis_version": 1 });
        assert_eq!(delivery["body"]["data"]["email"], expected);
        assert_eq!(delivery["body"]["data"].get("analysis"), None);
        deliveries.push(delivery);
    }
    assert_eq!((&deliveries[0]["id"], &deliveries[0]["body"]), (&deliveries[1]["id"], &deliveries[1]["body"]));
    assert_ne!(deliveries[1]["id"], deliveries[2]["id"]);
}

#[tokio::test]
async fn a_webhooks_own_headers_go_with_each_event() {
    let world = World::new().await;
    world
        .hook(json!({ "events": ["session.failed"], "headers": { "X-Source": "post session; v=2", "x-b": "1" } }))
        .await;
    world.session("s-1", ana()).await;
    world.failed("s-2", BOOM).await;
    assert_eq!(
        (world.sync_analysis("s-1").await.as_str(), world.send_event("s-2", FAILED).await.as_str()),
        ("done", "done")
    );
    for request in world.requests().await {
        let headers = &request["headers"];
        assert_eq!((&headers["x-source"], &headers["x-b"]), (&json!("post session; v=2"), &json!("1")));
        assert_eq!(
            (&headers["content-type"], &headers["user-agent"]),
            (&json!("application/json"), &json!("post-session-api"))
        );
    }
}

#[tokio::test]
async fn what_waits_for_a_webhook_that_is_switched_off_or_removed_is_skipped() {
    let world = World::new().await;
    world.hook(json!({ "events": ["session.failed"] })).await;
    for (session, state, outcome) in [
        ("off", IntegrationState::Off, "skipped: integration_off"),
        ("removed", IntegrationState::Removed, "skipped: integration_removed"),
    ] {
        let analysed = format!("{session}-analysed");
        world.failed(session, BOOM).await;
        world.session(&analysed, ana()).await;
        assert!(world.database.store.switch_integration(&acme(), &"hook".parse().unwrap(), &state).await.unwrap());
        assert_eq!(
            (world.send_event(session, FAILED).await.as_str(), world.sync_analysis(&analysed).await.as_str()),
            (outcome, outcome)
        );
        assert_eq!(world.log(&analysed, "hook").await.status, SyncStatus::Skipped);
        world.hook(json!({ "events": ["session.failed"] })).await;
    }
    assert_eq!(world.requests().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_payload_that_grows_too_long_says_what_it_leaves_out() {
    let world = World::new().await;
    let mut analysis = analysis();
    let feeling = Feeling { turn: 1, score: Score::NEUTRAL, emotion: "calm".into() };
    analysis.sentiment.as_mut().unwrap().timeline = vec![feeling; 1000];
    world.session_with("s-1", ana(), &analysis).await;
    let item = ActionItem { text: "x".repeat(200), owner: Owner::Agent, due: None, evidence: Vec::new() };
    analysis.action_items = vec![item; 200];
    world.session_with("s-2", ana(), &analysis).await;
    let few = ["/session/metadata", "/analysis/sentiment/timeline"];
    let more =
        ["/analysis/insights", "/analysis/sentiment/shifts", "/analysis/custom_metrics", "/analysis/action_items"];
    for (id, omitted) in [("s-1", few.to_vec()), ("s-2", [&few[..], &more[..]].concat())] {
        assert_eq!(world.sync_analysis(id).await, "done");
        let body = world.deliveries().await.pop().unwrap()["body"].clone();
        assert_eq!(body["data"]["omitted"], json!(omitted));
        assert!(body.to_string().len() <= connectors::webhook::MAX_PAYLOAD_BYTES);
        assert_eq!(body["data"]["analysis"]["sentiment"]["timeline"], Value::Null);
    }
}

#[tokio::test]
async fn an_analysis_of_a_megabyte_is_sent_in_a_short_event_that_names_what_it_leaves_out() {
    let world = World::new().await;
    let mut analysis = analysis();
    let feeling = Feeling { turn: 1, score: Score::NEUTRAL, emotion: "calm".repeat(15) };
    analysis.sentiment.as_mut().unwrap().timeline = vec![feeling; 10_000];
    let item = ActionItem { text: "🙂".repeat(500), owner: Owner::Agent, due: None, evidence: Vec::new() };
    analysis.action_items = vec![item; 20];
    analysis.topics = vec!["x".repeat(500); 20];
    assert!(serde_json::to_string(&analysis).unwrap().len() > 1_000_000);
    world.session_with("s-1", ana(), &analysis).await;
    assert_eq!(world.sync_analysis("s-1").await, "done");
    let request = world.requests().await.remove(0);
    assert!(request["body"].as_str().unwrap().len() <= 20_000);
    let data = world.deliveries().await.remove(0)["body"]["data"].clone();
    let omitted: Vec<_> = data["omitted"].as_array().unwrap().iter().map(|at| at.as_str().unwrap()).collect();
    assert!(omitted.contains(&"/analysis/sentiment/timeline") && omitted.contains(&"/analysis/action_items"));
    assert!(omitted.iter().all(|at| data.pointer(at).is_none()), "{omitted:?}");
    for part in ["summary", "category", "sentiment", "intent", "conversation", "topics"] {
        let (is_sent, is_named) =
            (data["analysis"].get(part).is_some(), omitted.contains(&&*format!("/analysis/{part}")));
        assert!(is_sent != is_named, "{part}: {omitted:?}");
    }
}

#[tokio::test]
async fn a_session_of_a_visitor_without_an_address_is_sent_to_webhooks_all_the_same() {
    let world = World::new().await;
    world.session("s-1", Visitor::default()).await;
    assert_eq!(world.sync_analysis("s-1").await, "done");
}
