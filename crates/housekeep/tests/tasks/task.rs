//! What can be asked for.

use std::time::{Duration, Instant};

use housekeep::{Report, Task};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_migrated_database_has_nothing_left_to_apply() {
    let world = World::new([]).await;
    assert_eq!(world.handle(Task::Migrate).await.unwrap(), Report::Migrated { applied: Vec::new() });
}

#[test]
fn tasks_have_names_and_unknown_ones_are_refused() {
    let task = |json: &str| serde_json::from_str::<Task>(json).ok();
    assert_eq!(task(r#"{"task":"requeue"}"#), Some(Task::Requeue));
    assert_eq!(task(r#"{"task":"alerts"}"#), Some(Task::Alerts));
    assert_eq!(task(r#"{"task":"purge"}"#), Some(Task::Purge));
    assert_eq!(task(r#"{"task":"migrate"}"#), Some(Task::Migrate));
    let expected = Task::Reanalyze {
        tenant_id: "acme".parse().unwrap(),
        session_id: "s-1".parse().unwrap(),
        model: None,
        follow_ups: false,
    };
    assert_eq!(task(r#"{"task":"reanalyze","tenant_id":"acme","session_id":"s-1"}"#), Some(expected));
    assert_eq!(task(r#"{"task":"reanalyze","tenant_id":"acme"}"#), None);
    assert_eq!(task(r#"{"task":"drop"}"#), None);
    assert_eq!(task("{}"), None);
}

#[test]
fn every_sample_event_is_a_task_unless_it_shows_a_mistake() {
    for (name, event, is_task) in [
        ("requeue", include_str!("../../../../events/housekeep-requeue.json"), true),
        ("alerts", include_str!("../../../../events/housekeep-alerts.json"), true),
        ("purge", include_str!("../../../../events/housekeep-purge.json"), true),
        ("migrate", include_str!("../../../../events/housekeep-migrate.json"), true),
        ("reanalyze", include_str!("../../../../events/housekeep-reanalyze.json"), true),
        ("erase-visitor", include_str!("../../../../events/housekeep-erase-visitor.json"), true),
        ("erase-visitor-no-address", include_str!("../../../../events/housekeep-erase-visitor-no-address.json"), false),
        ("save-settings", include_str!("../../../../events/housekeep-save-settings.json"), true),
        ("save-settings-misspelt", include_str!("../../../../events/housekeep-save-settings-misspelt.json"), true),
        ("save-template", include_str!("../../../../events/housekeep-save-template.json"), true),
        ("save-template-unknown", include_str!("../../../../events/housekeep-save-template-unknown.json"), true),
        ("show-integrations", include_str!("../../../../events/housekeep-show-integrations.json"), true),
        ("show-syncs", include_str!("../../../../events/housekeep-show-syncs.json"), true),
        ("save-integration", include_str!("../../../../events/housekeep-save-integration.json"), true),
        (
            "save-integration-misspelt",
            include_str!("../../../../events/housekeep-save-integration-misspelt.json"),
            true,
        ),
        ("unknown-task", include_str!("../../../../events/housekeep-unknown-task.json"), false),
    ] {
        let payload = serde_json::from_str(event).unwrap();
        assert_eq!(housekeep::read(payload).is_ok(), is_task, "{name}");
    }
}

#[tokio::test]
async fn tasks_about_integrations_are_told_from_others_and_unknown_ones_are_named() {
    let world = World::new([]).await;
    let ends = || Instant::now() + Duration::from_secs(60);
    let ask = async |payload: Value| housekeep::invoke(&world.context, payload, ends()).await;
    let show = ask(json!({ "task": "show_integrations", "tenant_id": "acme" })).await.unwrap();
    assert_eq!(serde_json::to_value(show).unwrap(), json!({ "integrations": [] }));
    for (payload, told) in [
        (json!({ "task": "drop" }), "read the task: must be one of `requeue`, "),
        (json!({ "task": "drop" }), "`show_integrations`, `save_integration`, "),
        (json!({ "task": "integration" }), "read the task: must be one of `requeue`, "),
        (json!({}), "read the task: missing field `task`"),
        (json!({ "task": "show_integrations" }), "read the task: missing field `tenant_id`"),
        (json!({ "Records": [] }), "read the task: missing field `task`"),
    ] {
        let error = ask(payload).await.unwrap_err().line();
        assert!(error.contains(told), "{error}");
    }
}
