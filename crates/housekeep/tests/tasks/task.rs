//! What can be asked for.

use housekeep::{Report, Task};

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
        ("unknown-task", include_str!("../../../../events/housekeep-unknown-task.json"), false),
    ] {
        assert_eq!(serde_json::from_str::<Task>(event).is_ok(), is_task, "{name}");
    }
}
