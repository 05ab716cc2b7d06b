//! Refusals of HubSpot, and HubSpot being down.

use std::time::Duration;

use domain::step::Code;
use serde_json::json;
use stage::{Failure, Outcome};

use super::{calls, state};
use crate::world::{WAITS_FOR_ADMIN, World, ana};

#[tokio::test]
async fn each_limit_has_its_own_wait_and_holds_the_other_sessions_too() {
    let world = World::new().await;
    for id in ["s-1", "s-2"] {
        world.session(id, ana()).await;
    }
    let interval = json!({ "x-hubspot-ratelimit-interval-milliseconds": "7000" });
    for (fault, code, seconds) in [
        (json!({ "hubspot_limit": "TEN_SECONDLY_ROLLING", "headers": interval }), "rate_limited", 7),
        (json!({ "hubspot_limit": "TEN_SECONDLY_ROLLING", "headers": { "retry-after": "4" } }), "rate_limited", 4),
        (json!({ "match": "POST notes", "hubspot_limit": "DAILY" }), "daily_limit", 3600),
        (json!({ "status": 477, "headers": { "retry-after": "86400" } }), "unavailable", 86_400),
    ] {
        world.fix("hubspot").await;
        world.hubspot.control.fault(fault).await.unwrap();
        let expected = Outcome::Wait { after: Duration::from_secs(seconds), code: Code::new(code) };
        assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), expected);
        let asked = calls(&world).await.len();
        let held = world.sync("s-2", "hubspot").await.unwrap();
        assert!(matches!(held, Outcome::Wait { code: held, .. } if held.as_str() == code), "{held:?}");
        assert_eq!(calls(&world).await.len(), asked, "nothing is asked meanwhile");
        let log = world.log("s-1", "hubspot").await;
        assert!(log.code.as_deref() == Some(code) && log.error.unwrap().contains("HubSpot"));
    }
    world.fix("hubspot").await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(state(&world).await.1.len(), 1);
}

#[tokio::test]
async fn hubspot_decides_what_can_be_tried_again() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    for (status, code, retryable) in [
        (400, "rejected", false),
        (409, "conflict", true),
        (415, "rejected", false),
        (500, "unavailable", true),
        (501, "rejected", false),
        (502, "unavailable", true),
    ] {
        world.hubspot.control.fault(json!({ "match": "PATCH", "status": status })).await.unwrap();
        let error = world.sync("s-1", "hubspot").await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), (code, retryable), "{status}");
    }
    world.hubspot.control.fault(json!({ "match": "PATCH", "status": 423 })).await.unwrap();
    let outcome = world.sync("s-1", "hubspot").await.unwrap();
    let Outcome::Retry { after, code, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((after, code.as_str()), (Some(Duration::from_secs(5)), "locked"));
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn credentials_that_are_refused_disable_the_integration_and_its_sessions_wait_and_resume() {
    let world = World::new().await;
    for id in ["s-1", "s-2"] {
        world.session(id, ana()).await;
    }
    for (status, code, word) in [(401, "unauthorized", "credentials"), (403, "forbidden", "scope")] {
        world.hubspot.control.clear().await.unwrap();
        world.hubspot.control.fault(json!({ "match": "PATCH", "status": status, "times": 2 })).await.unwrap();
        assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), WAITS_FOR_ADMIN);
        let (disabled, reason) = world.disabled("hubspot").await;
        assert!(disabled == code && reason.contains(word), "{disabled}: {reason}");
        let asked = calls(&world).await.len();
        assert_eq!(world.sync("s-2", "hubspot").await.unwrap(), WAITS_FOR_ADMIN);
        assert_eq!(calls(&world).await.len(), asked, "nobody asks with them again");
        world.fix("hubspot").await;
    }
    world.hubspot.control.clear().await.unwrap();
    for id in ["s-1", "s-2"] {
        assert_eq!(world.sync(id, "hubspot").await.unwrap(), Outcome::Done);
    }
    assert_eq!(state(&world).await.1.len(), 2);
}

#[tokio::test]
async fn a_hubspot_that_is_down_costs_one_probe_at_a_time_and_no_session() {
    let world = World::new().await;
    for n in 1..=20 {
        world.session(&format!("s-{n}"), ana()).await;
    }
    world.hubspot.control.fault(json!({ "match": "PATCH", "status": 503, "times": 1000 })).await.unwrap();
    let mut waiting = 0;
    for n in 1..=20 {
        match world.sync(&format!("s-{n}"), "hubspot").await {
            Ok(Outcome::Wait { .. }) => waiting += 1,
            Err(error) => assert!(error.is_retryable()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((calls(&world).await.len(), waiting), (5, 16), "from the fifth failure on nobody asks");
    world.hubspot.control.clear().await.unwrap();
    world.fix("hubspot").await;
    for n in 1..=20 {
        assert_eq!(world.sync(&format!("s-{n}"), "hubspot").await.unwrap(), Outcome::Done);
    }
    assert_eq!(state(&world).await.1.len(), 20);
}

#[tokio::test]
async fn a_request_that_the_invocations_end_cuts_short_says_nothing_of_hubspot() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    let failures = async || {
        let gate = "SELECT failures FROM integration_gates WHERE integration_id = 'hubspot'";
        world.database.client().await.query_one(gate, &[]).await.unwrap().get::<_, i32>(0)
    };
    world.hubspot.control.fault(json!({ "match": "PATCH contacts", "delay_ms": 5000 })).await.unwrap();
    let error = world.sync_within("s-1", "hubspot", Duration::from_secs(3)).await.unwrap_err();
    assert_eq!((error.code().as_str(), failures().await), ("timed_out", 0));
    world.hubspot.control.fault(json!({ "match": "PATCH contacts", "drop_before": true })).await.unwrap();
    let error = world.sync("s-1", "hubspot").await.unwrap_err();
    assert_eq!((error.code().as_str(), failures().await), ("unreachable", 1));
}
