//! Documented events of SES, with a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::{Duration, Instant};

use domain::address_hash::AddressHash;
use domain::event::EventType;
use domain::id::{SessionId, TenantId};
use domain::integration::{Connection, Integration, IntegrationConfig, IntegrationState, WebhookConfig};
use domain::message::{CrmSyncMessage, StepMessage};
use domain::settings::TenantSettings;
use domain::step::{Step, StepKey};
use serde_json::{Value, json};
use stage::backoff::Backoff;
use stage::batch::{Record, RecordHandler, Verdict};
use stage::queues::Routes;
use stage::testing::MemoryQueues;
use store::email_log::{Email, EmailKey, EmailStatus, NewEmail};
use store::sending::{Sending, Start};
use store::steps::Claim;
use store::suppressions::SuppressionReason;
use store::testing::TestDatabase;
use track_delivery::Context;

const VISITOR: &str = "ana@example.com";
const STAFF: &str = "desk@acme.example";

struct World {
    database: TestDatabase,
    context: Context<MemoryQueues>,
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
        let follow_ups = Routes { notify: None, crm_sync: "crm-sync".into() };
        let context = Context { store: database.store.clone(), queues: MemoryQueues::default(), follow_ups, backoff };
        Self { database, context, tenant, session }
    }

    fn hash(&self, address: &str) -> AddressHash {
        AddressHash::of(&self.tenant, &address.parse().unwrap())
    }

    /// Returns the mail about a version of the analysis.
    async fn email(&self, analysis_version: i32) -> Email {
        let (tenant_id, session_id) = (&self.tenant, &self.session);
        let key = EmailKey { tenant_id, session_id, analysis_version };
        let new = NewEmail { key, template: "session-summary", locale: None, recipient: Some(VISITOR) };
        self.database.store.queue_email(&new).await.unwrap()
    }

    /// Adds a mail that is being sent.
    async fn sending(&self, analysis_version: i32) -> Email {
        self.sending_to(VISITOR, analysis_version).await
    }

    async fn sending_to(&self, visitor: &str, analysis_version: i32) -> Email {
        let email = self.email(analysis_version).await;
        let sending = Sending {
            tenant_id: &self.tenant,
            email_id: email.email_id,
            recipient: Some(visitor),
            recipient_hash: self.hash(visitor),
            template: "session-summary",
            template_version: None,
            locale: Some("en"),
            attachments: &[],
            attachments_left_out: None,
            keep_events: true,
            min_hours: None,
        };
        assert_eq!(self.database.store.start_sending(&sending).await.unwrap(), Start::Started);
        email
    }

    async fn deliver(&self, body: &str) -> Verdict {
        let deadline = Instant::now() + Duration::from_secs(5);
        let record = Record { body: body.into(), receive_count: 1, is_last: false, is_replay: false, deadline };
        self.context.handle_record(record).await
    }

    /// Adds a webhook that receives the status of mails.
    async fn webhook(&self) {
        let events = [EventType::EmailStatus].into();
        let integration = Integration {
            tenant_id: self.tenant.clone(),
            integration_id: "hook".parse().unwrap(),
            state: IntegrationState::On,
            config: IntegrationConfig::Webhook(WebhookConfig { events, ..WebhookConfig::to("https://example.com") }),
            secret_name: "acme.eu/hook".into(),
            connection: Connection::default(),
        };
        self.database.store.save_integration(&integration).await.unwrap();
    }

    async fn claim(&self, key: &StepKey) {
        let claim = self.database.store.claim_step(key, Duration::from_secs(60), false).await.unwrap();
        assert!(matches!(claim, Claim::Run(..)), "{claim:?}");
    }

    /// The steps that messages to `crm-sync` ask for, since the last look, with their events.
    async fn sent(&self) -> Vec<(StepKey, String)> {
        let mut sent = Vec::new();
        for (queue, body) in self.context.queues.sent.take() {
            assert_eq!(queue, "crm-sync");
            let key = serde_json::from_str::<CrmSyncMessage>(&body).unwrap().step_key();
            let Step::WebhookEvent { integration, event_id } = &key.step else { panic!("{body}") };
            let event = self.database.store.webhook_event(&self.tenant, *event_id).await.unwrap().unwrap().event;
            sent.push((key.clone(), format!("{integration} {event}")));
        }
        sent
    }

    /// The same without the steps' keys.
    async fn events_sent(&self) -> Vec<String> {
        self.sent().await.into_iter().map(|(_, event)| event).collect()
    }

    async fn events(&self) -> i64 {
        let client = self.database.client().await;
        client.query_one("SELECT count(*) FROM email_events", &[]).await.unwrap().get(0)
    }

    async fn suppressed(&self) -> Vec<(AddressHash, SuppressionReason)> {
        let addresses = [self.hash(VISITOR), self.hash(STAFF)];
        self.database.store.suppressions(&self.tenant, &addresses).await.unwrap()
    }
}

/// Reads a fixture about this mail: an event with every field that AWS documents for its shape.
fn event(name: &str, email: &Email) -> String {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().replace("EMAIL_ID", &email.email_id.to_string())
}

#[tokio::test]
async fn every_documented_shape_is_kept_and_says_what_it_says() {
    use EmailStatus::{Bounced, Complained, Delayed, Delivered, Rejected, Sent, SoftBounced};
    use SuppressionReason::{Complaint, HardBounce, Unsubscribed};
    for (name, status, suppressed) in [
        ("send", Sent, None),
        ("delivery", Delivered, None),
        ("delivery-to-staff", Sent, None),
        ("delivery-delay", Delayed, None),
        ("bounce-transient", SoftBounced, None),
        ("bounce-undetermined", SoftBounced, None),
        ("bounce-permanent", Bounced, Some((VISITOR, HardBounce))),
        ("bounce-permanent-of-staff", Sent, Some((STAFF, HardBounce))),
        ("bounce-on-account-suppression-list", Bounced, Some((VISITOR, HardBounce))),
        ("complaint-abuse", Complained, Some((VISITOR, Complaint))),
        ("complaint-without-report", Complained, Some((VISITOR, Complaint))),
        ("complaint-on-account-suppression-list", Complained, Some((VISITOR, Complaint))),
        ("complaint-not-spam", Sent, None),
        ("reject", Rejected, None),
        ("rendering-failure", Rejected, None),
        ("open", Sent, None),
        ("click", Sent, None),
        ("subscription-unsubscribe-all", Sent, Some((VISITOR, Unsubscribed))),
        ("subscription-one-topic", Sent, None),
    ] {
        let world = World::new().await;
        let event = event(name, &world.sending(1).await);
        for _ in 0..2 {
            assert_eq!(world.deliver(&event).await, Verdict::Ack, "{name}");
        }
        let email = world.email(1).await;
        assert_eq!(email.status, status, "{name}");
        assert_eq!(email.provider_id.as_deref(), Some("0107019ab0-sample-000000"), "{name}");
        let expected: Vec<_> = suppressed.into_iter().map(|(who, why)| (world.hash(who), why)).collect();
        assert_eq!(world.suppressed().await, expected, "{name}");
        assert_eq!(world.events().await, 1, "{name}");
    }
}

#[tokio::test]
async fn a_bounce_whose_text_has_null_bytes_counts_like_any_other() {
    let world = World::new().await;
    let bounce = event("bounce-permanent", &world.sending(1).await);
    let with_nul = bounce.replace("\"diagnosticCode\": \"smtp", "\"diagnosticCode\": \"\\u0000smtp\\u0000");
    assert_ne!(with_nul, bounce);
    assert_eq!(world.deliver(&with_nul).await, Verdict::Ack);
    assert_eq!(world.email(1).await.status, EmailStatus::Bounced);
    assert_eq!(world.suppressed().await, [(world.hash(VISITOR), SuppressionReason::HardBounce)]);
    let sql = "SELECT detail #>> '{bouncedRecipients,0,diagnosticCode}' FROM email_events";
    let kept: String = world.database.client().await.query_one(sql, &[]).await.unwrap().get(0);
    assert!(kept.starts_with("smtp"), "{kept}");
}

/// Returns all orders of the numbers below `n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let insert = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, n - 1);
        order
    };
    orders(n - 1).iter().flat_map(|order| (0..n).map(|at| insert(order, at)).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn events_in_every_order_and_repeated_end_in_the_same_status() {
    let world = World::new().await;
    let mut version = 0;
    for (names, last) in [
        (["send", "delivery-delay", "bounce-transient", "delivery", "open"], EmailStatus::Delivered),
        (["send", "delivery", "click", "bounce-permanent", "complaint-abuse"], EmailStatus::Complained),
        (["send", "reject", "delivery-delay", "delivery-to-staff", "complaint-not-spam"], EmailStatus::Rejected),
    ] {
        for order in orders(names.len()) {
            version += 1;
            let email = world.sending(version).await;
            for at in order.iter().chain(&order[..2]) {
                assert_eq!(world.deliver(&event(names[*at], &email)).await, Verdict::Ack);
            }
            let ended = world.email(version).await;
            assert_eq!((ended.status, ended.code), (last, None), "{order:?} of {names:?}");
        }
    }
    assert_eq!(world.events().await, i64::from(version) * 5);
}

#[tokio::test]
async fn a_repeated_event_of_the_samples_takes_a_mail_to_delivered_once() {
    let world = World::new().await;
    let email = world.sending(1).await;
    for name in ["delivery", "send", "delivery"] {
        assert_eq!(world.deliver(&event(name, &email)).await, Verdict::Ack);
    }
    let email = world.email(1).await;
    assert_eq!(email.sent_at.map(|at| at.to_rfc3339()).as_deref(), Some("2026-11-22T10:05:01+00:00"));
    assert_eq!((email.status, world.events().await), (EmailStatus::Delivered, 2));
}

#[tokio::test]
async fn an_event_of_a_type_that_ses_adds_means_that_the_mail_was_sent() {
    let world = World::new().await;
    let event = event("send", &world.sending(1).await).replace(r#""eventType": "Send""#, r#""eventType": "Archived""#);
    assert_eq!(world.deliver(&event).await, Verdict::Ack);
    assert_eq!((world.email(1).await.status, world.events().await), (EmailStatus::Sent, 1));
}

#[tokio::test]
async fn a_visitor_of_an_international_domain_is_the_one_whom_ses_names_in_punycode() {
    let world = World::new().await;
    let email = world.sending_to("ana@exämple.de", 1).await;
    let complaint = event("complaint-abuse", &email).replace(VISITOR, "ana@xn--exmple-cua.de");
    assert_eq!(world.deliver(&complaint).await, Verdict::Ack);
    assert_eq!(world.email(1).await.status, EmailStatus::Complained);
    let visitor = world.hash("ana@exämple.de");
    let suppressed = world.database.store.suppressions(&world.tenant, &[visitor, world.hash(STAFF)]).await.unwrap();
    assert_eq!(suppressed, [(visitor, SuppressionReason::Complaint)]);
}

#[tokio::test]
async fn events_of_other_mails_are_done_with() {
    let world = World::new().await;
    let tags = |tags: Value| {
        let mail = json!({ "timestamp": "2026-11-22T10:05:01Z", "messageId": "x", "tags": tags });
        json!({ "eventType": "Send", "mail": mail, "send": {} }).to_string()
    };
    let unknown = "00000000-0000-7000-8000-000000000000";
    for tags in [
        tags(json!({ "tenant_id": ["acme_deu"], "email_id": [unknown] })),
        tags(json!({ "tenant_id": ["nobody"], "email_id": [unknown] })),
        tags(json!({ "tenant_id": ["acme_deu"], "email_id": ["not a uuid"] })),
        tags(json!({ "tenant_id": [], "email_id": [unknown] })),
        tags(json!({ "tenant_id": ["acme_deu"] })),
        tags(json!({})),
        json!({ "eventType": "Send", "mail": { "timestamp": "2026-11-22T10:05:01Z", "messageId": "x" } }).to_string(),
    ] {
        assert_eq!(world.deliver(&tags).await, Verdict::Ack, "{tags}");
    }
    assert_eq!(world.events().await, 0);
}

#[tokio::test]
async fn each_new_status_is_passed_on_to_the_webhooks_that_ask_for_it() {
    let world = World::new().await;
    let unheard = world.sending(1).await;
    assert_eq!(world.deliver(&event("send", &unheard)).await, Verdict::Ack);
    assert_eq!(world.events_sent().await, Vec::<String>::new(), "no webhook asks");
    world.webhook().await;
    let email = world.sending(2).await;
    let event_text = |status: &str| format!("hook email.status@{}@{status}", email.email_id);
    assert_eq!(world.deliver(&event("send", &email)).await, Verdict::Ack);
    let (key, sent) = world.sent().await.remove(0);
    assert_eq!(sent, event_text("sent"));
    world.claim(&key).await;
    assert_eq!(world.deliver(&event("open", &email)).await, Verdict::Ack);
    assert_eq!(world.events_sent().await, Vec::<String>::new(), "the status is what it was");
    assert_eq!(world.deliver(&event("delivery", &email)).await, Verdict::Ack);
    assert_eq!(world.events_sent().await, [event_text("delivered")]);
}

#[tokio::test]
async fn an_event_whose_message_was_refused_comes_back_and_is_recorded_once() {
    let world = World::new().await;
    world.webhook().await;
    let email = world.sending(1).await;
    let event = event("delivery", &email);
    world.context.queues.refuses.set(true);
    assert!(matches!(world.deliver(&event).await, Verdict::Retry(_)));
    assert_eq!((world.email(1).await.status, world.events().await), (EmailStatus::Delivered, 1));
    world.context.queues.refuses.set(false);
    assert_eq!(world.deliver(&event).await, Verdict::Ack);
    assert_eq!(world.events_sent().await, [format!("hook email.status@{}@delivered", email.email_id)]);
    assert_eq!(world.events().await, 1);
}

#[tokio::test]
async fn a_body_that_is_no_event_is_dead_lettered_without_being_quoted() {
    let world = World::new().await;
    let email = world.sending(1).await;
    let in_an_envelope = json!({ "Type": "Notification", "Message": event("send", &email) }).to_string();
    for body in ["{", r#"{"eventType":"Send","mail":"ana@example.com"}"#, &in_an_envelope] {
        let Verdict::DeadLetter { code, reason: message } = world.deliver(body).await else { panic!("{body}") };
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
