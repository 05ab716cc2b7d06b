//! Events that are written with what they report, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::Duration;

use domain::address_hash::AddressHash;
use domain::id::{SessionId, TenantId};
use domain::message::{CrmSyncMessage, StepMessage};
use domain::session::SessionStatus;
use domain::step::{Code, Step, StepKey};
use store::Store;
use store::email_events::EmailEvent;
use store::email_log::{EmailKey, EmailStatus, NewEmail};
use store::sending::{Sending, Start};
use store::steps::{Claim, Claimed, Ending, Unclaimed};
use store::testing::TestDatabase;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

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
        "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, message)
         VALUES ('acme', 's-1', 'notify', 1, '')",
    ] {
        client.execute(sql, &[]).await.unwrap();
    }
    (database, client)
}

const NOTIFY: Step = Step::Notify { version: 1 };

fn hubspot() -> Step {
    Step::CrmSync { version: 1, integration: "hubspot".parse().unwrap() }
}

async fn claim(database: &TestDatabase, step: Step, replay: bool) -> Claimed {
    let key = StepKey { tenant_id: "acme".parse().unwrap(), session_id: "s-1".parse().unwrap(), step };
    let claim = database.store.claim_step(&key, LEASE, replay).await.unwrap();
    let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
    claimed
}

async fn finish(database: &TestDatabase, step: Step, replay: bool, ending: Ending) {
    let claimed = claim(database, step, replay).await;
    assert!(database.store.finish_step(&claimed, ending).await.unwrap().is_some());
}

/// The deliveries without a claim.
async fn deliveries(database: &TestDatabase) -> Vec<Step> {
    let (tenant, session) = ("acme".parse().unwrap(), "s-1".parse().unwrap());
    let planned = database.store.unclaimed_steps(&tenant, &session, Unclaimed::Events).await.unwrap();
    for planned in &planned {
        let message: CrmSyncMessage = serde_json::from_str(&planned.message).unwrap();
        assert_eq!(message.step_key().step, planned.step);
    }
    planned.into_iter().map(|planned| planned.step).collect()
}

/// The same as webhook and event, in the order in which each webhook gets them.
async fn planned(database: &TestDatabase) -> Vec<String> {
    let mut planned = Vec::new();
    for step in deliveries(database).await {
        let Step::WebhookEvent { integration, event_id } = step else { panic!("{step}") };
        let event = database.store.webhook_event(&"acme".parse().unwrap(), event_id).await.unwrap().unwrap();
        assert!(!event.is_replay);
        planned.push(format!("{integration} {}", event.event));
    }
    planned
}

async fn session(client: &Client) -> (String, i32, i32, Option<String>) {
    let row =
        client.query_one("SELECT status, open_steps, failed_steps, failure_code FROM sessions", &[]).await.unwrap();
    (row.get(0), row.get(1), row.get(2), row.get(3))
}

#[tokio::test]
async fn a_session_that_fails_is_reported_once_each_time_to_the_webhooks_that_ask_for_it() {
    let (database, client) = database().await;
    finish(&database, NOTIFY, false, Ending::Failed(Code::new("boom"))).await;
    assert_eq!(planned(&database).await, ["all session.failed@boom", "ill session.failed@boom"]);

    // It is replayed and fails again.
    let lost = Ending::Failed(Code::new("lost"));
    finish(&database, NOTIFY, true, lost).await;
    let again = [
        "all session.failed@boom",
        "all session.failed@lost@2",
        "ill session.failed@boom",
        "ill session.failed@lost@2",
    ];
    assert_eq!(planned(&database).await, again);
    assert_eq!(session(&client).await, ("failed".into(), 0, 1, Some("lost".into())));
    finish(&database, NOTIFY, true, lost).await;
    assert!(planned(&database).await.contains(&"ill session.failed@lost@3".to_owned()));
}

/// Plans a second step of the session.
async fn two_steps(client: &Client) {
    for sql in [
        "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, message)
         VALUES ('acme', 's-1', 'crm_sync', 1, 'hubspot', '')",
        "UPDATE sessions SET open_steps = 2",
    ] {
        client.execute(sql, &[]).await.unwrap();
    }
}

#[tokio::test]
async fn repairing_one_of_two_failed_steps_reports_nothing_new() {
    let (database, client) = database().await;
    two_steps(&client).await;
    let failed = |code| Ending::Failed(Code::new(code));
    finish(&database, NOTIFY, false, failed("boom")).await;
    finish(&database, hubspot(), false, failed("bang")).await;
    let reported = ["all session.failed@boom", "ill session.failed@boom"];
    assert_eq!(planned(&database).await, reported);

    finish(&database, NOTIFY, true, Ending::Done).await;
    assert_eq!(session(&client).await, ("failed".into(), 0, 1, Some("bang".into())));
    assert_eq!(planned(&database).await, reported, "the failure is known");
    finish(&database, hubspot(), true, failed("bang")).await;
    assert!(planned(&database).await.contains(&"all session.failed@bang@2".to_owned()));
}

#[tokio::test]
async fn a_step_that_fails_again_while_another_is_repaired_is_reported() {
    let (database, client) = database().await;
    two_steps(&client).await;
    let failed = |code| Ending::Failed(Code::new(code));
    finish(&database, NOTIFY, false, failed("boom")).await;
    finish(&database, hubspot(), false, failed("bang")).await;
    let repaired = claim(&database, NOTIFY, true).await;
    finish(&database, hubspot(), true, failed("again")).await;
    let sync = claim(&database, hubspot(), true).await;
    database.store.finish_step(&repaired, Ending::Done).await.unwrap();
    assert_eq!(planned(&database).await.len(), 2, "the session goes on");
    database.store.finish_step(&sync, failed("again")).await.unwrap();
    assert!(planned(&database).await.contains(&"all session.failed@again@2".to_owned()));
}

#[tokio::test]
async fn steps_that_fail_at_once_report_the_session_once() {
    let (database, client) = database().await;
    two_steps(&client).await;
    let (notify, sync) = (claim(&database, NOTIFY, false).await, claim(&database, hubspot(), false).await);
    let failed = Ending::Failed(Code::new("boom"));
    let (one, other) =
        tokio::join!(database.store.finish_step(&notify, failed), database.store.finish_step(&sync, failed));
    let ends = [one.unwrap().unwrap(), other.unwrap().unwrap()];
    assert!(ends.contains(&SessionStatus::Failed), "{ends:?}");
    assert_eq!(planned(&database).await, ["all session.failed@boom", "ill session.failed@boom"]);
}

#[tokio::test]
async fn a_session_does_not_wait_for_events_nor_fail_with_them() {
    let (database, client) = database().await;
    finish(&database, NOTIFY, false, Ending::Failed(Code::new("boom"))).await;
    let ended = ("failed".to_owned(), 0, 1, Some("boom".to_owned()));

    let event = deliveries(&database).await.remove(0);
    let claimed = claim(&database, event.clone(), false).await;
    assert!(database.store.set_waiting(&claimed, Duration::ZERO, Code::new("paced")).await.unwrap());
    assert_eq!(session(&client).await, ended);
    let resumed = database.store.take_due_waiting_steps(10).await.unwrap();
    assert_eq!(resumed.len(), 1);
    let message: CrmSyncMessage = serde_json::from_str(&resumed[0].message).unwrap();
    assert_eq!(message.step_key(), claimed.key);
    database.store.put_back_waiting(&resumed[0].claimed).await.unwrap();
    assert_eq!(session(&client).await, ended);
    let claimed = claim(&database, event.clone(), false).await;
    assert_eq!(session(&client).await, ended);
    assert!(database.store.finish_step(&claimed, Ending::Failed(Code::new("gone"))).await.unwrap().is_some());
    assert_eq!(session(&client).await, ended);
    finish(&database, event, true, Ending::Done).await;
    assert_eq!(session(&client).await, ended);

    // The session itself completes when its own step does.
    finish(&database, NOTIFY, true, Ending::Done).await;
    assert_eq!(session(&client).await, ("completed".into(), 0, 0, None));
}

struct Mail {
    tenant: TenantId,
    session: SessionId,
    hash: AddressHash,
}

impl Mail {
    fn new() -> Self {
        let (tenant, session): (TenantId, SessionId) = ("acme".parse().unwrap(), "s-1".parse().unwrap());
        let hash = AddressHash::of(&tenant, &"ana@example.com".parse().unwrap());
        Self { tenant, session, hash }
    }

    fn new_email(&self) -> NewEmail<'_> {
        let key = EmailKey { tenant_id: &self.tenant, session_id: &self.session, analysis_version: 1 };
        NewEmail { key, template: "session-summary", locale: None, recipient: None }
    }

    async fn start(&self, store: &Store, email_id: Uuid) {
        let sending = Sending {
            tenant_id: &self.tenant,
            email_id,
            recipient: None,
            recipient_hash: self.hash,
            template: "session-summary",
            template_version: None,
            locale: None,
            attachments: &[],
            attachments_left_out: None,
            keep_events: true,
            min_hours: None,
        };
        assert_eq!(store.start_sending(&sending).await.unwrap(), Start::Started);
    }

    async fn event(&self, store: &Store, email_id: Uuid, status: EmailStatus) {
        let now = chrono::Utc::now();
        let event = EmailEvent {
            tenant_id: &self.tenant,
            email_id,
            kind: status.as_str(),
            occurred_at: now,
            detail: &serde_json::json!({}),
            provider_id: "ses-1",
            sent_at: now,
            status,
            concerns: None,
            suppress: None,
        };
        store.record_email_event(&event).await.unwrap();
    }
}

#[tokio::test]
async fn each_new_status_of_a_mail_is_reported_once_whichever_statement_changes_it() {
    let (database, _) = database().await;
    let (store, mail) = (&database.store, Mail::new());
    let id = store.queue_email(&mail.new_email()).await.unwrap().email_id;
    assert_eq!(planned(&database).await, Vec::<String>::new(), "queued");
    let mut expected = Vec::new();
    let mut reported = async |status: &str| {
        expected.push(format!("all email.status@{id}@{status}"));
        assert_eq!(planned(&database).await, expected);
    };
    mail.start(store, id).await;
    store.record_not_sent(&mail.tenant, id, EmailStatus::Queued, None).await.unwrap();
    mail.start(store, id).await;
    store.record_not_sent(&mail.tenant, id, EmailStatus::Failed, Some(Code::new("refused"))).await.unwrap();
    reported("failed").await;
    store.not_sent_email(&mail.new_email(), EmailStatus::Skipped, Code::new("disabled")).await.unwrap();
    reported("skipped").await;
    mail.start(store, id).await;
    store.record_not_sent(&mail.tenant, id, EmailStatus::Unknown, None).await.unwrap();
    reported("unknown").await;
    store.record_sent(&mail.tenant, id, "ses-1").await.unwrap();
    reported("sent").await;
    store.record_sent(&mail.tenant, id, "ses-1").await.unwrap();
    mail.event(store, id, EmailStatus::Sent).await;
    mail.event(store, id, EmailStatus::Delivered).await;
    reported("delivered").await;
    mail.event(store, id, EmailStatus::Delayed).await;
    store.record_sent(&mail.tenant, id, "ses-1").await.unwrap();
    mail.event(store, id, EmailStatus::Complained).await;
    reported("complained").await;
}

#[tokio::test]
async fn a_mail_that_is_skipped_at_once_is_reported_too() {
    let (database, _) = database().await;
    database.store.not_sent_email(&Mail::new().new_email(), EmailStatus::Skipped, Code::new("no_email")).await.unwrap();
    let planned = planned(&database).await;
    assert!(planned.len() == 1 && planned[0].ends_with("@skipped"), "{planned:?}");
}

#[tokio::test]
async fn a_webhook_event_has_the_columns_of_its_type_and_no_others() {
    let (_, client) = database().await;
    for (columns, values) in [
        ("type, code", "'session.failed', 'lost'"),
        ("type, code, occurrence, email_status", "'session.failed', 'lost', 1, 'sent'"),
        ("type, email_id", "'email.status', gen_random_uuid()"),
        ("type", "'session.analyzed'"),
        ("type, analysis_version", "'session.analyzed', 0"),
        ("type, analysis_version", "'session.ended', 1"),
    ] {
        let insert = format!(
            "INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, {columns})
             VALUES ('acme', gen_random_uuid(), 's-1', 'all', {values})"
        );
        let error = client.execute(&insert, &[]).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::CHECK_VIOLATION), "{values}");
    }
}
