//! When an alert opens, goes on and ends.

use housekeep::AlertsReport;
use serde_json::json;

use crate::world::{World, watched};

/// A tenant with a threshold of 3 failures within 10 minutes.
async fn world() -> World {
    let world = World::new([]).await;
    world.save("acme", watched()).await;
    world
}

#[tokio::test]
async fn an_alert_opens_at_exactly_as_many_failures_as_the_threshold_says() {
    let world = world().await;
    world.fail("acme", "notify", "ses_refused", 2).await;
    assert_eq!(world.look().await, AlertsReport { tenants: 1, complete: true, ..AlertsReport::default() });
    assert!(world.mails().is_empty() && world.alerts().await.is_empty());

    world.fail("acme", "crm_sync", "hubspot_refused", 1).await;
    let report = world.look().await;
    assert_eq!(report, AlertsReport { tenants: 1, opened: 1, mailed: 1, complete: true, ..AlertsReport::default() });
    assert_eq!(world.subjects(), ["Acme: 3 steps failed (all:3/10)"]);

    world.fail("acme", "notify", "ses_refused", 20).await;
    assert_eq!(world.look().await, AlertsReport { tenants: 1, complete: true, ..AlertsReport::default() });
    assert_eq!(world.alerts().await, ["all:3/10 open sent"]);
    assert_eq!(world.texts("SELECT failures::text FROM alerts").await, ["23"], "the row keeps count");
}

#[tokio::test]
async fn failures_from_before_the_window_do_not_count() {
    let world = world().await;
    world.fail("acme", "notify", "ses_refused", 2).await;
    world.minutes_pass(11).await;
    world.fail("acme", "notify", "ses_refused", 2).await;
    assert_eq!(world.look().await.opened, 0);
}

#[tokio::test]
async fn a_threshold_of_one_stage_counts_its_steps_of_any_kind() {
    let world = World::new([]).await;
    let thresholds = json!([
        { "failures": 2, "minutes": 10, "step": "crm_sync" },
        { "failures": 2, "minutes": 60, "step": "notify" },
        { "failures": 4, "minutes": 10 },
    ]);
    world.save("acme", json!({ "alerts": { "admins": ["ops@example.com"], "thresholds": thresholds } })).await;
    world.fail("acme", "crm_sync", "hubspot_refused", 1).await;
    world.fail("acme", "notify", "ses_refused", 1).await;
    assert_eq!(world.look().await.opened, 0);
    world.fail("acme", "webhook_event", "webhook_gone", 1).await;
    assert_eq!(world.look().await.opened, 1);
    world.fail("acme", "notify", "ses_refused", 1).await;
    assert_eq!(world.look().await.opened, 2, "several rules at once");
    let mut subjects = world.subjects();
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "Acme: 2 steps failed (crm_sync:2/10)",
            "Acme: 2 steps failed (notify:2/60)",
            "Acme: 4 steps failed (all:4/10)"
        ]
    );
}

#[tokio::test]
async fn one_failure_with_an_operators_code_is_enough() {
    let world = world().await;
    world.fail("acme", "notify", "ses_sender_not_verified", 1).await;
    assert_eq!(world.look().await.opened, 1);
    assert_eq!(world.subjects(), ["Acme: 1 step failed (code:ses_sender_not_verified)"]);
    world.fail("acme", "notify", "ses_sending_paused", 1).await;
    world.fail("acme", "notify", "ses_sender_not_verified", 1).await;
    assert_eq!(world.look().await.opened, 2, "the other code, and three failures in all");
    assert_eq!(world.mails().len(), 3);
}

#[tokio::test]
async fn an_alert_about_a_waiting_step_stays_open_until_no_step_has_waited_for_a_while() {
    let world = world().await;
    world.sql("UPDATE steps SET status = 'waiting', code = 'model_price_unknown', due_at = now()").await;
    world.sql("UPDATE sessions SET status = 'waiting', waiting_steps = 1").await;
    assert_eq!(world.look().await.opened, 1);
    assert_eq!(world.subjects(), ["Acme: 1 step waiting (waiting:model_price_unknown)"]);
    world.minutes_pass(30).await;
    assert_eq!(world.look().await.recovered, 0);
    world.sql("UPDATE steps SET status = 'running', code = NULL").await;
    assert_eq!(world.look().await.recovered, 0, "the step only tries again");
    world.minutes_pass(60).await;
    assert_eq!(world.look().await.recovered, 1);
    assert_eq!(world.subjects()[1..], ["Acme: works again (waiting:model_price_unknown)"]);
}

#[tokio::test]
async fn an_alert_recovers_with_one_note_and_the_next_failures_open_another() {
    let world = world().await;
    for round in 1..=2 {
        world.fail("acme", "notify", "ses_refused", 3).await;
        assert_eq!(world.look().await.opened, 1);
        world.minutes_pass(9).await;
        assert_eq!(world.look().await.recovered, 0, "they are still in the window");
        world.minutes_pass(5).await;
        assert_eq!(world.look().await.recovered, 0, "that may be chance");
        world.minutes_pass(2).await;
        let report = world.look().await;
        assert_eq!((report.recovered, report.mailed), (1, 1));
        assert_eq!(world.look().await.mailed, 0);
        assert_eq!(world.mails().len(), 2 * round);
    }
    assert_eq!(world.subjects()[2..], ["Acme: 3 steps failed (all:3/10)", "Acme: works again (all:3/10)"]);
    assert_eq!(world.alerts().await, ["all:3/10 recovered sent sent"; 2]);
}

#[tokio::test]
async fn failures_that_come_and_go_within_the_window_are_one_alert() {
    let world = world().await;
    world.fail("acme", "notify", "ses_refused", 3).await;
    for _ in 0..6 {
        world.look().await;
        world.minutes_pass(9).await;
        world.fail("acme", "notify", "ses_refused", 1).await;
    }
    assert_eq!(world.alerts().await, ["all:3/10 open sent"], "below the threshold, and not recovered");
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn failures_that_come_and_go_beyond_a_short_window_are_one_alert() {
    let world = World::new([]).await;
    let thresholds = json!([{ "failures": 1, "minutes": 1 }]);
    world.save("acme", json!({ "alerts": { "admins": ["ops@example.com"], "thresholds": thresholds } })).await;
    for _ in 0..8 {
        world.fail("acme", "notify", "ses_refused", 1).await;
        world.look().await;
        world.minutes_pass(3).await;
        world.look().await;
    }
    assert_eq!((world.alerts().await, world.mails().len()), (vec!["all:1/1 open sent".to_owned()], 1));
}

#[tokio::test]
async fn a_failure_between_two_looks_is_no_recovery() {
    let world = World::new([]).await;
    let thresholds = json!([{ "failures": 1, "minutes": 1 }]);
    world.save("acme", json!({ "alerts": { "admins": ["ops@example.com"], "thresholds": thresholds } })).await;
    world.fail("acme", "notify", "ses_refused", 1).await;
    assert_eq!(world.look().await.opened, 1);
    world.minutes_pass(10).await;
    world.fail("acme", "notify", "ses_refused", 1).await;
    world.minutes_pass(8).await;
    assert_eq!(world.look().await.recovered, 0, "the last failure was 8 minutes ago");
    world.minutes_pass(8).await;
    assert_eq!(world.look().await.recovered, 1);
}

#[tokio::test]
async fn an_alert_that_goes_on_is_mailed_again_after_each_cool_down() {
    let world = world().await;
    for _ in 0..13 {
        world.fail("acme", "notify", "ses_refused", 3).await;
        world.look().await;
        world.minutes_pass(10).await;
    }
    assert_eq!(world.alerts().await, ["all:3/10 cooled_down sent", "all:3/10 cooled_down sent", "all:3/10 open sent"]);
    assert_eq!(world.mails().len(), 3, "after 0, 60 and 120 minutes");
}

#[tokio::test]
async fn the_same_failures_are_not_mailed_again_when_the_cool_down_is_shorter_than_the_window() {
    let world = World::new([]).await;
    let mut settings = watched();
    settings["alerts"]["cool_down_minutes"] = json!(1);
    world.save("acme", settings).await;
    world.fail("acme", "notify", "ses_refused", 3).await;
    for _ in 0..4 {
        world.look().await;
        world.minutes_pass(2).await;
    }
    assert_eq!(world.mails().len(), 1);
    world.fail("acme", "notify", "ses_refused", 1).await;
    world.look().await;
    assert_eq!(world.subjects()[1..], ["Acme: 4 steps failed (all:3/10)"]);
}

#[tokio::test]
async fn concurrent_runs_open_close_and_mail_once() {
    let world = world().await;
    world.fail("acme", "notify", "ses_refused", 3).await;
    tokio::join!(world.look(), world.look(), world.look());
    world.look().await;
    assert_eq!((world.alerts().await, world.mails().len()), (vec!["all:3/10 open sent".to_owned()], 1));
    world.minutes_pass(16).await;
    tokio::join!(world.look(), world.look(), world.look());
    assert_eq!((world.alerts().await, world.mails().len()), (vec!["all:3/10 recovered sent sent".to_owned()], 2));
}

#[tokio::test]
async fn an_alert_of_a_removed_threshold_closes_without_a_mail() {
    let world = world().await;
    world.fail("acme", "notify", "ses_refused", 3).await;
    world.look().await;
    world.save("acme", json!({ "alerts": { "admins": ["ops@example.com"], "thresholds": [] } })).await;
    world.look().await;
    assert_eq!((world.alerts().await, world.mails().len()), (vec!["all:3/10 cooled_down sent".to_owned()], 1));
}

#[tokio::test]
async fn other_tenants_are_neither_counted_nor_mailed_nor_held_up() {
    let world = world().await;
    for other in ["aaa", "zzz"] {
        world.save(other, watched()).await;
        world.accept(other, "s-1").await;
        world.fail(other, "notify", "ses_refused", 2).await;
    }
    world.sql(r#"UPDATE tenants SET settings = '{"alerts": {"admins": 1}}' WHERE tenant_id = 'aaa'"#).await;
    world.fail("acme", "notify", "ses_refused", 3).await;
    let error = world.handle(housekeep::HousekeepTask::Alerts).await.unwrap_err();
    assert!(error.line().starts_with("database error: "), "{}", error.line());
    assert_eq!(world.alerts().await, ["all:3/10 open sent"]);
    assert_eq!(world.mails().len(), 1);
}
