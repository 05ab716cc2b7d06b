//! A receiver that fails for days.

use domain::integration::IntegrationState;
use serde_json::json;

use crate::world::{World, ana};

/// Delivers two events: the first gets this answer, this long before the second.
async fn fails_again_after(world: &World, status: u16, time: &str) -> String {
    world.session("s-1", ana()).await;
    world.session("s-2", ana()).await;
    world.fault(json!({ "status": status, "times": 2 })).await;
    world.sync_analysis("s-1").await;
    let sql = format!("UPDATE integration_gates SET failing_since = now() - interval '{time}', limited_until = NULL");
    world.sql(&sql).await;
    world.sync_analysis("s-2").await
}

#[tokio::test]
async fn five_days_of_failures_disable_a_webhook_once() {
    for (status, last) in [
        (500, "The webhook's receiver is down or overloaded. (HTTP 500)"),
        (404, "The webhook's receiver refuses the request. (HTTP 404)"),
        (429, "The webhook's receiver has received more requests than it allows. (HTTP 429)"),
        (
            302,
            "The webhook's receiver answered with a redirect, which is not followed. Save the integration with the URL \
             that it leads to. (HTTP 302)",
        ),
    ] {
        let world = World::new().await;
        let result = fails_again_after(&world, status, "5 days 1 minute").await;
        assert_eq!(result, "wait 86400 s: integration_disabled", "{status}");
        let IntegrationState::Disabled(disabled) = world.state().await else { panic!("{status}: not disabled") };
        let words = format!("The integration has failed for 5 days. The last failure: {last}");
        let page = include_str!("../../../docs/outcomes.md");
        assert!(page.contains("disables an integration that has failed for 5 days without a success"), "{page}");
        assert_eq!((disabled.code.as_str(), disabled.reason), ("failing", words));

        world.session("s-3", ana()).await;
        assert_eq!(world.sync_analysis("s-3").await, "wait 86400 s: integration_disabled");
        let IntegrationState::Disabled(still) = world.state().await else { panic!("{status}: not disabled") };
        assert_eq!((still.since, world.requests().await.len()), (disabled.since, 2));
    }
}

#[tokio::test]
async fn less_than_five_days_of_failures_disable_nothing() {
    let world = World::new().await;
    assert_eq!(fails_again_after(&world, 500, "4 days 23 hours").await, "retry: unavailable");
    assert_eq!(world.state().await, IntegrationState::On);
}

#[tokio::test]
async fn one_success_in_between_restarts_the_five_days() {
    let world = World::new().await;
    for id in ["s-1", "s-2", "s-3"] {
        world.session(id, ana()).await;
    }
    world.fault(json!({ "body_match": "s-1", "status": 500 })).await;
    world.fault(json!({ "body_match": "s-3", "status": 500 })).await;
    assert_eq!(world.sync_analysis("s-1").await, "retry: unavailable");
    world.sql("UPDATE integration_gates SET failing_since = now() - interval '6 days'").await;
    assert_eq!(world.sync_analysis("s-2").await, "done");
    assert_eq!(world.sync_analysis("s-3").await, "retry: unavailable");
    assert_eq!(world.state().await, IntegrationState::On);
}

#[tokio::test]
async fn a_webhook_that_is_fixed_after_five_days_starts_over() {
    let world = World::new().await;
    fails_again_after(&world, 500, "6 days").await;
    world.fix("hook").await;
    world.fault(json!({ "status": 500 })).await;
    assert_eq!(world.sync_analysis("s-1").await, "retry: unavailable");
    assert_eq!(world.sync_analysis("s-1").await, "done");
    assert_eq!(world.state().await, IntegrationState::On);
}

#[tokio::test]
async fn a_receiver_that_is_down_is_asked_by_one_at_a_time() {
    let world = World::new().await;
    world.fault(json!({ "status": 503, "times": 5 })).await;
    for n in 1..=7 {
        let id = format!("s-{n}");
        world.session(&id, ana()).await;
        let result = world.sync_analysis(&id).await;
        match n {
            ..5 => assert_eq!(result, "retry: unavailable", "{id}"),
            // The wait until the next look, which uses up no delivery.
            5 => assert!(result.starts_with("wait ") && result.ends_with(": unavailable"), "{id}: {result}"),
            _ => assert!(result.starts_with("wait ") && result.ends_with(": circuit_open"), "{id}: {result}"),
        }
    }
    assert_eq!(world.requests().await.len(), 5);
}

#[tokio::test]
async fn only_a_failure_of_the_receiver_ends_its_five_days() {
    let world = World::new().await;
    for id in ["s-1", "s-2"] {
        world.session(id, ana()).await;
    }
    world.fault(json!({ "status": 500 })).await;
    assert_eq!(world.sync_analysis("s-1").await, "retry: unavailable");
    world.sql("UPDATE integration_gates SET failing_since = now() - interval '6 days'").await;
    world.sql("DELETE FROM analyses WHERE session_id = 's-2'").await;
    assert_eq!(world.sync_analysis("s-2").await, "final: unknown_analysis");
    assert_eq!(world.state().await, IntegrationState::On);
}

#[tokio::test]
async fn what_waits_says_in_the_log_for_what() {
    let world = World::new().await;
    for id in ["s-1", "s-2"] {
        world.session(id, ana()).await;
    }
    world.fault(json!({ "status": 503, "headers": { "retry-after": "600" } })).await;
    assert_eq!(world.sync_analysis("s-1").await, "wait 600 s: unavailable");
    world.sync_analysis("s-2").await;
    let (tried, held) = (world.log("s-1", "hook").await, world.log("s-2", "hook").await);
    assert_eq!((tried.tries, held.tries), (1, 0));
    assert_eq!(held.code.as_deref(), Some("unavailable"));
    let rest = "The webhook's receiver is down or overloaded. The sync is retried automatically.";
    assert_eq!(held.error.as_deref(), Some(rest));

    world.fix("hook").await;
    world.fault(json!({ "status": 410 })).await;
    assert_eq!(world.sync_analysis("s-1").await, "wait 86400 s: integration_disabled");
    assert_eq!(world.sync_analysis("s-2").await, "wait 86400 s: integration_disabled");
    let gone = "The webhook's receiver answered 410 Gone: it wants no more events. Enable the integration once it does. \
                (HTTP 410)";
    for (id, code, tries) in [("s-1", "gone", 2), ("s-2", "integration_disabled", 0)] {
        let log = world.log(id, "hook").await;
        assert_eq!((log.code.as_deref(), log.error.as_deref(), log.tries), (Some(code), Some(gone), tries), "{id}");
    }
}
