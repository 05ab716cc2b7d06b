//! The sessions of a run as the database holds them, and waiting until they have ended. This module only reads.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::id::TenantId;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, NoTls, Row};

use super::outcome::Stored;
use crate::progress::pause;

const PROGRESS: &str = "
-- demo_progress()
SELECT count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       (SELECT count(*) FROM steps WHERE tenant_id = $1 AND status IN ('done', 'skipped', 'failed')) AS ended_steps
FROM sessions WHERE tenant_id = $1";

/// One document per session, in the form of [`Stored`].
const SESSIONS: &str = include_str!("sessions.sql");

/// Between two looks at the database.
const PAUSE: Duration = Duration::from_millis(250);
/// Between two lines on the terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(2);
/// The local stack gives up on a session after less; a run without any change for so long will not go on.
const PATIENCE: Duration = Duration::from_secs(180);

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

impl Database {
    /// Connects without TLS: the stack's server is on this machine.
    pub(super) async fn connect(url: &str, tenant: &TenantId) -> anyhow::Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("connect to Postgres")?;
        // The error of the connection is also the error of every later statement.
        tokio::spawn(connection);
        Ok(Self { client, tenant: tenant.clone() })
    }

    pub(super) async fn progress(&self) -> anyhow::Result<Progress> {
        let row = self.client.query_one(PROGRESS, &[&self.tenant.as_ref()]).await.context("read the progress")?;
        let count = |column| anyhow::Ok(usize::try_from(row.try_get::<_, i64>(column)?)?);
        Ok(Progress { completed: count("completed")?, failed: count("failed")?, ended_steps: count("ended_steps")? })
    }

    /// Returns when `sessions` sessions have ended, or when nothing has changed for [`PATIENCE`].
    pub(super) async fn until_ended(&self, sessions: usize) -> anyhow::Result<()> {
        let start = Instant::now();
        let (mut before, mut changed, mut spoken) = (Progress::default(), start, start);
        loop {
            let progress = self.progress().await?;
            if progress != before {
                (before, changed) = (progress, Instant::now());
            }
            let has_ended = progress.completed + progress.failed >= sessions;
            let is_stuck = changed.elapsed() >= PATIENCE;
            if has_ended || is_stuck || spoken.elapsed() >= BETWEEN_LINES {
                spoken = Instant::now();
                println!("  {}", progress.line(sessions, start.elapsed()));
            }
            if is_stuck {
                println!("  nothing has changed for {} s: giving up", PATIENCE.as_secs());
            }
            if has_ended || is_stuck {
                return Ok(());
            }
            pause(PAUSE).await;
        }
    }

    /// Every session of the tenant by its id.
    pub(super) async fn sessions(&self) -> anyhow::Result<HashMap<String, Stored>> {
        let rows = self.client.query(SESSIONS, &[&self.tenant.as_ref()]).await.context("read the sessions")?;
        let read = |row: &Row| Ok((row.try_get("session_id")?, row.try_get::<_, Json<Stored>>("document")?.0));
        rows.iter().map(read).collect()
    }
}

impl Progress {
    fn line(self, sessions: usize, elapsed: Duration) -> String {
        let Progress { completed, failed, ended_steps } = self;
        let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let seconds = elapsed.as_secs_f64();
        format!("{seconds:5.1} s  {completed}/{sessions} sessions completed{failures}, {ended_steps} steps ended")
    }
}

#[cfg(test)]
mod tests {
    use store::testing::TestDatabase;

    use super::*;

    const ROWS: [&str; 10] = [
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
        "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, status, attempt, code, message,
                            created_at, started_at, finished_at)
         VALUES ('demo-1', 'a', 'analyze', 1, '', 'done', 2, NULL, '{}', 'epoch', 'epoch'::timestamptz + interval '0.1 s', 'epoch'::timestamptz + interval '1.5 s'),
                ('demo-1', 'a', 'crm_sync', 2, 'hubspot', 'pending', 0, NULL, '{}', 'epoch'::timestamptz + interval '2 s', NULL, NULL),
                ('demo-1', 'b', 'analyze', 1, '', 'failed', 5, 'model_answer_invalid', '{}', now(), now(), now()),
                ('demo-1', 'b', 'notify', 1, '', 'pending', 0, NULL, '{}', now() + interval '1 s', NULL, NULL)",
        "INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, code, occurrence)
         VALUES ('demo-1', '018f0000-0000-7000-8000-000000000000', 'b', 'hubspot', 'session.failed', 'x', 1)",
        "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id, created_at)
         VALUES ('demo-1', 'b', 'webhook_event', 0, 'hubspot', '018f0000-0000-7000-8000-000000000000',
                 now() + interval '2 s')",
        "INSERT INTO email_log (tenant_id, email_id, session_id, template, status, provider_id)
         VALUES ('demo-1', gen_random_uuid(), 'a', 'session_summary', 'sent', 'ses-1')",
        "INSERT INTO integration_log (tenant_id, session_id, integration_id, status, contact_id, record_id)
         VALUES ('demo-1', 'a', 'hubspot', 'done', '101', '501')",
    ];

    async fn filled() -> (TestDatabase, Database) {
        let database = TestDatabase::create().await;
        let client = database.client().await;
        for sql in ROWS {
            let document = include_str!("tests/canned/analysis.json");
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
        assert_eq!((a.analysis_status.as_deref(), a.category.as_deref()), (Some("ok"), Some("facing_issue")));
        assert_eq!((a.email_status.as_deref(), a.email.record_id.as_deref()), (Some("sent"), Some("ses-1")));
        assert_eq!((a.hubspot.contact_id.as_deref(), a.hubspot.record_id.as_deref()), (Some("101"), Some("501")));
        assert_eq!((b.status.as_str(), b.failure.as_deref()), ("failed", Some("model_answer_invalid")));
        assert_eq!(b.steps.iter().map(|step| step.attempt).collect::<Vec<_>>(), [5, 0, 0]);
        assert_eq!((b.steps[2].version, b.steps[2].integration.as_str()), (1, "hubspot/session.failed"));
        assert!(b.analysis.is_none() && b.turns.is_empty() && b.hubspot.status.is_none());
    }

    #[tokio::test]
    async fn the_times_of_steps_count_from_the_first_planned_one() {
        let (_server, database) = filled().await;
        let session = &database.sessions().await.unwrap()["a"];
        let [analyze, sync] = session.steps.as_slice() else { panic!("{:?}", session.steps) };
        assert_eq!((analyze.planned_ms, analyze.started_ms, analyze.finished_ms), (0, Some(100), Some(1500)));
        assert_eq!(analyze.started.as_deref(), Some("00:00:00.100"));
        assert_eq!((sync.kind.as_str(), sync.version, sync.integration.as_str()), ("crm_sync", 2, "hubspot"));
        assert_eq!((sync.planned_ms, sync.started_ms, session.took_ms), (2000, None, Some(2000)));
    }

    #[test]
    fn a_line_says_how_far_the_run_is() {
        let progress = Progress { completed: 4, failed: 1, ended_steps: 17 };
        let line = |progress: Progress| progress.line(6, Duration::from_millis(2345));
        assert_eq!(line(progress), "  2.3 s  4/6 sessions completed, 1 failed, 17 steps ended");
        assert_eq!(line(Progress::default()), "  2.3 s  0/6 sessions completed, 0 steps ended");
    }
}
