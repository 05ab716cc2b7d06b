//! Syncs that end before any request to a third party.

use std::time::Duration;

use aws_sdk_secretsmanager::config::BehaviorVersion;
use connectors::SecretError;
use crm_sync::{Config, Context};
use domain::integration::IntegrationState;
use domain::step::Code;
use serde_json::json;
use stage::{Env, Failure, Outcome};
use store::integration_log::SyncStatus;

use crate::world::{MakeError, WAITS_FOR_ADMIN, World, ana};

async fn final_code(world: &World, session: &str, integration: &str) -> &'static str {
    let error = world.sync(session, integration).await.unwrap_err();
    assert!(!error.is_retryable());
    error.code().as_str()
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let world = World::new().await;
    assert_eq!(final_code(&world, "s-1", "salesforce").await, "unknown_integration");
    assert_eq!(final_code(&world, "s-1", "hubspot").await, "unknown_session");
    world.session("s-1", ana()).await;
    world.database.client().await.execute("DELETE FROM analyses", &[]).await.unwrap();
    assert_eq!(final_code(&world, "s-1", "hubspot").await, "unknown_analysis");
    assert_eq!(world.log("s-1", "hubspot").await.status, SyncStatus::Failed);
}

#[tokio::test]
async fn an_integration_that_is_switched_off_is_skipped() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    let integration = world.integration("hubspot").await;
    world.save(domain::integration::Integration { state: IntegrationState::Off, ..integration }).await;
    let skipped = Outcome::Skipped(Code::new("integration_off"));
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), skipped);
    assert_eq!(world.log("s-1", "hubspot").await.status, SyncStatus::Skipped);
}

#[tokio::test]
async fn a_secret_of_another_tenant_or_of_nobody_is_not_used() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    for (name, value, code) in [
        ("post-session/test/other/hubspot", "pat-x", "secret_not_allowed"),
        ("post-session/test/acme/missing", "", "unknown_secret"),
        ("post-session/test/acme/empty", " ", "invalid_secret"),
    ] {
        if name.ends_with("empty") {
            world.vault.put("empty", value);
        }
        world.integrate("hubspot", json!({ "kind": "hubspot" }), name).await;
        assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), WAITS_FOR_ADMIN);
        assert_eq!(world.disabled("hubspot").await.0, code);
        assert_eq!(world.log("s-1", "hubspot").await.code.as_deref(), Some(code));
    }
    assert!(world.hubspot.control.requests("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_now_is_waited_for_and_one_that_must_be_fixed_disables() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.vault.fail(Some(|| SecretError::Unavailable("no answer".into())));
    let waits = Outcome::Wait { after: Duration::from_secs(10), code: Code::new("secret_unavailable") };
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), waits);
    let errors: [(&str, MakeError, &str); 2] = [
        ("secret_deleted", || SecretError::Deleted("marked".into()), "Restore it."),
        ("secret_forbidden", || SecretError::Forbidden("denied".into()), "Grant it."),
    ];
    for (code, error, expected) in errors {
        world.vault.fail(Some(error));
        assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), WAITS_FOR_ADMIN);
        let (disabled, reason) = world.disabled("hubspot").await;
        assert!(disabled == code && reason.ends_with(expected), "{disabled}: {reason}");
        world.fix("hubspot").await;
    }
    world.vault.fail(None);
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_token_that_is_changed_is_taken_up_at_once_and_a_wrong_one_asked_for_again() {
    let world = World::new().await;
    for id in ["s-1", "s-2", "s-3"] {
        world.session(id, ana()).await;
    }
    world.sync("s-1", "hubspot").await.unwrap();
    world.vault.put("hubspot", "pat-acme-2");
    world.hubspot.control.fault(json!({ "match": "PATCH pat-acme", "status": 401 })).await.unwrap();
    assert_eq!(world.sync("s-2", "hubspot").await.unwrap(), Outcome::Done);
    assert!(!world.hubspot.control.requests("pat-acme-2").await.unwrap().is_empty());

    world.vault.put("hubspot", "wrong");
    world.hubspot.control.fault(json!({ "match": "PATCH pat-acme-2", "status": 401 })).await.unwrap();
    assert_eq!(world.sync("s-3", "hubspot").await.unwrap(), WAITS_FOR_ADMIN);
    assert_eq!(world.disabled("hubspot").await.0, "unauthorized");
    world.vault.put("hubspot", "pat-acme-3");
    world.fix("hubspot").await;
    assert_eq!(world.sync("s-3", "hubspot").await.unwrap(), Outcome::Done);
}

#[test]
fn the_configuration_reads_what_the_template_sets() {
    let variables = [
        ("DATABASE_URL", "postgres://localhost/x"),
        ("STATEMENT_TIMEOUT_MS", "5000"),
        ("QUEUE_URL", "q"),
        ("DEAD_LETTER_QUEUE_URL", "d"),
        ("BATCH_CONCURRENCY", "5"),
        ("MAX_RECEIVE_COUNT", "5"),
        ("RETRY_BASE_SECONDS", "30"),
        ("RETRY_MAX_SECONDS", "900"),
        ("SECRET_PREFIX", "post-session/dev/"),
        ("HUBSPOT_BASE_URL", ""),
        ("SALESFORCE_ALLOWED_HOSTS", ""),
        ("WEBHOOK_ALLOWED_HOSTS", ""),
    ];
    let env = |extra: &[(&str, &str)]| -> Env {
        variables.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let complete = env(&[]);
    let config = Config::from_env(&complete).unwrap();
    assert_eq!(config.connectors.hubspot_base_url, "https://api.hubapi.com");
    assert_eq!(complete.unread(), Vec::<&str>::new());
    for name in ["SALESFORCE_ALLOWED_HOSTS", "WEBHOOK_ALLOWED_HOSTS"] {
        let wrong = Config::from_env(&env(&[(name, "http://x/y")])).err().unwrap();
        assert!(wrong.to_string().contains(name), "{wrong}");
    }

    let aws = stage::SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    let store = store::Store::new(&config.store).unwrap();
    assert!(Context::new(&config, &aws, store).is_ok(), "the clients take our TLS configuration");
}
