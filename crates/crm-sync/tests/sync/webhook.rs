//! Webhooks: signed, with one id, and never to a place of our own.

use std::time::Duration;

use domain::analysis::{ActionItem, Feeling, Owner};
use domain::integration::IntegrationState;
use domain::number::Score;
use domain::session::Visitor;
use serde_json::{Value, json};
use stage::{Failure, Outcome, error_chain};
use store::integration_log::SyncStatus;

use crate::world::{SIGNING_SECRET, World, ana, analysis};

async fn deliveries(world: &World) -> Vec<Value> {
    world.webhook.control.state("").await.unwrap()["deliveries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_session_is_told_in_one_signed_event_without_its_transcript() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    assert_eq!(world.sync("s-1", "hook").await.unwrap(), Outcome::Done);
    let deliveries = deliveries(&world).await;
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
async fn every_attempt_sends_the_same_id_and_body() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    let faults = json!([{ "status": 503, "headers": { "retry-after": "7" } }, { "drop_after": true }]);
    world.webhook.control.fault(faults).await.unwrap();
    let error = world.sync("s-1", "hook").await.unwrap_err();
    assert_eq!((error.is_retryable(), error.retry_after()), (true, Some(Duration::from_secs(7))));
    let error = world.sync("s-1", "hook").await.unwrap_err();
    assert_eq!((error.is_retryable(), error.code().as_str()), (true, "unreachable"));
    assert_eq!(world.log("s-1", "hook").await.status, SyncStatus::Writing);
    assert_eq!(world.sync("s-1", "hook").await.unwrap(), Outcome::Done);

    let requests = world.webhook.control.requests("").await.unwrap();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request["headers"]["webhook-id"], requests[0]["headers"]["webhook-id"]);
        assert_eq!(request["body"], requests[0]["body"]);
    }
    assert_eq!(world.sync("s-1", "hook").await.unwrap(), Outcome::Done);
    assert_eq!(world.webhook.control.requests("").await.unwrap().len(), 3, "what was accepted is not sent again");
}

#[tokio::test]
async fn the_receivers_status_decides() {
    let world = World::new().await;
    for (status, code, retryable) in [
        (301, "redirected", false),
        (307, "redirected", false),
        (400, "rejected", false),
        (404, "rejected", false),
        (408, "unavailable", true),
        (429, "unavailable", true),
        (500, "unavailable", true),
        (501, "rejected", false),
        (502, "unavailable", true),
        (504, "unavailable", true),
    ] {
        let id = format!("s-{status}");
        world.session(&id, ana()).await;
        let headers = json!({ "location": format!("{}/hooks/other", world.webhook.base_url) });
        let fault = json!({ "body_match": id, "status": status, "headers": headers });
        world.webhook.control.fault(fault).await.unwrap();
        let error = world.sync(&id, "hook").await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), (code, retryable), "{status}");
    }
    assert_eq!(deliveries(&world).await, Vec::<Value>::new(), "no redirect is followed");
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_no_more_webhooks() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.session("s-2", ana()).await;
    world.webhook.control.fault(json!({ "status": 410 })).await.unwrap();
    let error = world.sync("s-1", "hook").await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("gone", false));
    assert!(matches!(world.integration("hook").await.state, IntegrationState::Disabled(_)));
    let Outcome::Skipped(code) = world.sync("s-2", "hook").await.unwrap() else { panic!("not skipped") };
    assert_eq!(code.as_str(), "integration_disabled");
    assert_eq!(world.log("s-2", "hook").await.code.as_deref(), Some("integration_disabled"));
    assert_eq!(world.webhook.control.requests("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_slow_receiver_is_left_in_time_to_record_it() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.webhook.control.fault(json!({ "delay_ms": 5000 })).await.unwrap();
    let error = world.sync_within("s-1", "hook", Duration::from_millis(1700)).await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("timed_out", true));
    let error = world.sync_within("s-1", "hook", Duration::from_millis(1200)).await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("out_of_time", true));
}

#[tokio::test]
async fn a_url_into_our_own_network_is_never_asked_for() {
    let world = World::new().await;
    let port = world.webhook.authority().rsplit_once(':').unwrap().1.to_owned();
    for (index, url) in [
        format!("http://localhost:{port}/hooks/acme"),
        format!("https://127.0.0.1:{port}@example.com/"),
        "https://127.0.0.1:8443/".to_owned(),
        "https://localhost:8443/".to_owned(),
        "https://[::ffff:169.254.169.254]/latest/meta-data".to_owned(),
        "https://0x7f.1/2018-06-01/runtime/invocation/next".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("s-{index}");
        world.integrate("hook", json!({ "kind": "webhook", "url": url }), "post-session/test/acme/hook").await;
        world.session(&id, ana()).await;
        let error = world.sync(&id, "hook").await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), ("forbidden_url", false), "{url}");
        assert!(!error_chain(&error).contains("127"), "{}", error_chain(&error));
        let log = world.log(&id, "hook").await;
        assert_eq!((log.status, log.code.as_deref()), (SyncStatus::Failed, Some("forbidden_url")));
    }
    assert_eq!(world.webhook.control.requests("").await.unwrap(), Vec::<Value>::new());
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
    for (id, omitted) in [
        ("s-1", json!(["/session/metadata", "/analysis/sentiment/timeline"])),
        (
            "s-2",
            json!([
                "/session/metadata",
                "/analysis/sentiment/timeline",
                "/analysis/insights",
                "/analysis/sentiment/shifts",
                "/analysis/custom_metrics",
                "/analysis/action_items",
            ]),
        ),
    ] {
        world.sync(id, "hook").await.unwrap();
        let body = deliveries(&world).await.pop().unwrap()["body"].clone();
        assert_eq!(body["data"]["omitted"], omitted);
        assert!(body.to_string().len() <= crm_sync::MAX_PAYLOAD_BYTES);
        assert_eq!(body["data"]["analysis"]["sentiment"]["timeline"], Value::Null);
    }
}

#[tokio::test]
async fn a_visitor_without_an_address_is_told_to_webhooks_all_the_same() {
    let world = World::new().await;
    world.session("s-1", Visitor::default()).await;
    assert_eq!(world.sync("s-1", "hook").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_signing_secret_that_is_changed_is_taken_up_at_once() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.session("s-2", ana()).await;
    world.sync("s-1", "hook").await.unwrap();
    let changed = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    world.vault.put("hook", changed);
    world.webhook.control.secret("acme", changed).await.unwrap();
    assert_eq!(world.sync("s-2", "hook").await.unwrap(), Outcome::Done);
    let verified: Vec<_> = deliveries(&world).await.iter().map(|delivery| delivery["verified"].clone()).collect();
    assert_eq!(verified, [true, false, true], "{SIGNING_SECRET} is tried first");
}
