use chrono::{DateTime, Utc};
use domain::address_hash::AddressHash;
use domain::step::Code;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use store::email_events::{EmailEvent, EventRecord};
use store::email_log::EmailStatus;
use store::sending::{Sending, Start};
use store::suppressions::SuppressionReason as Reason;
use uuid::Uuid;

use crate::{ADDRESS, World};

const STAFF: &str = "desk@acme.example";

/// The record of an event of the first session's mail.
fn recorded(suppressed: i64) -> EventRecord {
    EventRecord::Recorded { session_id: "s-1".parse().unwrap(), suppressed }
}

fn repeated() -> EventRecord {
    EventRecord::Repeated { session_id: "s-1".parse().unwrap() }
}

fn at(second: u32) -> DateTime<Utc> {
    format!("2026-11-22T10:00:{second:02}Z").parse().unwrap()
}

struct Event<'a> {
    kind: &'a str,
    second: u32,
    status: EmailStatus,
    concerns: Option<&'a [AddressHash]>,
    suppress: Option<Reason>,
    detail: Value,
}

fn event(kind: &str, second: u32, status: EmailStatus) -> Event<'_> {
    Event { kind, second, status, concerns: None, suppress: None, detail: json!({}) }
}

impl World {
    async fn record(&self, email_id: Uuid, event: &Event<'_>) -> EventRecord {
        let event = EmailEvent {
            tenant_id: &self.tenant,
            email_id,
            kind: event.kind,
            occurred_at: at(event.second),
            detail: &event.detail,
            provider_id: "ses-1",
            sent_at: at(0),
            status: event.status,
            concerns: event.concerns,
            suppress: event.suppress,
        };
        self.store().record_email_event(&event).await.unwrap()
    }

    async fn started(&self) -> Uuid {
        let email_id = self.email(0).await.email_id;
        assert_eq!(self.start(email_id).await, Start::Started);
        email_id
    }
}

#[tokio::test]
async fn events_in_any_order_and_repeated_never_take_a_mail_back() {
    let world = World::new().await;
    let email = world.started().await;
    let delivery = event("Delivery", 5, EmailStatus::Delivered);
    assert_eq!(world.record(email, &delivery).await, recorded(0));
    assert_eq!(world.record(email, &delivery).await, repeated());
    assert_eq!(world.record(email, &event("Send", 1, EmailStatus::Sent)).await, recorded(0));
    assert_eq!(world.record(email, &event("Bounce", 3, EmailStatus::SoftBounced)).await, recorded(0));
    assert_eq!(world.status().await, EmailStatus::Delivered);
    assert_eq!(world.record(email, &event("Complaint", 9, EmailStatus::Complained)).await, recorded(0));
    assert_eq!(world.record(email, &event("Bounce", 8, EmailStatus::Bounced)).await, recorded(0));
    assert_eq!(world.status().await, EmailStatus::Complained);
    let unknown = world.record(Uuid::now_v7(), &event("Send", 1, EmailStatus::Sent)).await;
    assert_eq!(unknown, EventRecord::UnknownEmail);
    assert_eq!(world.count("email_events").await, 5);
}

#[tokio::test]
async fn two_events_of_one_type_and_millisecond_are_both_kept() {
    let world = World::new().await;
    let email = world.started().await;
    for address in ["ana", "ben"] {
        let detail = json!({ "recipients": [address] });
        let delivery = Event { detail, ..event("Delivery", 5, EmailStatus::Delivered) };
        assert_eq!(world.record(email, &delivery).await, recorded(0));
        assert_eq!(world.record(email, &delivery).await, repeated());
    }
    assert_eq!(world.count("email_events").await, 2);
}

#[tokio::test]
async fn an_event_settles_a_mail_whose_outcome_was_unknown() {
    let world = World::new().await;
    let email = world.started().await;
    let unknown = Some(Code::new("outcome_unknown"));
    world.store().record_not_sent(&world.tenant, email, EmailStatus::Unknown, unknown).await.unwrap();
    world.record(email, &event("Open", 7, EmailStatus::Sent)).await;
    let settled = world.email(0).await;
    assert_eq!((settled.status, settled.code), (EmailStatus::Sent, None));
    assert_eq!((settled.provider_id.as_deref(), settled.sent_at), (Some("ses-1"), Some(at(0))));
    let requeued = world.store().requeue_unknown(&world.tenant, email, Duration::ZERO).await.unwrap();
    assert!(!requeued, "the event wins");
}

#[tokio::test]
async fn an_event_that_comes_after_a_mail_was_queued_again_keeps_it_from_being_sent_twice() {
    let world = World::new().await;
    let email = world.started().await;
    assert!(world.store().requeue_unknown(&world.tenant, email, Duration::ZERO).await.unwrap());
    world.record(email, &event("Send", 1, EmailStatus::Sent)).await;
    assert_eq!(world.start(email).await, Start::Taken);
}

#[tokio::test]
async fn of_an_event_and_a_second_sending_at_the_same_moment_one_comes_first() {
    for _ in 0..20 {
        let world = World::new().await;
        let email = world.started().await;
        let requeue = async { world.store().requeue_unknown(&world.tenant, email, Duration::ZERO).await.unwrap() };
        let send = event("Send", 1, EmailStatus::Sent);
        let (requeued, _) = tokio::join!(requeue, world.record(email, &send));
        assert_eq!(world.status().await, EmailStatus::Sent, "requeued before: {requeued}");
    }
}

#[tokio::test]
async fn an_event_of_staff_in_copy_says_no_more_of_the_visitors_mail_than_that_it_was_sent() {
    let world = World::new().await;
    let email = world.started().await;
    let [staff, visitor] = [STAFF, ADDRESS].map(|address| world.hash(address));
    let bounce = event("Bounce", 3, EmailStatus::Bounced);
    let of_staff = Event { concerns: Some(&[staff]), suppress: Some(Reason::HardBounce), ..bounce };
    assert_eq!(world.record(email, &of_staff).await, recorded(1));
    assert_eq!(world.status().await, EmailStatus::Sent);
    let delivery = event("Delivery", 4, EmailStatus::Delivered);
    world.record(email, &Event { concerns: Some(&[visitor]), ..delivery }).await;
    assert_eq!(world.status().await, EmailStatus::Delivered);
    let suppressed = world.store().suppressions(&world.tenant, &[staff, visitor]).await.unwrap();
    assert_eq!(suppressed, [(staff, Reason::HardBounce)]);
}

#[tokio::test]
async fn a_complaint_suppresses_the_visitor_and_not_the_staff_that_ses_names_too() {
    let world = World::new().await;
    let email = world.started().await;
    let [staff, visitor] = [STAFF, ADDRESS].map(|address| world.hash(address));
    let complaint = event("Complaint", 3, EmailStatus::Complained);
    let complaint = Event { concerns: Some(&[staff, visitor]), suppress: Some(Reason::Complaint), ..complaint };
    assert_eq!(world.record(email, &complaint).await, recorded(1));
    assert_eq!(world.status().await, EmailStatus::Complained);
    let suppressed = world.store().suppressions(&world.tenant, &[staff, visitor]).await.unwrap();
    assert_eq!(suppressed, [(visitor, Reason::Complaint)]);
}

#[tokio::test]
async fn a_tenant_that_wants_no_log_keeps_the_status_and_no_events() {
    let world = World::new().await;
    let id = world.email(0).await.email_id;
    let sending = Sending { recipient: None, keep_events: false, ..world.sending(id) };
    assert_eq!(world.store().start_sending(&sending).await.unwrap(), Start::Started);
    let visitor = [world.hash(ADDRESS)];
    let bounce = event("Bounce", 3, EmailStatus::Bounced);
    let bounce = Event { concerns: Some(&visitor), suppress: Some(Reason::HardBounce), ..bounce };
    assert_eq!(world.record(id, &bounce).await, recorded(1));
    assert_eq!(world.record(id, &bounce).await, recorded(0), "repeated");
    let email = world.email(0).await;
    assert_eq!((email.status, email.recipient), (EmailStatus::Bounced, None));
    assert_eq!(world.count("email_events").await, 0);
}

#[tokio::test]
async fn many_events_of_one_mail_at_once_are_all_kept() {
    let world = World::new().await;
    let email = world.started().await;
    let events: Vec<_> = (0..20).map(|second| event("Click", second, EmailStatus::Sent)).collect();
    let records = join_all(events.iter().chain(&events).map(|event| world.record(email, event))).await;
    assert_eq!(records.iter().filter(|record| **record == recorded(0)).count(), 20);
    assert_eq!(world.count("email_events").await, 20);
}
