//! What the database holds of a run. Nothing is written from here.

mod rows;

use std::collections::HashMap;

use anyhow::Context;
use domain::analysis::Analysis;
use domain::id::TenantId;
use domain::session::SessionStatus;
use domain::transcript::Turn;
use tokio_postgres::{Client, NoTls, Row};

use super::outcome::{EmailRecord, IntegrationRecord, StepRecord};

const PROGRESS: &str = "
-- demo_progress()
SELECT count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       (SELECT count(*) FROM steps WHERE tenant_id = $1 AND status IN ('done', 'skipped', 'failed')) AS ended_steps
FROM sessions WHERE tenant_id = $1";

const SESSIONS: &str = "
-- demo_sessions()
SELECT session_id, status, failure_code FROM sessions WHERE tenant_id = $1";

const TURNS: &str = "
-- demo_turns()
SELECT session_id, role, text, started_ms, ended_ms FROM transcript_turns WHERE tenant_id = $1
ORDER BY session_id, seq";

const ANALYSES: &str = "
-- demo_analyses()
SELECT DISTINCT ON (session_id) session_id, document FROM analyses WHERE tenant_id = $1
ORDER BY session_id, version DESC";

const STEPS: &str = "
-- demo_steps()
SELECT session_id, step, status, attempt, code, created_at, started_at, finished_at FROM steps WHERE tenant_id = $1
ORDER BY session_id, created_at, step";

const EMAILS: &str = "
-- demo_emails()
SELECT session_id, status, code, template, provider_id FROM email_log WHERE tenant_id = $1
ORDER BY session_id, created_at";

const INTEGRATIONS: &str = "
-- demo_integrations()
SELECT log.session_id, integrations.config ->> 'kind' AS kind, log.status, log.contact_id, log.record_id, log.code
FROM integration_log AS log JOIN integrations USING (tenant_id, integration_id)
WHERE tenant_id = $1 ORDER BY log.session_id, integration_id";

pub(super) struct Database {
    client: Client,
    tenant: TenantId,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) completed: usize,
    pub(super) failed: usize,
    /// Steps of all sessions that are done, skipped or failed.
    pub(super) ended_steps: usize,
}

/// What is stored of one session.
pub(super) struct Stored {
    pub(super) status: SessionStatus,
    pub(super) failure_code: Option<String>,
    pub(super) turns: Vec<Turn>,
    pub(super) analysis: Option<Analysis>,
    pub(super) steps: Vec<StepRecord>,
    pub(super) email: Option<EmailRecord>,
    pub(super) integrations: Vec<IntegrationRecord>,
}

impl Database {
    /// Connects without TLS: the stack's server is on this machine.
    pub(super) async fn connect(url: &str, tenant: &TenantId) -> anyhow::Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("connect to Postgres")?;
        // Its error reaches whoever waits for a statement.
        tokio::spawn(connection);
        Ok(Self { client, tenant: tenant.clone() })
    }

    pub(super) async fn progress(&self) -> anyhow::Result<Progress> {
        let row = self.client.query_one(PROGRESS, &[&self.tenant.as_ref()]).await.context("read the progress")?;
        let count = |column| anyhow::Ok(usize::try_from(row.try_get::<_, i64>(column)?)?);
        Ok(Progress { completed: count("completed")?, failed: count("failed")?, ended_steps: count("ended_steps")? })
    }

    /// Every session of the tenant by its id.
    pub(super) async fn sessions(&self) -> anyhow::Result<HashMap<String, Stored>> {
        let mut turns = self.by_session(TURNS, rows::turn).await?;
        let mut analyses = self.by_session(ANALYSES, rows::analysis).await?;
        let mut steps = self.by_session(STEPS, rows::step).await?;
        let mut emails = self.by_session(EMAILS, rows::email).await?;
        let mut integrations = self.by_session(INTEGRATIONS, rows::integration).await?;
        let sessions = self.by_session(SESSIONS, rows::ending).await?;
        let stored =
            sessions.into_iter().flat_map(|(id, endings)| endings.into_iter().map(move |ending| (id.clone(), ending)));
        Ok(stored
            .map(|(id, (status, failure_code))| {
                let stored = Stored {
                    status,
                    failure_code,
                    turns: turns.remove(&id).unwrap_or_default(),
                    analysis: analyses.remove(&id).and_then(|analyses| analyses.into_iter().next()),
                    steps: steps.remove(&id).unwrap_or_default(),
                    email: emails.remove(&id).and_then(|emails| emails.into_iter().next()),
                    integrations: integrations.remove(&id).unwrap_or_default(),
                };
                (id, stored)
            })
            .collect())
    }

    /// The rows of a statement by their `session_id`.
    async fn by_session<T>(
        &self,
        sql: &'static str,
        read: fn(&Row) -> anyhow::Result<T>,
    ) -> anyhow::Result<HashMap<String, Vec<T>>> {
        let name = || sql.trim_start().lines().next().unwrap_or_default().to_owned();
        let rows = self.client.query(sql, &[&self.tenant.as_ref()]).await.with_context(name)?;
        let mut found: HashMap<String, Vec<T>> = HashMap::new();
        for row in &rows {
            let session: String = row.try_get("session_id").with_context(name)?;
            let record = read(row).with_context(name).with_context(|| format!("read session {session}"))?;
            found.entry(session).or_default().push(record);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use store::testing::TestDatabase;

    use super::*;

    const ROWS: [&str; 8] = [
        "INSERT INTO tenants (tenant_id, name) VALUES ('demo-1', 'One'), ('demo-2', 'Two')",
        "INSERT INTO integrations (tenant_id, integration_id, config, secret_name)
         VALUES ('demo-1', 'hubspot', '{\"kind\":\"hubspot\"}', 'x')",
        "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status, failure_code)
         VALUES ('demo-1', 'a', 'wren', 'voice', now(), now(), 'completed', NULL),
                ('demo-1', 'b', 'wren', 'text', now(), now(), 'failed', 'model_answer_invalid'),
                ('demo-2', 'a', 'wren', 'text', now(), now(), 'processing', NULL)",
        "INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text, started_ms, ended_ms)
         VALUES ('demo-1', 'a', 1, 'agent', 'Hello', 900, 1400), ('demo-1', 'a', 0, 'visitor', 'Hi', 0, 800),
                ('demo-2', 'a', 0, 'visitor', 'not mine', NULL, NULL)",
        "INSERT INTO analyses (tenant_id, session_id, version, status, document)
         VALUES ('demo-1', 'a', 1, 'ok', '{}'), ('demo-1', 'a', 2, 'ok', $1::text::jsonb)",
        "INSERT INTO steps (tenant_id, session_id, step, status, attempt, code, message, started_at, finished_at)
         VALUES ('demo-1', 'a', 'analyze', 'done', 2, NULL, '{}', now(), now()),
                ('demo-1', 'b', 'analyze', 'failed', 5, 'model_answer_invalid', '{}', now(), now()),
                ('demo-1', 'b', 'notify', 'pending', 0, NULL, '{}', NULL, NULL)",
        "INSERT INTO email_log (tenant_id, email_id, session_id, template, status, provider_id)
         VALUES ('demo-1', gen_random_uuid(), 'a', 'session_summary', 'sent', 'ses-1')",
        "INSERT INTO integration_log (tenant_id, session_id, integration_id, status, contact_id, record_id)
         VALUES ('demo-1', 'a', 'hubspot', 'done', '101', '501')",
    ];

    async fn filled() -> (TestDatabase, Database) {
        let database = TestDatabase::create().await;
        let client = database.client().await;
        for sql in ROWS {
            let document = include_str!("canned/analysis.json");
            let parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
                if sql.contains("$1") { &[&document] } else { &[] };
            client.execute(sql, parameters).await.unwrap();
        }
        let of_tenant = Database::connect(&database.config.url, &"demo-1".parse().unwrap()).await.unwrap();
        (database, of_tenant)
    }

    #[tokio::test]
    async fn progress_counts_the_tenants_sessions_and_steps() {
        let (_server, database) = filled().await;
        let progress = database.progress().await.unwrap();
        assert_eq!(progress, Progress { completed: 1, failed: 1, ended_steps: 2 });
    }

    #[tokio::test]
    async fn everything_stored_of_a_session_is_read_in_order() {
        let (_server, database) = filled().await;
        let sessions = database.sessions().await.unwrap();
        let (a, b) = (&sessions["a"], &sessions["b"]);
        assert_eq!(sessions.len(), 2);
        assert_eq!(a.turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>(), ["Hi", "Hello"]);
        assert_eq!(a.analysis.as_ref().unwrap().coverage.turns_total, 21, "the latest version");
        assert_eq!(a.email.as_ref().unwrap().provider_id.as_deref(), Some("ses-1"));
        assert_eq!(a.integrations[0].record_id.as_deref(), Some("501"));
        assert_eq!((b.status, b.failure_code.as_deref()), (SessionStatus::Failed, Some("model_answer_invalid")));
        assert_eq!(b.steps.iter().map(|step| step.attempt).collect::<Vec<_>>(), [5, 0]);
    }
}
