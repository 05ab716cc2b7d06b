//! Mails, their events, addresses that get none, quiet hours and templates, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod bodies;
mod clock;
mod events;
mod sending;
mod suppressions;
mod templates;

use domain::address_hash::AddressHash;
use domain::id::{SessionId, TenantId};
use domain::settings::TenantSettings;
use store::Store;
use store::email_log::{Email, EmailKey, EmailStatus, NewEmail};
use store::sending::{Sending, Start};
use store::testing::TestDatabase;
use uuid::Uuid;

const ADDRESS: &str = "ana@example.com";

struct World {
    database: TestDatabase,
    tenant: TenantId,
    sessions: [SessionId; 2],
}

impl World {
    /// A tenant with two sessions.
    async fn new() -> Self {
        let tenant: TenantId = "acme".parse().unwrap();
        let database = TestDatabase::create().await;
        database.store.save_tenant(&tenant, "Acme", &TenantSettings::default()).await.unwrap();
        let insert = "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at)
                      VALUES ('acme', 's-1', 'agent', 'text', now()), ('acme', 's-2', 'agent', 'text', now())";
        database.client().await.execute(insert, &[]).await.unwrap();
        Self { database, tenant, sessions: ["s-1".parse().unwrap(), "s-2".parse().unwrap()] }
    }

    fn store(&self) -> &Store {
        &self.database.store
    }

    fn new_email(&self, session: usize, analysis_version: i32) -> NewEmail<'_> {
        let key = EmailKey { tenant_id: &self.tenant, session_id: &self.sessions[session], analysis_version };
        NewEmail { key, template: "session-summary", locale: Some("de"), recipient: Some(ADDRESS) }
    }

    /// The mail of the first session, or of another.
    async fn email(&self, session: usize) -> Email {
        self.store().queue_email(&self.new_email(session, 1)).await.unwrap()
    }

    async fn status(&self) -> EmailStatus {
        self.email(0).await.status
    }

    fn hash(&self, address: &str) -> AddressHash {
        AddressHash::of(&self.tenant, &address.parse().unwrap())
    }

    fn sending(&self, email_id: Uuid) -> Sending<'_> {
        Sending {
            tenant_id: &self.tenant,
            email_id,
            recipient: Some(ADDRESS),
            recipient_hash: self.hash(ADDRESS),
            template: "welcome",
            template_version: Some(3),
            locale: Some("de"),
            attachments: &["transcript.txt"],
            attachments_left_out: None,
            keep_events: true,
            min_hours: None,
        }
    }

    async fn start(&self, email_id: Uuid) -> Start {
        self.store().start_sending(&self.sending(email_id)).await.unwrap()
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.database.client().await.query_one(&sql, &[]).await.unwrap().get(0)
    }

    async fn execute(&self, sql: &str) {
        self.database.client().await.execute(sql, &[]).await.unwrap();
    }
}
