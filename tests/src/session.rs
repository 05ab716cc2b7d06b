//! The state of a session.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::World;

/// A session's row with its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    pub status: String,
    pub failure_code: Option<String>,
    /// Status and code by step, such as `("skipped", Some("invalid_email"))`.
    pub steps: BTreeMap<String, (String, Option<String>)>,
}

impl Ended {
    /// The status of a step with its code after a colon, such as `skipped: invalid_email`.
    pub fn step(&self, name: &str) -> String {
        match &self.steps[name] {
            (status, None) => status.clone(),
            (status, Some(code)) => format!("{status}: {code}"),
        }
    }
}

impl World {
    /// As the session is now; `None` if it is not stored.
    pub async fn session(&self, id: &str) -> Option<Ended> {
        let client = self.database().await;
        let tenant = self.tenant.as_ref();
        let session = "SELECT status, failure_code FROM sessions WHERE tenant_id = $1 AND session_id = $2";
        let row = client.query_opt(session, &[&tenant, &id]).await.expect("the database answers")?;
        let steps =
            "SELECT concat_ws(':', kind || CASE WHEN analysis_version > 1 THEN '@' || analysis_version ELSE '' END,
                                      nullif(integration_id, '')) AS step, status, code
                     FROM steps WHERE tenant_id = $1 AND session_id = $2";
        let steps = client.query(steps, &[&tenant, &id]).await.expect("the database answers");
        let steps = steps.iter().map(|row| (row.get("step"), (row.get("status"), row.get("code")))).collect();
        Some(Ended { status: row.get("status"), failure_code: row.get("failure_code"), steps })
    }

    /// The stored analysis, version 1.
    pub async fn analysis(&self, id: &str) -> Option<Value> {
        self.analysis_version(id, 1).await
    }

    pub async fn analysis_version(&self, id: &str, version: i32) -> Option<Value> {
        let sql = "SELECT document FROM analyses WHERE tenant_id = $1 AND session_id = $2 AND version = $3";
        let row = self.database().await.query_opt(sql, &[&self.tenant.as_ref(), &id, &version]).await;
        row.expect("the database answers").map(|row| row.get(0))
    }

    /// Outcome and code of each request to a model, in order.
    pub async fn model_call_log(&self, id: &str) -> Vec<(String, Option<String>)> {
        let sql = "SELECT outcome, code FROM model_calls WHERE tenant_id = $1 AND session_id = $2 ORDER BY call_id";
        let rows = self.database().await.query(sql, &[&self.tenant.as_ref(), &id]).await;
        rows.expect("the database answers").iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Ends the waiting of a session's steps.
    pub async fn end_waiting(&self, id: &str) {
        let sql = "UPDATE steps SET due_at = now() WHERE tenant_id = $1 AND session_id = $2 AND status = 'waiting'";
        let updated = self.database().await.execute(sql, &[&self.tenant.as_ref(), &id]).await;
        assert_eq!(updated.expect("the database answers"), 1, "one step waits");
    }

    /// Status and code of the session's mail.
    pub async fn email(&self, id: &str) -> Option<(String, Option<String>)> {
        let sql = "SELECT status, code FROM email_log WHERE tenant_id = $1 AND session_id = $2";
        let row = self.database().await.query_opt(sql, &[&self.tenant.as_ref(), &id]).await;
        row.expect("the database answers").map(|row| (row.get(0), row.get(1)))
    }

    /// A connection of the test's own.
    ///
    /// # Panics
    /// If the database does not answer.
    pub async fn database(&self) -> tokio_postgres::Client {
        let url = &self.stack.database_url;
        let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("the database can be reached");
        tokio::spawn(connection);
        client
    }
}
