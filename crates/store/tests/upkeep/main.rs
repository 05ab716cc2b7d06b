//! Statements of housekeeping: alerts, retention and erasure, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod alerts;
mod erasure;
mod purge_under_load;
mod retention;

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::TenantId;
use domain::settings::TenantSettings;
use store::Store;
use store::testing::TestDatabase;

struct World {
    database: TestDatabase,
    tenant: TenantId,
}

impl World {
    /// Two tenants; only `acme` is asked for.
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let [tenant, other]: [TenantId; 2] = ["acme", "other"].map(|id| id.parse().unwrap());
        for tenant in [&tenant, &other] {
            database.store.save_tenant(tenant, "Name", &TenantSettings::default()).await.unwrap();
        }
        Self { database, tenant }
    }

    fn store(&self) -> &Store {
        &self.database.store
    }

    async fn execute(&self, script: &str) {
        for sql in script.split(';').filter(|sql| !sql.trim().is_empty()) {
            self.database.client().await.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
    }

    /// The rows of a query of one text column.
    async fn texts(&self, sql: &str) -> Vec<String> {
        let rows =
            self.database.client().await.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.database.client().await.query_one(&sql, &[]).await.unwrap().get(0)
    }
}

fn days_ago(days: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::days(days)
}
