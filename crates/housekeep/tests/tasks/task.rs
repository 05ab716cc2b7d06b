//! The protocol of tasks.

use std::time::{Duration, Instant};

use domain::locale::Locale;
use housekeep::{
    EraseVisitorRequest, HousekeepTask, MigrateReport, ReanalyzeRequest, SaveSettingsRequest, SaveTemplateRequest,
    TaskReport,
};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_migrated_database_has_nothing_left_to_apply() {
    let world = World::new([]).await;
    assert_eq!(
        world.handle(HousekeepTask::Migrate).await.unwrap(),
        TaskReport::Migrate(MigrateReport { applied: Vec::new() })
    );
}

#[test]
fn tasks_have_names_and_unknown_ones_are_refused() {
    let task = |json: &str| serde_json::from_str::<HousekeepTask>(json).ok();
    assert_eq!(task(r#"{"task":"requeue"}"#), Some(HousekeepTask::Requeue));
    assert_eq!(task(r#"{"task":"alerts"}"#), Some(HousekeepTask::Alerts));
    assert_eq!(task(r#"{"task":"purge"}"#), Some(HousekeepTask::Purge));
    assert_eq!(task(r#"{"task":"migrate"}"#), Some(HousekeepTask::Migrate));
    let expected = ReanalyzeRequest {
        tenant_id: "acme".parse().unwrap(),
        session_id: "s-1".parse().unwrap(),
        model: None,
        follow_ups: false,
    };
    let reanalyze = r#"{"task":"reanalyze","tenant_id":"acme","session_id":"s-1"}"#;
    assert_eq!(task(reanalyze), Some(HousekeepTask::Reanalyze(expected)));
    assert_eq!(task(&reanalyze.replace("session_id", "session")), None);
    assert_eq!(task(r#"{"task":"reanalyze","tenant_id":"acme"}"#), None);
    assert_eq!(task(r#"{"task":"drop"}"#), None);
    assert_eq!(task("{}"), None);
}

#[test]
fn a_request_that_is_written_is_read_as_the_same_task() {
    let tenant_id = crate::world::tenant("acme");
    let locale: Locale = "pt-BR".parse().unwrap();
    for task in [
        HousekeepTask::Requeue,
        HousekeepTask::Migrate,
        HousekeepTask::Reanalyze(ReanalyzeRequest {
            tenant_id: tenant_id.clone(),
            session_id: "s-1".parse().unwrap(),
            model: Some("m-2".to_owned()),
            follow_ups: true,
        }),
        HousekeepTask::EraseVisitor(EraseVisitorRequest {
            tenant_id: tenant_id.clone(),
            email: "ana@example.com".parse().unwrap(),
        }),
        HousekeepTask::SaveSettings(SaveSettingsRequest {
            tenant_id: tenant_id.clone(),
            name: "Acme".to_owned(),
            settings: json!({ "email": {} }),
        }),
        HousekeepTask::SaveTemplate(SaveTemplateRequest {
            tenant_id,
            name: "welcome".parse().unwrap(),
            locale,
            subject: "s".to_owned(),
            text: "t".to_owned(),
            html: "h".to_owned(),
        }),
    ] {
        assert_eq!(housekeep::read(serde_json::to_value(&task).unwrap()).unwrap(), task);
    }
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
async fn tasks_about_integrations_are_recognised_and_an_unknown_task_lists_the_known_ones() {
    let world = World::new([]).await;
    let ends = || Instant::now() + Duration::from_secs(60);
    let ask = async |payload: Value| housekeep::invoke(&world.context, payload, ends()).await;
    let show = ask(json!({ "task": "show_integrations", "tenant_id": "acme" })).await.unwrap();
    assert_eq!(serde_json::to_value(show).unwrap(), json!({ "integrations": [] }));
    for (payload, expected) in [
        (json!({ "task": "drop" }), "invalid task: must be one of `requeue`, "),
        (json!({ "task": "drop" }), "`show_integrations`, `save_integration`, "),
        (json!({ "task": "integration" }), "invalid task: must be one of `requeue`, "),
        (json!({}), "invalid task: missing field `task`"),
        (json!({ "task": "show_integrations" }), "invalid task: missing field `tenant_id`"),
        (json!({ "Records": [] }), "invalid task: missing field `task`"),
    ] {
        let error = ask(payload).await.unwrap_err().line();
        assert!(error.contains(expected), "{error}");
    }
}
