//! Tasks of an operator.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lambda_events::sqs::SqsEvent;
use crm_sync::Context;
use domain::integration::IntegrationState;
use domain::session::{SessionStatus, Visitor};
use housekeep::integrations::IntegrationTask;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use stage::backoff::Backoff;
use stage::batch::QueueConfig;
use stage::queues::Routes;
use stage::step::StageConfig;
use stage::testing::MemoryQueues;
use stage::{Outcome, StepRunner};
use store::integration_log::SyncStatus;

use crate::world::{SIGNING_SECRET, TOKEN, Vault, World, ana};

fn task(name: &str, id: &str) -> Value {
    json!({ "task": name, "tenant_id": "acme", "integration_id": id })
}

fn save(id: &str, config: Value, secret: &str) -> Value {
    let mut task = task("save_integration", id);
    task["config"] = config;
    task["secret_name"] = json!(format!("post-session/test/{secret}"));
    task
}

#[tokio::test]
async fn an_integration_is_saved_with_what_its_check_has_found() {
    let world = World::new().await;
    let config = json!({ "kind": "hubspot", "properties": { "hs_language": "visitor.locale" } });
    let saved = world.ask(save("crm", config, "acme/hubspot")).await.unwrap();
    assert_eq!((&saved["integration_id"], &saved["state"], &saved["woken"]), (&json!("crm"), &json!("on"), &json!(0)));
    let integration = world.integration("crm").await;
    assert_eq!(integration.state, IntegrationState::On);
    assert!(integration.connection.unique_note_property);
    assert!(integration.connection.fields.contains_key("contacts.hs_language"));

    world.session("s-1", ana()).await;
    assert_eq!(world.sync("s-1", "crm").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn what_would_not_work_is_not_saved_and_its_place_is_named() {
    let world = World::new().await;
    world.vault.put("words", "two words");
    world.vault.put("other-hook", "pat-acme");
    world.vault.put("weak", "whsec_YQ==");
    let hubspot = json!({ "kind": "hubspot" });
    let hook = |url: &str| json!({ "kind": "webhook", "url": url });
    for (config, secret, expected) in [
        (json!({ "kind": "hubspot", "x": 1 }), "acme/hubspot", "config.x: unknown field"),
        (hubspot.clone(), "other/hubspot", "secret_name: The name of the secret is not one of the tenant's own."),
        (hubspot.clone(), "acme/missing", "secret_name: There is no secret of that name in Secrets Manager."),
        (hubspot.clone(), "acme/words", "secret_name: The secret does not hold what this kind of integration needs."),
        (json!({ "kind": "hubspot", "auth": "oauth" }), "acme/hubspot", "secret_name: The secret does not hold"),
        (hook("https://example.com/"), "acme/other-hook", "secret_name: The secret does not hold a signing secret"),
        (hook("https://example.com/"), "acme/weak", "secret_name: The secret does not hold a signing secret: whsec_"),
        (hook("http://example.com/"), "acme/hook", "config.url: the URL's scheme is not https"),
        (hook("https://169.254.169.254/"), "acme/hook", "config.url: the URL's host has an address that is not public"),
        (
            json!({ "kind": "hubspot", "properties": { "nope": "visitor.id" } }),
            "acme/hubspot",
            "config.properties.nope: ",
        ),
    ] {
        let error = world.ask(save("new", config.clone(), secret)).await.unwrap_err();
        assert!(error.starts_with(&format!("integration not saved: {expected}")), "{config}: {error}");
        assert!(![TOKEN, SIGNING_SECRET, "two words"].iter().any(|secret| error.contains(secret)), "{error}");
    }
    assert!(
        world.database.store.integration(&"acme".parse().unwrap(), &"new".parse().unwrap()).await.unwrap().is_none()
    );
    let mut elsewhere = save("new", hubspot, "acme/hubspot");
    elsewhere["tenant_id"] = json!("nobody");
    let error = world.ask(elsewhere).await.unwrap_err();
    assert_eq!(error, "unknown tenant nobody: save its settings first");
}

#[tokio::test]
async fn a_new_integration_that_signs_in_is_saved_with_a_token_of_its_own() {
    let world = World::new().await;
    let app = json!({ "client_id": "id", "client_secret": "secret", "refresh_token": "refresh", "token": TOKEN });
    world.portal("_oauth", app.clone()).await;
    world.vault.put("app", &app.to_string());
    let config = json!({ "kind": "hubspot", "auth": "oauth" });
    world.ask(save("app", config.clone(), "acme/app")).await.unwrap();
    world.session("s-1", ana()).await;
    assert_eq!(world.sync("s-1", "app").await.unwrap(), Outcome::Done);

    let mut revoked = app;
    revoked["refresh_token"] = json!("revoked");
    world.vault.put("app", &revoked.to_string());
    let error = world.ask(save("app", config, "acme/app")).await.unwrap_err();
    assert!(error.contains("HubSpot refuses the credentials") && !error.contains("refresh"), "{error}");
}

#[tokio::test]
async fn what_waited_for_an_integration_goes_on_when_it_is_enabled() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.vault.put("hubspot", "not-a-token");
    let (store, tenant, id) = (&world.database.store, "acme".parse().unwrap(), "hubspot".parse().unwrap());
    let (_, as_of) = store.integration_as_of(&tenant, &id).await.unwrap().unwrap();
    let (code, reason) = (domain::step::Code::new("unauthorized"), "HubSpot refuses the credentials.");
    assert!(store.disable_integration(&tenant, &id, as_of, code, reason).await.unwrap());
    world
        .sql(
            "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, status, code, due_at, message)
         SELECT 'acme', 's-1', 'crm_sync', 1, id, 'waiting', 'integration_disabled', now() + interval '1 day', '{}'
         FROM unnest(ARRAY['hubspot', 'hook']) id",
        )
        .await;
    let shown = world.ask(json!({ "task": "show_integrations", "tenant_id": "acme" })).await.unwrap();
    let shown = &shown["integrations"][1];
    assert_eq!((&shown["state"], &shown["waiting"]), (&json!("disabled"), &json!(1)));
    assert_eq!(shown["disabled"]["reason"], "HubSpot refuses the credentials.");

    let error = world.ask(task("enable_integration", "hubspot")).await.unwrap_err();
    assert!(error.starts_with("integration not enabled: HubSpot refuses the credentials"), "{error}");
    assert!(matches!(world.integration("hubspot").await.state, IntegrationState::Disabled(_)));

    world.vault.put("hubspot", TOKEN);
    let enabled = world.ask(task("enable_integration", "hubspot")).await.unwrap();
    assert_eq!((&enabled["state"], &enabled["woken"]), (&json!("on"), &json!(1)));
    assert_eq!(world.integration("hubspot").await.state, IntegrationState::On);
}

#[tokio::test]
async fn a_test_reports_what_is_wrong_and_remembers_only_what_works() {
    let world = World::new().await;
    let tested = world.ask(task("test_integration", "hubspot")).await.unwrap();
    assert_eq!((&tested["ok"], &tested["findings"]), (&json!(true), &json!([])));
    assert!(world.integration("hubspot").await.connection.unique_note_property);

    world.hubspot.control.fault(json!({ "match": "GET properties", "status": 503 })).await.unwrap();
    let tested = world.ask(task("test_integration", "hubspot")).await.unwrap();
    assert_eq!(tested["ok"], false);
    assert_eq!(
        tested["findings"],
        json!(["HubSpot is down or overloaded. Test the integration again later. (HTTP 503)"])
    );
    assert!(world.integration("hubspot").await.connection.unique_note_property);
    assert_eq!(world.integration("hubspot").await.state, IntegrationState::On);
    world.hubspot.control.fault(json!({ "match": "GET properties", "status": 429 })).await.unwrap();
    let tested = world.ask(task("test_integration", "hubspot")).await.unwrap();
    let expected = "HubSpot has received more requests than it allows. Test the integration again later. (HTTP 429)";
    assert_eq!(tested["findings"], json!([expected]), "a test is not retried");

    let tested = world.ask(task("test_integration", "hook")).await.unwrap();
    assert_eq!(tested["ok"], true);
    assert!(world.webhook.control.requests("").await.unwrap().is_empty(), "a receiver hears of sessions only");
}

#[tokio::test]
async fn an_integration_is_switched_off_and_removed() {
    let world = World::new().await;
    let off = world.ask(task("disable_integration", "hook")).await.unwrap();
    assert_eq!(off, json!({ "integration_id": "hook", "state": "off" }));
    assert_eq!(world.integration("hook").await.state, IntegrationState::Off);
    let removed = world.ask(task("remove_integration", "hook")).await.unwrap();
    assert_eq!(removed["state"], "removed");
    for name in ["remove_integration", "test_integration", "enable_integration", "disable_integration", "show_attempts"]
    {
        assert_eq!(world.ask(task(name, "hook")).await.unwrap_err(), "unknown integration hook", "{name}");
    }
    let shown = world.ask(json!({ "task": "show_integrations", "tenant_id": "acme" })).await.unwrap();
    assert_eq!(shown["integrations"].as_array().unwrap().len(), 1);
    let url = format!("{}/hooks/acme", world.webhook.base_url);
    world.ask(save("hook", json!({ "kind": "webhook", "url": url }), "acme/hook")).await.unwrap();
    assert_eq!(world.integration("hook").await.state, IntegrationState::On);
}

#[tokio::test]
async fn attempts_to_reach_a_webhook_are_shown_with_what_came_back() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.webhook.control.fault(json!({ "status": 503, "body": "busy" })).await.unwrap();
    world.sync("s-1", "hook").await.unwrap_err();
    world.sync("s-1", "hook").await.unwrap();
    let shown = world.ask(task("show_attempts", "hook")).await.unwrap();
    let [last, first] = [&shown["attempts"][0], &shown["attempts"][1]];
    assert_eq!(
        (&last["session_id"], &last["event"], &last["code"]),
        (&json!("s-1"), &json!("session.analyzed"), &Value::Null)
    );
    assert_eq!(
        (&first["status"], &first["code"], &first["answer"]),
        (&json!(503), &json!("unavailable"), &json!("busy"))
    );
}

#[tokio::test]
async fn an_id_stays_with_one_kind_of_third_party() {
    let world = World::new().await;
    let error = world.ask(save("hook", json!({ "kind": "hubspot" }), "acme/hubspot")).await.unwrap_err();
    let expected = "config.kind: the log of hook is of another kind of third party: save it under another id";
    assert_eq!(error, format!("integration not saved: {expected}"));
    world.ask(task("remove_integration", "hook")).await.unwrap();
    world.ask(save("hook", json!({ "kind": "hubspot" }), "acme/hubspot")).await.unwrap_err();
    world.ask(save("hubspot", json!({ "kind": "hubspot", "concurrency": 5 }), "acme/hubspot")).await.unwrap();
}

#[tokio::test]
async fn a_rest_that_is_over_is_not_shown() {
    let world = World::new().await;
    world.sql("INSERT INTO integration_gates (tenant_id, integration_id) VALUES ('acme', 'hook')").await;
    let shown = async |until: &str| {
        let sql = format!("UPDATE integration_gates SET limit_code = 'rate_limited', limited_until = {until}");
        world.sql(&sql).await;
        let shown = world.ask(json!({ "task": "show_integrations", "tenant_id": "acme" })).await.unwrap();
        let hook = &shown["integrations"][0];
        assert_eq!(hook["config"]["url"], format!("{}/…", world.webhook.base_url));
        (hook["resting_until"].is_string(), hook["limit_code"].clone())
    };
    assert_eq!(shown("now() + interval '1 minute'").await, (true, json!("rate_limited")));
    assert_eq!(shown("now() - interval '1 minute'").await, (false, Value::Null));
}

#[tokio::test]
async fn syncs_are_shown_page_by_page_the_latest_first() {
    let world = World::new().await;
    synced(&world).await;
    let mut ask = task("show_syncs", "hubspot");
    ask["limit"] = json!(2);
    let mut pages = Vec::new();
    loop {
        let page = world.ask(ask.clone()).await.unwrap();
        let syncs = page["syncs"].as_array().unwrap();
        pages.push(syncs.iter().map(|sync| sync["session_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        ask["after"] = page["next"].clone();
        if ask["after"].is_null() {
            break;
        }
    }
    assert_eq!(pages, [vec!["s-5", "s-4"], vec!["s-3", "s-2"], vec!["s-1"]]);
}

/// Three sessions that are synced, one without an address, and one that HubSpot refuses.
async fn synced(world: &World) {
    for id in ["s-1", "s-2", "s-3"] {
        world.session(id, ana()).await;
        world.sync(id, "hubspot").await.unwrap();
    }
    world.session("s-4", Visitor::default()).await;
    world.sync("s-4", "hubspot").await.unwrap();
    world.session("s-5", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST notes", "status": 400 })).await.unwrap();
    world.sync("s-5", "hubspot").await.unwrap_err();
}

#[tokio::test]
async fn syncs_are_found_by_status_session_and_time_with_their_results() {
    let world = World::new().await;
    synced(&world).await;
    let one = async |members: Value| {
        let mut ask = task("show_syncs", "hubspot");
        ask.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let syncs = world.ask(ask).await.unwrap()["syncs"].clone();
        assert_eq!(syncs.as_array().unwrap().len(), 1, "{members}: {syncs:#}");
        syncs[0].clone()
    };
    let failed = one(json!({ "status": "failed" })).await;
    assert_eq!(
        (&failed["session_id"], &failed["code"], &failed["tries"]),
        (&json!("s-5"), &json!("rejected"), &json!(1))
    );
    assert_eq!(failed["error"], "HubSpot refuses the request. (HTTP 400)");
    world.session("s-6", ana()).await;
    world.hubspot.control.fault(json!({ "match": "PATCH contacts", "status": 503 })).await.unwrap();
    world.sync("s-6", "hubspot").await.unwrap_err();
    let waiting = one(json!({ "status": "waiting" })).await;
    assert_eq!(
        (&waiting["session_id"], &waiting["tries"], &waiting["code"]),
        (&json!("s-6"), &json!(1), &json!("unavailable"))
    );
    let done = one(json!({ "session_id": "s-1" })).await;
    assert_eq!((&done["status"], &done["analysis_version"], &done["code"]), (&json!("done"), &json!(1), &Value::Null));
    assert!(done["contact_id"].is_string() && done["record_id"].is_string() && done["synced_at"].is_string(), "{done}");
    assert!(!done.to_string().contains("xample.com") && !done.to_string().contains("Ana"), "{done}");
    world.sql("UPDATE integration_log SET updated_at = '2026-11-01T10:00:00Z' WHERE session_id = 's-2'").await;
    let old = one(json!({ "from": "2026-11-01T10:00:00Z", "to": "2026-11-01T10:00:01Z" })).await;
    assert_eq!(old["session_id"], "s-2");

    world.ask(task("remove_integration", "hubspot")).await.unwrap();
    assert_eq!(one(json!({ "session_id": "s-4" })).await["code"], "no_email", "the log outlives the integration");
    assert_eq!(world.ask(task("show_syncs", "crm")).await.unwrap_err(), "unknown integration crm");
    let wrong = json!({ "task": "show_syncs", "tenant_id": "acme", "integration_id": "x", "status": "lost" });
    let wrong = serde_json::from_value::<IntegrationTask>(wrong).unwrap_err().to_string();
    assert!(wrong.contains("expected one of `pending`, `writing`, `waiting`, `done`, `skipped`, `failed`"), "{wrong}");
}

fn event(records: Value) -> LambdaEvent<SqsEvent> {
    let mut context = lambda_runtime::Context::default();
    let ends = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(60);
    context.deadline = ends.as_millis().try_into().unwrap();
    LambdaEvent::new(serde_json::from_value(records).unwrap(), context)
}

fn runner(world: &World) -> StepRunner<Context<Vault>, MemoryQueues> {
    let queue = QueueConfig {
        queue_url: "crm-sync".to_owned(),
        dead_letter_queue_url: "crm-sync-dead".to_owned(),
        concurrency: 5,
        max_receive_count: 5,
    };
    let backoff = Backoff { base: Duration::from_secs(120), max: Duration::from_secs(900) };
    StepRunner {
        stage: world.another_function(),
        store: world.database.store.clone(),
        queues: MemoryQueues::default(),
        config: StageConfig { queue, backoff },
        follow_ups: Routes { notify: None, crm_sync: "crm-sync".to_owned() },
    }
}

fn records(body: &str) -> Value {
    let mut records: Value =
        serde_json::from_str(include_str!("../../../../events/crm-sync-unknown-integration.json")).unwrap();
    records["Records"][0]["body"] = json!(body);
    records["Records"][0].as_object_mut().unwrap().remove("md5OfBody");
    records
}

#[tokio::test]
async fn a_sync_that_waits_is_skipped_when_its_integration_is_removed_and_its_session_completes() {
    let world = World::new().await;
    let (tenant, session_id) = ("acme".parse().unwrap(), "s-1".parse().unwrap());
    world.session("s-1", ana()).await;
    // The one step that the session waits for.
    let message = json!({
        "type": "crm-sync.v1", "tenant_id": "acme", "session_id": "s-1", "analysis_version": 1,
        "integration_id": "hubspot",
    });
    world
        .sql(&format!(
            "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, message)
             VALUES ('acme', 's-1', 'crm_sync', 1, 'hubspot', '{message}')"
        ))
        .await;
    world.sql("UPDATE sessions SET open_steps = 1, status = 'processing', finished_at = NULL").await;
    world.vault.put("hubspot", "not-a-token");
    let runner = runner(&world);
    let status = async || world.database.store.session(&tenant, &session_id).await.unwrap().unwrap().status;

    runner.handle_batch(event(records(&message.to_string()))).await;
    assert_eq!((status().await, world.disabled("hubspot").await.0.as_str()), (SessionStatus::Waiting, "unauthorized"));
    assert_eq!(world.database.store.take_due_waiting_steps(10).await.unwrap(), []);
    world.ask(task("remove_integration", "hubspot")).await.unwrap();
    let woken = world.database.store.take_due_waiting_steps(10).await.unwrap().remove(0);
    runner.handle_batch(event(records(&woken.message))).await;
    assert_eq!(status().await, SessionStatus::Completed);
    let log = world.log("s-1", "hubspot").await;
    assert_eq!((log.status, log.code.as_deref()), (SyncStatus::Skipped, Some("integration_removed")));
}
