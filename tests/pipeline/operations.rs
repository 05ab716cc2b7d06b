//! Tasks of `housekeep` for operators: alerts, retention, erasure.

use pipeline_tests::{Queue, World, eventually, on_the_stack};
use serde_json::{Value, json};

use crate::model::dead_letter;

fn admin(world: &World) -> String {
    format!("admin.{}@example.com", world.tenant)
}

async fn run_alerts(world: &World) {
    world.housekeep(json!({ "task": "alerts" })).await;
}

#[tokio::test]
async fn admins_are_mailed_once_about_a_sender_that_ses_does_not_know_and_once_that_it_is_over() {
    on_the_stack("alerts", json!({}), async |world| {
        let alerts = json!({ "admins": [admin(world)], "thresholds": [{ "failures": 1, "minutes": 1 }] });
        world.save_settings(json!({ "alerts": alerts })).await;
        let unknown = json!({
            "match": "POST outbound-emails", "body_match": world.visitor(), "exception": "MailFromDomainNotVerifiedException"
        });
        world.fault("ses", unknown).await;
        world.send("s-1").await;
        assert_eq!(world.ended("s-1").await.failure_code.as_deref(), Some("ses_sender_not_verified"));
        for _ in 0..2 {
            run_alerts(world).await;
        }
        let mails = world.mails_with(&admin(world)).await;
        assert!((1..=2).contains(&mails.len()), "one for the threshold, one for the code: {mails:#?}");
        let texts: Vec<_> = mails.iter().map(|mail| mail["text"].as_str().unwrap_or_default()).collect();
        assert!(texts.iter().all(|text| text.contains("ses_sender_not_verified") && text.contains("s-1")), "{texts:#?}");
        assert!(texts.iter().all(|text| !text.contains(&world.visitor())), "{texts:#?}");

        let letter = dead_letter(world, Queue::Notify).await;
        world.redrive(Queue::Notify, &letter).await;
        assert!(eventually(async || world.session("s-1").await.unwrap().status == "completed").await);
        // The minute of the threshold is over.
        let past = "UPDATE failures SET occurred_at = occurred_at - interval '2 days' WHERE tenant_id = $1";
        world.database().await.execute(past, &[&world.tenant.as_ref()]).await.unwrap();
        let opened = "UPDATE alerts SET opened_at = opened_at - interval '2 days', last_failure_at = last_failure_at - interval '2 days' WHERE tenant_id = $1";
        world.database().await.execute(opened, &[&world.tenant.as_ref()]).await.unwrap();
        for _ in 0..2 {
            run_alerts(world).await;
        }
        let recovered = world.mails_with(&admin(world)).await;
        assert_eq!(recovered.len(), 2 * mails.len(), "{recovered:#?}");
        assert_eq!(world.mails().await.len(), 1, "the visitor's own");
    })
    .await;
}

#[tokio::test]
async fn what_is_older_than_its_retention_is_removed_and_the_rest_stays() {
    on_the_stack("retention", json!({ "retention": { "transcripts_days": 365 } }), async |world| {
        for session in ["s-1", "s-2"] {
            world.send(session).await;
            world.completed(session).await;
        }
        let age = "UPDATE sessions SET started_at = ended, ended_at = ended
                   FROM (SELECT session_id AS id, now() - CASE session_id WHEN 's-1' THEN interval '366 days' ELSE '0' END AS ended
                         FROM sessions WHERE tenant_id = $1) AS aged
                   WHERE tenant_id = $1 AND session_id = id";
        let database = world.database().await;
        database.execute(age, &[&world.tenant.as_ref()]).await.unwrap();
        world.housekeep(json!({ "task": "purge" })).await;
        let left = "SELECT session_id, count(*) FROM transcript_turns WHERE tenant_id = $1 GROUP BY session_id";
        let left = database.query(left, &[&world.tenant.as_ref()]).await.unwrap();
        let left: Vec<(String, i64)> = left.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(left, [("s-2".to_owned(), 4)]);
        assert!(world.analysis("s-1").await.is_some(), "analyses are kept for ever unless the tenant says otherwise");
    })
    .await;
}

#[tokio::test]
async fn an_erased_visitor_is_in_no_table_and_still_unsubscribed() {
    let settings = json!({ "logging": { "mails": "full" } });
    on_the_stack("erased", settings, async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        let complaint = json!({
            "timestamp": "2026-11-22T10:05:03.000Z", "complainedRecipients": [{ "emailAddress": world.visitor() }]
        });
        world.publish("Complaint", complaint).await;
        assert!(eventually(async || world.email("s-1").await.unwrap().0 == "complained").await);
        let erase = json!({ "task": "erase_visitor", "tenant_id": world.tenant, "email": world.visitor() });
        let report = world.housekeep(erase.clone()).await;
        assert!(!report.to_string().contains(&world.visitor()), "{report}");
        for text in [world.visitor(), world.marker("s-1")] {
            assert_eq!(tables_with(world, &text).await, Vec::<String>::new(), "{text}\n{report}");
        }
        assert_eq!(world.session("s-1").await.unwrap().status, "completed");
        world.send("s-2").await;
        assert_eq!(world.completed("s-2").await.step("notify"), "skipped: complained");
    })
    .await;
}

/// The tables with a row of the tenant in which the text stands.
async fn tables_with(world: &World, text: &str) -> Vec<String> {
    let database = world.database().await;
    let tables = "SELECT table_name::text FROM information_schema.columns
                  WHERE table_schema = 'public' AND column_name = 'tenant_id'";
    let mut found = Vec::new();
    for row in database.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let sql = format!("SELECT count(*) FROM {table} AS t WHERE tenant_id = $1 AND position($2 IN t::text) > 0");
        let count: i64 = database.query_one(&sql, &[&world.tenant.as_ref(), &text]).await.unwrap().get(0);
        if count > 0 {
            found.push(table);
        }
    }
    found
}

#[tokio::test]
async fn settings_are_saved_only_if_every_field_is_known_and_possible() {
    on_the_stack("settings", json!({}), async |world| {
        let save = |settings: Value| json!({ "task": "save_settings", "tenant_id": world.tenant, "name": "Tideway", "settings": settings });
        let report = world.housekeep(save(json!({ "email": { "enabled": false } }))).await;
        assert_eq!(report, json!({ "settings_version": 2 }));
        for (settings, expected) in [
            (json!({ "email": { "enable": false } }), "enable"),
            (json!({ "email": { "min_hours_between_mails": 0 } }), "between 1 and 8760"),
            (json!({ "redaction": { "patterns": [{ "name": "k", "pattern": "(" }] } }), "unclosed group"),
            (json!({ "email": { "template": "nowhere" } }), "nowhere"),
        ] {
            let (answer, failed) = world.stack.invoke("housekeep", &save(settings)).await;
            assert!(failed && answer.to_string().contains(expected), "{answer}");
        }
    })
    .await;
}
