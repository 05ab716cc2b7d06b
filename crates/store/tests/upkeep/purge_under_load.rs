use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::{TimeDelta, Utc};
use domain::address_hash::AddressHash;
use domain::id::SessionId;
use futures_util::future::join_all;
use serde_json::json;
use store::email_events::{EmailEvent, EventRecord};
use store::email_log::{Body, EmailKey, EmailStatus, NewEmail};
use store::retention::{PurgeBatch, PurgedMails};
use store::sending::{Sending, Start};
use uuid::Uuid;

use crate::World;

const WRITERS: usize = 6;
const MAILS_EACH: usize = 40;

impl World {
    async fn event(&self, email_id: Uuid, kind: &str, status: EmailStatus) -> EventRecord {
        let at = Utc::now();
        let event = EmailEvent {
            tenant_id: &self.tenant,
            email_id,
            kind,
            occurred_at: at,
            detail: &json!({}),
            provider_id: "ses-1",
            sent_at: at,
            status,
            concerns: None,
            suppress: None,
        };
        self.store().record_email_event(&event).await.unwrap()
    }

    /// One mail from its first row to its last event; until SES has it, nothing may take its row away.
    async fn write_mail(&self, session_id: &SessionId) {
        let (store, tenant_id) = (self.store(), &self.tenant);
        let key = EmailKey { tenant_id, session_id, analysis_version: 1 };
        let new = NewEmail { key, template: "x", locale: None, recipient: None };
        let email_id = store.queue_email(&new).await.unwrap().email_id;
        let sending = Sending {
            tenant_id,
            email_id,
            recipient: None,
            recipient_hash: AddressHash::from([7; 32]),
            template: "x",
            template_version: None,
            locale: None,
            attachments: &[],
            attachments_left_out: None,
            keep_events: true,
            min_hours: None,
        };
        assert_eq!(store.start_sending(&sending).await.unwrap(), Start::Started);
        store.keep_body(tenant_id, email_id, Body { subject: "s", text: "t", html: "h" }).await.unwrap();
        let email = store.email(&key).await.unwrap().unwrap();
        assert_eq!((email.email_id, email.status), (email_id, EmailStatus::Sending));
        assert_ne!(self.event(email_id, "Send", EmailStatus::Sent).await, EventRecord::UnknownEmail);
        store.record_sent(tenant_id, email_id, "ses-1").await.unwrap();
        for (kind, status) in [("Delivery", EmailStatus::Delivered), ("Open", EmailStatus::Sent)] {
            self.event(email_id, kind, status).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_takes_no_mail_that_is_being_written_and_leaves_none_behind() {
    let world = World::new().await;
    let sessions = format!(
        "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status)
         SELECT 'acme', 's-' || n, 'a', 'text', now(), now(), 'completed' FROM generate_series(1, {}) n",
        WRITERS * MAILS_EACH
    );
    world.execute(&sessions).await;
    world.execute("ALTER TABLE email_log ALTER created_at SET DEFAULT now() - interval '40 days'").await;
    let (written, purged) = (AtomicBool::new(false), AtomicUsize::new(0));
    let before = Utc::now() - TimeDelta::days(30);
    let purge = async || {
        let batch: PurgedMails =
            world.store().purge_mails(PurgeBatch { tenant: &world.tenant, before, limit: 7 }).await.unwrap();
        purged.fetch_add(usize::try_from(batch.mails).unwrap(), Ordering::Relaxed);
        batch.mails
    };
    let write = async {
        join_all((0..WRITERS).map(async |writer| {
            for mail in 1..=MAILS_EACH {
                world.write_mail(&format!("s-{}", writer * MAILS_EACH + mail).parse().unwrap()).await;
            }
        }))
        .await;
        written.store(true, Ordering::Relaxed);
    };
    let purge_meanwhile = async || {
        while !written.load(Ordering::Relaxed) {
            purge().await;
        }
    };
    tokio::join!(write, purge_meanwhile(), purge_meanwhile());
    let purged_meanwhile = purged.load(Ordering::Relaxed);
    while purge().await > 0 {}
    assert!(purged_meanwhile > 0, "the purge came too late to meet anybody");
    assert_eq!(purged.load(Ordering::Relaxed), WRITERS * MAILS_EACH);
    for table in ["email_log", "email_events", "email_bodies"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}
