//! Events that are planned with what they tell, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::Duration;

use domain::message::{CrmSyncMessage, StepMessage};
use domain::step::{Code, StepKey};
use store::steps::{Claim, Claimed, Ending, Unclaimed};
use store::testing::TestDatabase;
use tokio_postgres::Client;

const LEASE: Duration = Duration::from_secs(60);

async fn database() -> (TestDatabase, Client) {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    for sql in [
        "INSERT INTO tenants (tenant_id, name) VALUES ('acme', 'Acme'), ('other', 'Other')",
        r#"INSERT INTO integrations (tenant_id, integration_id, config, secret_name, enabled, disabled_code)
           VALUES ('acme', 'all', '{"kind":"webhook","url":"x","events":["session.failed","email.status"]}', 's', true, NULL),
                  ('acme', 'ill', '{"kind":"webhook","url":"x","events":["session.failed"]}', 's', false, 'gone'),
                  ('acme', 'off', '{"kind":"webhook","url":"x","events":["session.failed"]}', 's', false, NULL),
                  ('acme', 'plain', '{"kind":"webhook","url":"x"}', 's', true, NULL),
                  ('acme', 'hubspot', '{"kind":"hubspot"}', 's', true, NULL),
                  ('other', 'all', '{"kind":"webhook","url":"x","events":["session.failed"]}', 's', true, NULL)"#,
        "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status, open_steps)
         VALUES ('acme', 's-1', 'agent', 'text', now(), now(), 'processing', 1)",
        "INSERT INTO steps (tenant_id, session_id, step, message) VALUES ('acme', 's-1', 'notify', '')",
    ] {
        client.execute(sql, &[]).await.unwrap();
    }
    (database, client)
}

fn key(step: &str) -> StepKey {
    StepKey { tenant_id: "acme".parse().unwrap(), session_id: "s-1".parse().unwrap(), step: step.parse().unwrap() }
}

async fn claim(database: &TestDatabase, step: &str, replay: bool) -> Claimed {
    let claim = database.store.claim_step(&key(step), LEASE, replay).await.unwrap();
    let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
    claimed
}

async fn planned(database: &TestDatabase) -> Vec<String> {
    let (tenant, session) = ("acme".parse().unwrap(), "s-1".parse().unwrap());
    let planned = database.store.unclaimed_steps(&tenant, &session, Unclaimed::Events).await.unwrap();
    for planned in &planned {
        let message: CrmSyncMessage = serde_json::from_str(&planned.message).unwrap();
        assert_eq!(message.step_key().step, planned.step);
    }
    planned.iter().map(|planned| planned.step.to_string()).collect()
}

async fn session(client: &Client) -> (String, i32, i32, Option<String>) {
    let row =
        client.query_one("SELECT status, open_steps, failed_steps, failure_code FROM sessions", &[]).await.unwrap();
    (row.get(0), row.get(1), row.get(2), row.get(3))
}

#[tokio::test]
async fn a_session_that_fails_is_told_once_each_time_to_those_who_ask_for_it() {
    let (database, client) = database().await;
    let failed = Ending::Failed(Code::new("boom"));
    database.store.finish_step(&claim(&database, "notify", false).await, failed).await.unwrap();
    assert_eq!(planned(&database).await, ["crm_sync:all/session.failed@boom", "crm_sync:ill/session.failed@boom"]);

    // It is replayed and fails again.
    let lost = Ending::Failed(Code::new("lost"));
    database.store.finish_step(&claim(&database, "notify", true).await, lost).await.unwrap();
    let again = [
        "crm_sync:all/session.failed@boom",
        "crm_sync:all/session.failed@lost@2",
        "crm_sync:ill/session.failed@boom",
        "crm_sync:ill/session.failed@lost@2",
    ];
    assert_eq!(planned(&database).await, again);
    assert_eq!(session(&client).await, ("failed".into(), 0, 1, Some("lost".into())));
    database.store.finish_step(&claim(&database, "notify", true).await, lost).await.unwrap();
    assert!(planned(&database).await.contains(&"crm_sync:ill/session.failed@lost@3".to_owned()));
}

#[tokio::test]
async fn mending_one_of_two_failed_steps_tells_nothing_new() {
    let (database, client) = database().await;
    for sql in [
        "INSERT INTO steps (tenant_id, session_id, step, message) VALUES ('acme', 's-1', 'crm_sync:hubspot', '')",
        "UPDATE sessions SET open_steps = 2",
    ] {
        client.execute(sql, &[]).await.unwrap();
    }
    let failed = |code| Ending::Failed(Code::new(code));
    database.store.finish_step(&claim(&database, "notify", false).await, failed("boom")).await.unwrap();
    database.store.finish_step(&claim(&database, "crm_sync:hubspot", false).await, failed("bang")).await.unwrap();
    let told = ["crm_sync:all/session.failed@boom", "crm_sync:ill/session.failed@boom"];
    assert_eq!(planned(&database).await, told);

    database.store.finish_step(&claim(&database, "notify", true).await, Ending::Done).await.unwrap();
    assert_eq!(session(&client).await, ("failed".into(), 0, 1, Some("bang".into())));
    assert_eq!(planned(&database).await, told, "what fails is known");
    database.store.finish_step(&claim(&database, "crm_sync:hubspot", true).await, failed("bang")).await.unwrap();
    assert!(planned(&database).await.contains(&"crm_sync:all/session.failed@bang@2".to_owned()));
}

#[tokio::test]
async fn a_session_does_not_wait_for_events_nor_fail_with_them() {
    let (database, client) = database().await;
    let failed = Ending::Failed(Code::new("boom"));
    database.store.finish_step(&claim(&database, "notify", false).await, failed).await.unwrap();
    let ended = ("failed".to_owned(), 0, 1, Some("boom".to_owned()));

    let told = claim(&database, "crm_sync:all/session.failed@boom", false).await;
    assert!(database.store.park_step(&told, Duration::ZERO, Code::new("paced")).await.unwrap());
    assert_eq!(session(&client).await, ended);
    let resumed = database.store.take_due_waiting_steps(10).await.unwrap();
    assert_eq!(resumed.len(), 1);
    database.store.put_back_waiting(&resumed[0]).await.unwrap();
    assert_eq!(session(&client).await, ended);
    let told = claim(&database, "crm_sync:all/session.failed@boom", false).await;
    assert_eq!(session(&client).await, ended);
    assert!(database.store.finish_step(&told, Ending::Failed(Code::new("gone"))).await.unwrap().is_some());
    assert_eq!(session(&client).await, ended);
    let told = claim(&database, "crm_sync:all/session.failed@boom", true).await;
    database.store.finish_step(&told, Ending::Done).await.unwrap();
    assert_eq!(session(&client).await, ended);

    // The session itself completes when its own step does.
    database.store.finish_step(&claim(&database, "notify", true).await, Ending::Done).await.unwrap();
    assert_eq!(session(&client).await, ("completed".into(), 0, 0, None));
}

#[tokio::test]
async fn each_new_status_of_a_mail_is_told() {
    let (database, client) = database().await;
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    let insert = format!(
        "INSERT INTO email_log (tenant_id, email_id, session_id, template, status)
         VALUES ('acme', '{id}', 's-1', 'x', 'queued')"
    );
    client.execute(&insert, &[]).await.unwrap();
    for status in ["sending", "sent", "sent", "delivered"] {
        client.execute(&format!("UPDATE email_log SET status = '{status}'"), &[]).await.unwrap();
    }
    client.execute("UPDATE email_log SET recipient = NULL", &[]).await.unwrap();
    let expected = ["delivered", "sent"].map(|status| format!("crm_sync:all/email.status@{id}@{status}"));
    assert_eq!(planned(&database).await, expected);
}

#[tokio::test]
async fn a_mail_that_is_skipped_at_once_is_told_too() {
    let (database, client) = database().await;
    let insert = "INSERT INTO email_log (tenant_id, email_id, session_id, template, status, code)
                  VALUES ('acme', gen_random_uuid(), 's-1', 'x', 'skipped', 'no_email')";
    client.execute(insert, &[]).await.unwrap();
    let planned = planned(&database).await;
    assert!(planned.len() == 1 && planned[0].ends_with("@skipped"), "{planned:?}");
}
