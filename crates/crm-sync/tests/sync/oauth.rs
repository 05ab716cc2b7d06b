//! HubSpot through an app's OAuth tokens.

use serde_json::{Value, json};
use stage::Outcome;

use crate::world::{Vault, WAITS_FOR_ADMIN, World, ana};

const PORTAL: &str = "pat-oauth";

/// An account that was installed with OAuth, whose tokens live for this number of seconds.
async fn installed(expires_in: u64) -> World {
    let world = World::new().await;
    install(&world, "refresh-1", expires_in).await;
    let name = "post-session/test/acme/app";
    world.vault.put("app", &credentials("refresh-1"));
    world.integrate("app", json!({ "kind": "hubspot", "auth": "oauth", "concurrency": 20 }), name).await;
    world
}

async fn install(world: &World, refresh_token: &str, expires_in: u64) {
    let app = json!({
        "client_id": "app-1", "client_secret": "hush", "refresh_token": refresh_token, "token": PORTAL,
        "expires_in": expires_in,
    });
    world.hubspot.control.set("/_oauth", app).await.unwrap();
}

fn credentials(refresh_token: &str) -> String {
    json!({ "client_id": "app-1", "client_secret": "hush", "refresh_token": refresh_token }).to_string()
}

async fn state(world: &World) -> Value {
    world.hubspot.control.state("").await.unwrap()
}

fn kept_token(vault: &Vault) -> Option<String> {
    vault.get("app/access-token")
}

#[tokio::test]
async fn a_token_is_got_once_for_all_who_sync_at_the_same_time() {
    let world = installed(1800).await;
    let ids: Vec<_> = (1..=12).map(|n| format!("s-{n}")).collect();
    for id in &ids {
        world.session(id, ana()).await;
    }
    let mut left = ids;
    while !left.is_empty() {
        let outcomes = futures_util::future::join_all(left.iter().map(|id| world.sync(id, "app"))).await;
        let done = |outcome: Result<Outcome, _>| match outcome.unwrap() {
            Outcome::Done => true,
            Outcome::Wait { code, .. } if code.as_str() == "token_renewal" => false,
            other => panic!("{other:?}"),
        };
        let done: Vec<bool> = outcomes.into_iter().map(done).collect();
        left = left.into_iter().zip(done).filter_map(|(id, done)| (!done).then_some(id)).collect();
    }
    let state = state(&world).await;
    assert_eq!((state["refreshes"].as_u64(), state["notes"].as_array().unwrap().len()), (Some(1), 12));
}

#[tokio::test]
async fn two_functions_at_the_same_time_get_one_token() {
    let world = installed(1800).await;
    let functions = [world.another_function(), world.another_function()];
    let ids: Vec<_> = (1..=6).map(|n| format!("s-{n}")).collect();
    for id in &ids {
        world.session(id, ana()).await;
    }
    let mut left = ids;
    while !left.is_empty() {
        let syncs = left.iter().zip(functions.iter().cycle()).map(|(id, function)| world.sync_by(function, id, "app"));
        let outcomes = futures_util::future::join_all(syncs).await;
        let waits =
            |outcome: &Outcome| matches!(outcome, Outcome::Wait { code, .. } if code.as_str() == "token_renewal");
        let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done || waits(outcome)), "{outcomes:?}");
        left = left.into_iter().zip(outcomes).filter_map(|(id, outcome)| waits(&outcome).then_some(id)).collect();
    }
    assert_eq!(state(&world).await["refreshes"], 1);

    // It is about to end: one gets another, and nobody waits for it.
    let mut token: Value = serde_json::from_str(&kept_token(&world.vault).unwrap()).unwrap();
    token["ends_at"] = json!(chrono::Utc::now() + chrono::TimeDelta::minutes(4));
    world.vault.put("app/access-token", &token.to_string());
    let functions = [world.another_function(), world.another_function()];
    for id in ["t-1", "t-2"] {
        world.session(id, ana()).await;
    }
    let (one, other) =
        tokio::join!(world.sync_by(&functions[0], "t-1", "app"), world.sync_by(&functions[1], "t-2", "app"));
    assert_eq!((one.unwrap(), other.unwrap()), (Outcome::Done, Outcome::Done));
    assert_eq!(state(&world).await["refreshes"], 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_the_kept_one_is_used_by_other_functions() {
    let world = installed(1800).await;
    for id in ["s-1", "s-2", "s-3"] {
        world.session(id, ana()).await;
    }
    assert_eq!(world.sync("s-1", "app").await.unwrap(), Outcome::Done);
    let first = kept_token(&world.vault).unwrap();
    let other = world.another_function();
    assert_eq!(world.sync_by(&other, "s-2", "app").await.unwrap(), Outcome::Done);
    assert_eq!(state(&world).await["refreshes"], 1);

    // Four minutes are left: less than a renewal is made before.
    let mut token: Value = serde_json::from_str(&first).unwrap();
    token["ends_at"] = json!(chrono::Utc::now() + chrono::TimeDelta::minutes(4));
    world.vault.put("app/access-token", &token.to_string());
    let third = world.another_function();
    assert_eq!(world.sync_by(&third, "s-3", "app").await.unwrap(), Outcome::Done);
    assert_eq!(state(&world).await["refreshes"], 2);
    assert_ne!(kept_token(&world.vault).unwrap(), first);
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let world = installed(1800).await;
    for id in ["s-1", "s-2"] {
        world.session(id, ana()).await;
    }
    world.sync("s-1", "app").await.unwrap();
    world.hubspot.control.fault(json!({ "match": "PATCH /contacts", "status": 401 })).await.unwrap();
    assert_eq!(world.sync("s-2", "app").await.unwrap(), Outcome::Done);
    assert_eq!(state(&world).await["refreshes"], 2);
}

#[tokio::test]
async fn an_app_that_was_uninstalled_disables_the_integration_until_it_is_installed_again() {
    let world = installed(1800).await;
    world.session("s-1", ana()).await;
    install(&world, "refresh-2", 1800).await;
    assert_eq!(world.sync("s-1", "app").await.unwrap(), WAITS_FOR_ADMIN);
    let (code, reason) = world.disabled("app").await;
    assert!(code == "unauthorized" && !reason.contains("hush"), "{code}: {reason}");

    world.vault.put("app", &credentials("refresh-2"));
    world.fix("app").await;
    assert_eq!(world.sync("s-1", "app").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_test_signs_in_again_whatever_token_is_kept() {
    let world = installed(1800).await;
    world.session("s-1", ana()).await;
    world.sync("s-1", "app").await.unwrap();
    let kept = kept_token(&world.vault).unwrap();
    assert!(world.check("app").await.is_ok());
    assert_ne!(kept_token(&world.vault).unwrap(), kept);
    install(&world, "refresh-2", 1800).await;
    let checked = world.check("app").await;
    assert!(!checked.is_ok(), "the old token still works, but no further one is to be had: {checked:?}");
}

#[tokio::test]
async fn a_secret_without_what_oauth_needs_is_named() {
    let world = installed(1800).await;
    world.session("s-1", ana()).await;
    for secret in ["pat-1", "{}", r#"{"client_id":"app-1"}"#] {
        world.vault.put("app", secret);
        assert_eq!(world.another_function_syncs("s-1", "app").await.unwrap(), WAITS_FOR_ADMIN);
        assert_eq!(world.disabled("app").await.0, "invalid_secret");
        world.fix("app").await;
    }
}

#[tokio::test]
async fn a_token_endpoint_that_is_busy_is_waited_for() {
    let world = installed(1800).await;
    world.session("s-1", ana()).await;
    let busy = json!({ "match": "POST /oauth", "status": 429, "headers": { "retry-after": "3" } });
    world.hubspot.control.fault(busy).await.unwrap();
    let outcome = world.sync("s-1", "app").await.unwrap();
    assert!(matches!(outcome, Outcome::Wait { after, .. } if after.as_secs() == 3), "{outcome:?}");
}
