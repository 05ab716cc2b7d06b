//! Events as SES documents them, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::{Duration, Instant};

use domain::id::{SessionId, TenantId};
use domain::settings::TenantSettings;
use serde_json::{Value, json};
use stage::backoff::Backoff;
use stage::batch::{Record, RecordHandler, Verdict};
use store::email_log::{Email, EmailKey, EmailStatus, NewEmail};
use store::testing::TestDatabase;
use track_delivery::Context;

struct World {
    database: TestDatabase,
    context: Context,
    tenant: TenantId,
    session: SessionId,
}

impl World {
    async fn new() -> Self {
        let (tenant, session) = ("acme.eu".parse().unwrap(), "s-1".parse().unwrap());
        let database = TestDatabase::create().await;
        database.store.save_tenant(&tenant, "Acme", &TenantSettings::default()).await.unwrap();
        let insert = "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at)
                      VALUES ('acme.eu', 's-1', 'agent', 'text', now())";
        database.client().await.execute(insert, &[]).await.unwrap();
        let backoff = Backoff { base: Duration::from_secs(1), max: Duration::from_secs(1) };
        let context = Context { store: database.store.clone(), backoff };
        Self { database, context, tenant, session }
    }

    async fn email(&self) -> Email {
        let (tenant_id, session_id) = (&self.tenant, &self.session);
        let key = EmailKey { tenant_id, session_id, template: "session-summary", analysis_version: 1 };
        let new = NewEmail { key, recipient: Some("ana@example.com") };
        self.database.store.queue_email(&new).await.unwrap()
    }

    async fn deliver(&self, body: &str) -> Verdict {
        let deadline = Instant::now() + Duration::from_secs(5);
        let record = Record { body: body.into(), receive_count: 1, is_last: false, is_replay: false, deadline };
        self.context.handle_record(record).await
    }

    async fn events(&self) -> i64 {
        let client = self.database.client().await;
        client.query_one("SELECT count(*) FROM email_events", &[]).await.unwrap().get(0)
    }
}

fn event(kind: &str, email_id: &str, detail: Value) -> String {
    let member = match kind {
        "DeliveryDelay" => "deliveryDelay".to_owned(),
        kind => kind.to_lowercase(),
    };
    let mut event = json!({
        "eventType": kind,
        "mail": {
            "timestamp": "2026-11-22T10:05:01.000Z", "messageId": "ses-1", "destination": ["ana@example.com"],
            "tags": { "ses:operation": ["SendEmail"], "tenant_id": ["acme_deu"], "email_id": [email_id] }
        }
    });
    event[member] = detail;
    event.to_string()
}

#[tokio::test]
async fn the_sample_event_takes_a_mail_to_delivered_however_often_it_comes() {
    let world = World::new().await;
    let email_id = world.email().await.email_id.to_string();
    let delivery = event("Delivery", &email_id, json!({ "timestamp": "2026-11-22T10:05:03.000Z" }));
    for body in [&delivery, &event("Send", &email_id, json!({})), &delivery] {
        assert_eq!(world.deliver(body).await, Verdict::Ack);
    }
    let email = world.email().await;
    assert_eq!((email.status, email.provider_id.as_deref()), (EmailStatus::Delivered, Some("ses-1")));
    assert_eq!(email.sent_at.map(|at| at.to_rfc3339()).as_deref(), Some("2026-11-22T10:05:01+00:00"));
    assert_eq!(world.events().await, 2);
}

#[tokio::test]
async fn every_documented_type_is_kept() {
    let world = World::new().await;
    let email_id = world.email().await.email_id.to_string();
    let types = [
        ("Send", EmailStatus::Sent),
        ("Open", EmailStatus::Sent),
        ("DeliveryDelay", EmailStatus::Delayed),
        ("Click", EmailStatus::Delayed),
        ("Delivery", EmailStatus::Delivered),
        ("Subscription", EmailStatus::Delivered),
        ("Rendering Failure", EmailStatus::Rejected),
        ("Reject", EmailStatus::Rejected),
        ("Bounce", EmailStatus::Bounced),
        ("Complaint", EmailStatus::Complained),
    ];
    for (kind, expected) in types {
        assert_eq!(world.deliver(&event(kind, &email_id, json!({}))).await, Verdict::Ack, "{kind}");
        assert_eq!(world.email().await.status, expected, "after {kind}");
    }
    assert_eq!(world.events().await, 10);
}

#[tokio::test]
async fn events_of_other_mails_are_done_with() {
    let world = World::new().await;
    let unknown = event("Send", "00000000-0000-7000-8000-000000000000", json!({}));
    let foreign = event("Send", "not a uuid", json!({}));
    let untagged = json!({ "eventType": "Send", "mail": { "timestamp": "2026-11-22T10:05:01Z", "messageId": "x" } });
    for body in [unknown, foreign, untagged.to_string()] {
        assert_eq!(world.deliver(&body).await, Verdict::Ack);
    }
    assert_eq!(world.events().await, 0);
}

#[tokio::test]
async fn a_body_that_is_no_event_is_dead_lettered_without_being_quoted() {
    let world = World::new().await;
    for body in ["{", r#"{"eventType":"Send","mail":"ana@example.com"}"#] {
        let Verdict::DeadLetter { code, message } = world.deliver(body).await else { panic!("{body}") };
        assert_eq!(code.as_str(), "unreadable_message");
        assert!(!message.contains("ana"), "{message}");
    }
}

#[tokio::test]
async fn the_text_by_which_ses_validates_its_topic_is_done_with() {
    let world = World::new().await;
    let sample: Value = serde_json::from_str(include_str!("../../../events/track-delivery-validation.json")).unwrap();
    assert_eq!(world.deliver(sample["Records"][0]["body"].as_str().unwrap()).await, Verdict::Ack);
    assert_eq!(world.events().await, 0);
}
