//! Webhooks: signed, with one id, and never to a place of our own.

mod answers;
mod events;
mod health;
mod log;
mod places;
mod replays;
mod schemas;
mod secrets;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::id::{SessionId, TenantId};
use domain::integration::IntegrationState;
use domain::message::{AnalyzeMessage, StepMessage};
use domain::step::{Code, Step, StepKey};
use serde_json::{Value, json};
use stage::{Delivery, Failure, Outcome, Stage};
use store::email_events::EmailEvent;
use store::email_log::EmailStatus;
use store::steps::{Claim, Claimed, Ending, Unclaimed};
use store::webhook_attempts::AttemptEntry;
use store::webhook_events::WebhookEvent;
use uuid::Uuid;

use crate::world::{NotDone, World, judged};

const SECRET_NAME: &str = "post-session/test/acme/hook";
const MAIL: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

/// The outcome of a delivery in one line: `wait 7 s: rate_limited`.
fn line(result: Result<Outcome, NotDone>) -> String {
    let after = |after: Option<Duration>| after.map_or(String::new(), |after| format!(" {} s", after.as_secs()));
    match result {
        Ok(Outcome::Done) => "done".to_owned(),
        Ok(Outcome::Skipped(code)) => format!("skipped: {code}"),
        Ok(Outcome::Retry { after: wait, code, .. }) => format!("retry{}: {code}", after(wait)),
        Ok(Outcome::Wait { after: wait, code }) => format!("wait{}: {code}", after(Some(wait))),
        Ok(Outcome::Final { code, .. }) => format!("final: {code}"),
        Err(error) if error.is_retryable() => format!("retry: {}", error.code()),
        Err(error) => format!("final: {}", error.code()),
    }
}

impl World {
    /// `hook` with what is given of its configuration, at the stand-in unless a `url` is.
    async fn hook(&self, mut config: Value) {
        config["kind"] = json!("webhook");
        if config["url"].is_null() {
            config["url"] = json!(format!("{}/hooks/acme", self.webhook.base_url));
        }
        self.integrate("hook", config, SECRET_NAME).await;
    }

    /// The requests that the receiver has read.
    async fn deliveries(&self) -> Vec<Value> {
        self.webhook.control.state("").await.unwrap()["deliveries"].as_array().unwrap().clone()
    }

    /// All requests, including requests that met a fault.
    async fn requests(&self) -> Vec<Value> {
        self.webhook.control.requests("").await.unwrap()
    }

    async fn fault(&self, fault: Value) {
        self.webhook.control.fault(fault).await.unwrap();
    }

    /// Delivers the message about the first analysis once.
    async fn sync_analysis(&self, session: &str) -> String {
        line(self.sync(session, "hook").await)
    }

    async fn webhook_event(&self, event_id: Uuid) -> WebhookEvent {
        self.database.store.webhook_event(&acme(), event_id).await.unwrap().unwrap()
    }

    /// The events without a claim.
    async fn planned(&self, session: &str) -> Vec<String> {
        let store = &self.database.store;
        let planned = store.unclaimed_steps(&acme(), &session.parse().unwrap(), Unclaimed::Events).await.unwrap();
        let mut events = Vec::new();
        for planned in planned {
            let Step::WebhookEvent { event_id, .. } = planned.step else { panic!("{}", planned.step) };
            events.push(self.webhook_event(event_id).await.event.to_string());
        }
        events
    }

    /// An event of `hook`, such as `session.failed@lost`, the first time.
    async fn event(&self, session: &str, event: &str) -> (Uuid, WebhookEvent) {
        let sql = "SELECT event_id FROM webhook_events
                   WHERE session_id = $1 AND integration_id = 'hook' AND replay_id IS NULL";
        for row in self.database.client().await.query(sql, &[&session]).await.unwrap() {
            let found = self.webhook_event(row.get(0)).await;
            if found.event.to_string() == event {
                return (row.get(0), found);
            }
        }
        panic!("{event} was not planned")
    }

    /// Delivers the message of an event once, as the stage does.
    async fn send_event(&self, session: &str, event: &str) -> String {
        let (event_id, _) = self.event(session, event).await;
        self.deliver(session, event_id).await
    }

    async fn deliver(&self, session: &str, event_id: Uuid) -> String {
        let store = &self.database.store;
        let key = key(session, Step::WebhookEvent { integration: "hook".parse().unwrap(), event_id });
        let claim = store.claim_step(&key, Duration::from_secs(60), false).await.unwrap();
        let Claim::Run(claimed, message) = claim else { panic!("{claim:?}") };
        let delivery = delivery(claimed.clone());
        let result = judged(self.context.handle(serde_json::from_str(&message).unwrap(), &delivery).await);
        let ending = match &result {
            Ok(Outcome::Done) => Some(Ending::Done),
            Ok(Outcome::Skipped(code)) => Some(Ending::Skipped(*code)),
            Ok(Outcome::Final { code, .. }) => Some(Ending::Failed(*code)),
            Ok(Outcome::Retry { .. } | Outcome::Wait { .. }) => None,
            Err(error) => (!error.is_retryable()).then(|| Ending::Failed(error.code())),
        };
        match ending {
            Some(ending) => drop(store.finish_step(&claimed, ending).await.unwrap()),
            None => store.release_step(&claimed, Duration::ZERO).await.unwrap(),
        }
        line(result)
    }

    /// A session whose analysis fails with this code.
    async fn failed(&self, id: &str, code: Code) {
        let store = &self.database.store;
        let mut session = store::testing::session(id);
        session.visitor = crate::world::ana();
        let (tenant_id, session_id) = (session.tenant_id.clone(), session.session_id.clone());
        let message = AnalyzeMessage::V1 { tenant_id, session_id };
        let text = serde_json::to_string(&message).unwrap();
        let notification =
            store::sessions::NotifiedSession { session: &session, transcript: None, hash: b"hash", message: &text };
        store.accept_session(&notification).await.unwrap();
        let claim = store.claim_step(&message.step_key(), Duration::from_secs(60), false).await.unwrap();
        let Claim::Run(claimed, _) = claim else { panic!("{claim:?}") };
        store.finish_step(&claimed, Ending::Failed(code)).await.unwrap();
    }

    /// SES reports a status of the session's mail.
    async fn mail(&self, session: &str, status: EmailStatus) {
        self.sql(&format!(
            "INSERT INTO email_log (tenant_id, email_id, session_id, template, recipient, status)
             VALUES ('acme', '{MAIL}', '{session}', 'session-summary', 'ana@example.com', 'sending')
             ON CONFLICT (tenant_id, email_id) DO NOTHING"
        ))
        .await;
        let now = Utc::now();
        let event = EmailEvent {
            tenant_id: &acme(),
            email_id: MAIL.parse().unwrap(),
            kind: status.as_str(),
            occurred_at: now,
            detail: &json!({}),
            provider_id: "ses-1",
            sent_at: now,
            status,
            concerns: None,
            suppress: None,
        };
        self.database.store.record_email_event(&event).await.unwrap();
    }

    async fn state(&self) -> IntegrationState {
        self.integration("hook").await.state
    }

    /// The log, the latest attempt first.
    async fn attempts(&self) -> Vec<AttemptEntry> {
        self.database.store.webhook_attempts(&acme(), &"hook".parse().unwrap(), None, 100).await.unwrap()
    }

    /// Failures in a row, since when, and the last success.
    async fn gate(&self) -> (i32, Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let client = self.database.client().await;
        let sql =
            "SELECT failures, failing_since, last_success_at FROM integration_gates WHERE integration_id = 'hook'";
        let row = client.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1), row.get(2))
    }
}

fn key(session: &str, step: Step) -> StepKey {
    let session_id: SessionId = session.parse().unwrap();
    StepKey { tenant_id: acme(), session_id, step }
}

fn delivery(claimed: Claimed) -> Delivery {
    Delivery { claimed, deadline: Instant::now() + Duration::from_secs(60), is_last: false }
}
