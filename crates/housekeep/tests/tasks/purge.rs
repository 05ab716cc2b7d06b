//! Retention removes old data and nothing else.

use std::time::{Duration, Instant};

use housekeep::{HousekeepTask, PurgeReport, TaskReport};
use serde_json::{Value, json};

use crate::world::World;

/// Ended sessions of these ages in days, each with a transcript of two turns, an analysis, a mail with an event and a
/// body, a failure, a closed alert and a request to a webhook of its age, and another session that goes on.
async fn fill(world: &World, tenant: &str, ages: &[u32]) {
    world.sql(&format!("DELETE FROM steps WHERE tenant_id = '{tenant}'")).await;
    world.sql(&format!("DELETE FROM sessions WHERE tenant_id = '{tenant}'")).await;
    world
        .sql(&format!(
            "INSERT INTO integrations (tenant_id, integration_id, config, secret_name) VALUES ('{tenant}', 'hook', '{{}}', 's')"
        ))
        .await;
    for (status, age) in ages.iter().map(|age| ("completed", age)).chain([("processing", &1000)]) {
        let at = format!("now() - interval '{age} days'");
        let key = format!("'{tenant}', 's-{age}'");
        for sql in [
            format!(
                "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status)
                 VALUES ({key}, 'a', 'text', {at}, {at}, '{status}')"
            ),
            format!(
                "INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text)
                 SELECT {key}, seq, 'visitor', 'x' FROM generate_series(0, 1) seq"
            ),
            format!(
                "INSERT INTO analyses (tenant_id, session_id, version, status, document) VALUES ({key}, 1, 'ok', '{{}}')"
            ),
            format!(
                "INSERT INTO email_log (tenant_id, email_id, session_id, template, status, created_at)
                 VALUES ('{tenant}', gen_random_uuid(), 's-{age}', 't', 'delivered', {at})"
            ),
            format!(
                "INSERT INTO failures (tenant_id, session_id, kind, code, occurred_at) VALUES ({key}, 'notify', 'c', {at})"
            ),
            format!(
                "INSERT INTO alerts (tenant_id, alert_id, rule, failures, codes, last_failure_at, closed_at, closed_as)
                 VALUES ('{tenant}', gen_random_uuid(), 'all:5/15', 5, '{{}}', {at}, {at}, 'cooled_down')"
            ),
            format!(
                "INSERT INTO webhook_attempts (tenant_id, attempt_id, integration_id, session_id, webhook_id,
                                               analysis_version, began_at, duration_ms)
                 VALUES ('{tenant}', gen_random_uuid(), 'hook', 's-{age}', 'msg', 1, {at}, 1)"
            ),
            format!(
                "INSERT INTO email_recipients (tenant_id, address_hash, email_id, sending_at)
                 VALUES ('{tenant}', sha256('{age}'), gen_random_uuid(), {at})"
            ),
        ] {
            world.sql(&sql).await;
        }
    }
    let detail = "INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
                  SELECT tenant_id, email_id, 'Send', now(), '{}' FROM email_log ON CONFLICT DO NOTHING";
    world.sql(detail).await;
    let body = "INSERT INTO email_bodies (tenant_id, email_id, subject, text, html)
                SELECT tenant_id, email_id, 's', 't', 'h' FROM email_log ON CONFLICT DO NOTHING";
    world.sql(body).await;
}

async fn purge(world: &World) -> PurgeReport {
    match world.handle(HousekeepTask::Purge).await.unwrap() {
        TaskReport::Purge(report) => report,
        other => panic!("{other:?}"),
    }
}

/// The sessions that have rows in a table.
async fn left(world: &World, table: &str, tenant: &str) -> Vec<String> {
    let sql = format!("SELECT DISTINCT session_id FROM {table} WHERE tenant_id = '{tenant}' ORDER BY session_id");
    world.texts(&sql).await
}

fn retention(retention: Value) -> Value {
    json!({ "retention": retention })
}

#[tokio::test]
async fn each_kind_is_removed_when_its_own_time_is_over_and_open_sessions_stay() {
    let world = World::new([]).await;
    let days = json!({ "mail_log_days": 30, "transcripts_days": 7, "analyses_days": 90, "failures_days": 365,
                     "webhook_log_days": 60 });
    world.save("acme", retention(days)).await;
    fill(&world, "acme", &[1, 8, 31, 91, 400]).await;
    let expected = PurgeReport {
        mails: 3,
        email_events: 3,
        email_bodies: 3,
        transcript_turns: 8,
        analyses: 2,
        failures: 2,
        alerts: 2,
        webhook_attempts: 3,
        recipients: 2,
        complete: true,
    };
    assert_eq!(purge(&world).await, expected);
    assert_eq!(left(&world, "email_log", "acme").await, ["s-1", "s-1000", "s-8"]);
    assert_eq!(left(&world, "transcript_turns", "acme").await, ["s-1", "s-1000"]);
    assert_eq!(left(&world, "analyses", "acme").await, ["s-1", "s-1000", "s-31", "s-8"]);
    assert_eq!(left(&world, "failures", "acme").await, ["s-1", "s-31", "s-8", "s-91"]);
    assert_eq!(left(&world, "webhook_attempts", "acme").await, ["s-1", "s-31", "s-8"]);
    assert_eq!(purge(&world).await, PurgeReport { complete: true, ..PurgeReport::default() });
}

#[tokio::test]
async fn a_tenant_keeps_what_it_wants_to_keep_and_others_have_the_defaults() {
    let world = World::new([]).await;
    let forever = json!({ "mail_log_days": null, "failures_days": null });
    world.save("acme", retention(forever)).await;
    fill(&world, "acme", &[4000]).await;
    world.save("other", json!({})).await;
    fill(&world, "other", &[10, 100, 366]).await;
    let report = purge(&world).await;
    assert_eq!((report.mails, report.failures, report.transcript_turns, report.analyses), (1, 3, 0, 0));
    assert_eq!(left(&world, "email_log", "acme").await, ["s-1000", "s-4000"]);
    assert_eq!(left(&world, "email_log", "other").await, ["s-10", "s-100", "s-1000"]);
}

#[tokio::test]
async fn a_mail_that_is_being_written_stays_however_old_it_is() {
    let world = World::new([]).await;
    fill(&world, "acme", &[500, 501, 502, 503]).await;
    for (session, status) in [("s-500", "queued"), ("s-501", "sending"), ("s-502", "unknown")] {
        world.sql(&format!("UPDATE email_log SET status = '{status}' WHERE session_id = '{session}'")).await;
    }
    assert_eq!(purge(&world).await.mails, 1);
    assert_eq!(left(&world, "email_log", "acme").await, ["s-1000", "s-500", "s-501", "s-502"]);
}

#[tokio::test]
async fn a_run_ends_before_its_invocation_and_the_next_one_goes_on() {
    let world = World::new([]).await;
    fill(&world, "acme", &[500]).await;
    let report =
        housekeep::handle(&world.context, HousekeepTask::Purge, Instant::now() + Duration::from_secs(2)).await.unwrap();
    assert_eq!(report, TaskReport::Purge(PurgeReport::default()), "nothing done, and not complete");
    let report = purge(&world).await;
    assert_eq!((report.mails, report.complete), (1, true));
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_an_error_and_keep_no_other_tenant_waiting() {
    let world = World::new([]).await;
    world.sql(r#"UPDATE tenants SET settings = '{"retention": {"mail_log_days": "ana@example.com"}}'"#).await;
    world.save("other", json!({})).await;
    fill(&world, "other", &[500]).await;
    let error = world.handle(HousekeepTask::Purge).await.unwrap_err();
    let line = error.line();
    assert!(line.starts_with("invalid retention settings of tenant acme: "), "{line}");
    assert!(!line.contains("ana@example.com"), "{line}");
    assert_eq!(left(&world, "email_log", "other").await, ["s-1000"]);
}

#[tokio::test]
async fn two_runs_at_once_remove_everything_once() {
    let world = World::new([]).await;
    fill(&world, "acme", &[400, 401, 402, 403, 404, 405]).await;
    let (first, second) = tokio::join!(purge(&world), purge(&world));
    let third = purge(&world).await;
    assert_eq!(first.mails + second.mails + third.mails, 6);
}

#[tokio::test]
async fn a_run_takes_as_many_batches_as_there_are() {
    let world = World::new([]).await;
    let rows = "INSERT INTO failures (tenant_id, session_id, kind, code, occurred_at)
                SELECT 'acme', 's-1', 'notify', 'c', now() - interval '91 days' FROM generate_series(1, 1100)";
    world.sql(rows).await;
    assert_eq!(purge(&world).await, PurgeReport { failures: 1100, complete: true, ..PurgeReport::default() });
}
