//! Events that are sent once more.

use chrono::{TimeDelta, Utc};
use domain::integration::IntegrationState;
use domain::step::Code;
use serde_json::{Value, json};
use store::replays::ReplayRange;
use uuid::Uuid;

use super::acme;
use crate::world::{World, ana};

impl World {
    /// Plans all events of a session that `hook` was sent once more.
    async fn replay(&self, session: &str) -> Vec<Uuid> {
        let range = ReplayRange::Session(session.parse().unwrap());
        let (hook, replay) = ("hook".parse().unwrap(), Uuid::now_v7());
        let planned = self.database.store.plan_replays(&acme(), &hook, replay, &range, 10).await.unwrap();
        planned.iter().map(|planned| planned.event_id).collect()
    }
}

fn headers<'a>(request: &'a Value, name: &str) -> &'a str {
    request["headers"][name].as_str().unwrap()
}

#[tokio::test]
async fn a_replay_has_the_id_and_body_of_the_first_time_and_a_time_and_signature_of_its_own() {
    let mut world = World::new().await;
    world.hook(json!({ "events": ["session.failed"] })).await;
    world.session("s-1", ana()).await;
    world.failed("s-2", Code::new("model_refused")).await;
    assert_eq!(world.sync_analysis("s-1").await, "done");
    assert_eq!(world.send_event("s-2", "session.failed@model_refused").await, "done");
    world.context.connectors.clock = || Utc::now() + TimeDelta::minutes(1);
    for session in ["s-1", "s-2"] {
        let events = world.replay(session).await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(world.deliver(session, events[0]).await, "done");
        let requests = world.webhook.control.requests(session).await.unwrap();
        let [first, again] = &requests[..] else { panic!("{requests:#?}") };
        assert_eq!(headers(first, "webhook-id"), headers(again, "webhook-id"));
        assert_eq!(first["body"], again["body"]);
        let [sent, sent_again] =
            [first, again].map(|request| headers(request, "webhook-timestamp").parse::<i64>().unwrap());
        assert!((60..120).contains(&(sent_again - sent)), "{sent} and {sent_again}");
        assert_ne!(headers(first, "webhook-signature"), headers(again, "webhook-signature"));
    }
    assert!(world.deliveries().await.iter().all(|delivery| delivery["verified"] == true));
    let replays: Vec<_> = world.attempts().await.iter().map(|attempt| attempt.is_replay).collect();
    assert_eq!(replays, [true, true, false, false]);
}

#[tokio::test]
async fn a_replay_says_nothing_of_how_the_webhook_fares() {
    let world = World::new().await;
    for id in ["s-1", "s-2"] {
        world.session(id, ana()).await;
    }
    assert_eq!(world.sync_analysis("s-1").await, "done");
    world.fault(json!({ "status": 500 })).await;
    assert_eq!(world.sync_analysis("s-2").await, "retry: unavailable");
    world.sql("UPDATE integration_gates SET failing_since = now() - interval '6 days'").await;
    let before = world.gate().await;
    assert_eq!(before.0, 1);

    let event = world.replay("s-1").await.remove(0);
    world.fault(json!([{ "status": 500 }, { "status": 503, "headers": { "retry-after": "7" } }])).await;
    for outcome in ["retry: unavailable", "wait 7 s: unavailable", "done"] {
        assert_eq!(world.deliver("s-1", event).await, outcome);
        assert_eq!((world.gate().await, world.state().await), (before, IntegrationState::On));
        // The rest that was asked for is granted.
        world.sql("UPDATE integration_gates SET limited_until = limited_until - interval '7 seconds'").await;
    }
}

#[tokio::test]
async fn replays_to_a_receiver_that_is_down_wait_for_its_circuit() {
    let world = World::new().await;
    for id in ["s-0", "s-1", "s-2", "s-3", "s-4", "s-5"] {
        world.session(id, ana()).await;
    }
    assert_eq!(world.sync_analysis("s-0").await, "done");
    let event = world.replay("s-0").await.remove(0);
    world.fault(json!({ "status": 503, "times": 9 })).await;
    for id in ["s-1", "s-2", "s-3", "s-4", "s-5"] {
        world.sync_analysis(id).await;
    }
    world.sql("UPDATE integration_gates SET open_until = now() - interval '1 second'").await;
    // It is the probe, and does not come back at once.
    for code in ["unavailable", "circuit_open"] {
        let result = world.deliver("s-0", event).await;
        assert!(result.starts_with("wait ") && !result.starts_with("wait 0 s") && result.ends_with(code), "{result}");
        assert_eq!(world.requests().await.len(), 7);
    }
}

#[tokio::test]
async fn a_replay_to_a_receiver_that_is_gone_disables_it_as_any_other_event() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    assert_eq!(world.sync_analysis("s-1").await, "done");
    let event = world.replay("s-1").await.remove(0);
    world.fault(json!({ "status": 410 })).await;
    assert_eq!(world.deliver("s-1", event).await, "wait 86400 s: integration_disabled");
    assert!(matches!(world.state().await, IntegrationState::Disabled(_)));
}
