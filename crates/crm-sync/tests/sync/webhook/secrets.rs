//! Signing secrets, and their rotation.

use domain::integration::IntegrationState;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::world::{SIGNING_SECRET, World, ana};

const CHANGED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn verifies(request: &Value, secret: &str) -> bool {
    let headers: HeaderMap = request["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value.as_str().unwrap()).unwrap())
        })
        .collect();
    Webhook::new(secret).unwrap().verify(request["body"].as_str().unwrap().as_bytes(), &headers).is_ok()
}

#[tokio::test]
async fn a_signing_secret_that_is_changed_is_taken_up_at_once() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.session("s-2", ana()).await;
    assert_eq!(world.sync_analysis("s-1").await, "done");
    world.vault.put("hook", CHANGED);
    world.webhook.control.set("/_secrets/acme", json!(CHANGED)).await.unwrap();
    assert_eq!(world.sync_analysis("s-2").await, "done");
    let verified: Vec<_> = world.deliveries().await.iter().map(|delivery| delivery["verified"].clone()).collect();
    assert_eq!(verified, [true, false, true], "{SIGNING_SECRET} is tried first");
}

#[tokio::test]
async fn while_a_secret_is_rotated_every_event_is_accepted() {
    let world = World::new().await;
    for (session, vault, receiver) in [
        ("s-1", SIGNING_SECRET.to_owned(), SIGNING_SECRET),
        ("s-2", format!("{SIGNING_SECRET} {CHANGED}"), SIGNING_SECRET),
        ("s-3", format!("{SIGNING_SECRET} {CHANGED}"), CHANGED),
        ("s-4", CHANGED.to_owned(), CHANGED),
    ] {
        world.vault.put("hook", &vault);
        world.webhook.control.set("/_secrets/acme", json!(receiver)).await.unwrap();
        world.session(session, ana()).await;
        assert_eq!(world.sync_analysis(session).await, "done", "{session}");
    }
    // The third was refused with the one that was remembered, and then signed with both.
    let both = world.webhook.control.requests("s-3").await.unwrap().pop().unwrap();
    assert_eq!(both["headers"]["webhook-signature"].as_str().unwrap().matches("v1,").count(), 2);
    for secret in [SIGNING_SECRET, CHANGED] {
        assert!(verifies(&both, secret));
    }
    assert!(!verifies(&both, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

#[tokio::test]
async fn a_secret_that_signs_nothing_disables_the_webhook_until_it_is_replaced() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    for secret in ["whsec_not base64!", "whsec_", "whsec_YQ=="] {
        world.vault.put("hook", secret);
        assert_eq!(world.sync_analysis("s-1").await, "wait 86400 s: integration_disabled");
        let IntegrationState::Disabled(disabled) = world.state().await else { panic!("not disabled") };
        assert_eq!(disabled.code, "invalid_secret");
        assert!(disabled.reason.contains("24 to 64 bytes"), "{}", disabled.reason);
        assert!(!disabled.reason.contains("base64!"), "{}", disabled.reason);
        assert!(world.requests().await.is_empty());
        world.fix("hook").await;
    }
    world.vault.put("hook", SIGNING_SECRET);
    world.fix("hook").await;
    assert_eq!(world.sync_analysis("s-1").await, "done");
}
