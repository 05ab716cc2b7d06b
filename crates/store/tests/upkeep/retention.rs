use domain::id::SessionId;
use domain::settings::RetentionSettings;
use domain::step::{Step, StepKey};
use redaction::Originals;
use store::analyses::NewAnalysis;
use store::reanalysis::Reanalysis;
use store::retention::{AgedRows, PurgeBatch, PurgedMails, PurgedRows};
use store::steps::Claimed;
use store::testing;

use crate::{World, days_ago};

/// Sessions that ended 1 to 4 days ago, one session still open and one of another tenant, with rows of every kind that
/// retention removes.
const ROWS: &str = "
INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status)
SELECT 'acme', 's-' || n, 'a', 'text', now() - interval '9 days', now() - n * interval '1 day', 'completed'
FROM generate_series(1, 4) n;
INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status)
VALUES ('acme', 'open', 'a', 'text', now() - interval '9 days', now() - interval '9 days', 'processing'),
       ('other', 's-4', 'a', 'text', now() - interval '9 days', now() - interval '9 days', 'completed');
INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text)
SELECT tenant_id, session_id, seq, 'visitor', 'hello' FROM sessions, generate_series(0, 2) seq;
INSERT INTO analyses (tenant_id, session_id, version, status, document, originals)
SELECT tenant_id, session_id, version, 'ok', '{}', '{}' FROM sessions, generate_series(1, 2) version;
INSERT INTO analysis_parts (tenant_id, session_id, analysis_version, split, part, document)
SELECT tenant_id, session_id, 3, 0, 0, '{}' FROM sessions;
INSERT INTO email_log (tenant_id, email_id, session_id, template, status, created_at)
SELECT tenant_id, gen_random_uuid(), session_id, 'x', 'delivered', ended_at FROM sessions;
INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
SELECT tenant_id, email_id, type, now(), '{}' FROM email_log, unnest(ARRAY['Send', 'Delivery']) type;
INSERT INTO email_bodies (tenant_id, email_id, subject, text, html) SELECT tenant_id, email_id, '', '', '' FROM email_log";

impl World {
    async fn with_rows() -> Self {
        let world = Self::new().await;
        world.execute(ROWS).await;
        world
    }

    /// Sessions of `acme` that have rows in a table.
    async fn sessions_in(&self, table: &str) -> Vec<String> {
        let sql = format!("SELECT DISTINCT session_id FROM {table} WHERE tenant_id = 'acme' ORDER BY session_id");
        self.texts(&sql).await
    }
}

#[tokio::test]
async fn transcripts_go_by_whole_sessions_the_oldest_first() {
    let world = World::with_rows().await;
    let (store, tenant) = (world.store(), &world.tenant);
    let purge = async |limit| store.purge_transcripts(PurgeBatch { tenant, before: days_ago(2), limit }).await.unwrap();
    assert_eq!(purge(1).await, PurgedRows { rows: 3, sessions: 1 });
    assert_eq!(world.sessions_in("transcript_turns").await, ["open", "s-1", "s-2", "s-3"]);
    assert_eq!(purge(4).await, PurgedRows { rows: 6, sessions: 2 });
    assert_eq!(purge(4).await, PurgedRows::default());
    assert_eq!(world.sessions_in("transcript_turns").await, ["open", "s-1"]);
    assert_eq!(world.count("transcript_turns WHERE tenant_id = 'other'").await, 3);

    let session: SessionId = "s-4".parse().unwrap();
    let stored = store.session(tenant, &session).await.unwrap().unwrap();
    assert!(stored.transcript_purged_at.is_some());
    assert_eq!(store.transcript(tenant, &session).await.unwrap(), None);
    let again = store.plan_reanalysis(tenant, &session, 3, "again").await.unwrap();
    assert_eq!(again, Reanalysis::TranscriptPurged);
}

#[tokio::test]
async fn analyses_go_with_their_parts_and_originals() {
    let world = World::with_rows().await;
    let purge = async |limit| {
        world.store().purge_analyses(PurgeBatch { tenant: &world.tenant, before: days_ago(3), limit }).await.unwrap()
    };
    assert_eq!(purge(1).await, PurgedRows { rows: 3, sessions: 1 });
    assert_eq!(purge(10).await, PurgedRows { rows: 3, sessions: 1 });
    assert_eq!(purge(10).await, PurgedRows::default());
    assert_eq!(world.sessions_in("analyses").await, ["open", "s-1", "s-2"]);
    assert_eq!(world.sessions_in("analysis_parts").await, ["open", "s-1", "s-2"]);
    let session: SessionId = "s-4".parse().unwrap();
    let again = world.store().plan_reanalysis(&world.tenant, &session, 3, "again").await.unwrap();
    assert_eq!(again, Reanalysis::NotAnalysed);
}

#[tokio::test]
async fn mails_go_with_their_events_and_bodies_unless_they_are_being_written() {
    let world = World::with_rows().await;
    world.execute("UPDATE email_log SET status = 'unknown' WHERE session_id = 's-3'").await;
    let purge = async |limit| {
        world.store().purge_mails(PurgeBatch { tenant: &world.tenant, before: days_ago(1), limit }).await.unwrap()
    };
    assert_eq!(purge(1).await, PurgedMails { mails: 1, events: 2, bodies: 1 });
    assert_eq!(world.sessions_in("email_log").await, ["open", "s-1", "s-2", "s-3"]);
    assert_eq!(purge(10).await, PurgedMails { mails: 2, events: 4, bodies: 2 });
    assert_eq!(purge(10).await, PurgedMails::default());
    assert_eq!(world.sessions_in("email_log").await, ["open", "s-3"]);
    assert_eq!(world.count("email_events").await, 6);
    assert_eq!(world.count("email_bodies WHERE tenant_id = 'other'").await, 1);
    for status in ["queued", "sending"] {
        world.execute(&format!("UPDATE email_log SET status = '{status}' WHERE session_id = 's-3'")).await;
        assert_eq!(purge(10).await, PurgedMails::default());
    }
    world.execute("UPDATE email_log SET updated_at = now() - interval '2 days'").await;
    assert_eq!(purge(10).await, PurgedMails { mails: 1, events: 2, bodies: 1 }, "nothing touches it any more");
    assert_eq!(world.sessions_in("email_log").await, ["open"]);
}

#[tokio::test]
async fn a_session_that_was_never_ended_keeps_its_transcript_for_30_days_at_least() {
    let world = World::with_rows().await;
    let active =
        "UPDATE sessions SET status = 'active', ended_at = NULL, started_at = now() - $1 WHERE session_id = 's-4'";
    for (age, left) in
        [("29 days", vec!["open", "s-1", "s-2", "s-3", "s-4"]), ("31 days", vec!["open", "s-1", "s-2", "s-3"])]
    {
        world.execute(&active.replace("$1", &format!("interval '{age}'"))).await;
        world
            .store()
            .purge_transcripts(PurgeBatch { tenant: &world.tenant, before: days_ago(5), limit: 100 })
            .await
            .unwrap();
        assert_eq!(world.sessions_in("transcript_turns").await, left, "{age}");
    }
}

#[tokio::test]
async fn an_analysis_that_is_stored_after_its_time_goes_with_the_next_purge() {
    let world = World::with_rows().await;
    let purge = async || {
        world
            .store()
            .purge_analyses(PurgeBatch { tenant: &world.tenant, before: days_ago(3), limit: 10 })
            .await
            .unwrap()
    };
    world.execute("DELETE FROM analyses; DELETE FROM analysis_parts").await;
    assert_eq!(purge().await, PurgedRows { rows: 0, sessions: 2 });
    world
        .execute(
            "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, message, status, attempt)
             VALUES ('acme', 's-4', 'analyze', 1, 'm', 'running', 1)",
        )
        .await;
    let key = StepKey {
        tenant_id: world.tenant.clone(),
        session_id: "s-4".parse().unwrap(),
        step: Step::Analyze { version: 1 },
    };
    let claimed = Claimed { key, attempt: 1 };
    let new = NewAnalysis { analysis: &testing::analysis(), originals: &Originals::default(), follow_ups: &[] };
    assert!(world.store().store_analysis(&claimed, &new).await.unwrap());
    assert_eq!(purge().await, PurgedRows { rows: 1, sessions: 1 });
}

#[tokio::test]
async fn failures_closed_alerts_and_last_mails_go_by_their_age() {
    let world = World::with_rows().await;
    world.execute("
        INSERT INTO failures (tenant_id, session_id, kind, code, occurred_at)
        SELECT tenant_id, session_id, 'notify', 'x', ended_at FROM sessions;
        INSERT INTO alerts (tenant_id, alert_id, rule, opened_at, failures, codes, last_failure_at, closed_at, closed_as)
        SELECT tenant_id, gen_random_uuid(), 'r', ended_at, 1, '{}', ended_at, ended_at, 'recovered' FROM sessions;
        INSERT INTO alerts (tenant_id, alert_id, rule, opened_at, failures, codes, last_failure_at)
        VALUES ('acme', gen_random_uuid(), 'r', now() - interval '9 days', 1, '{}', now());
        INSERT INTO email_recipients (tenant_id, address_hash, email_id, sending_at)
        SELECT tenant_id, sha256(session_id::bytea), gen_random_uuid(), ended_at FROM sessions;
        INSERT INTO integrations (tenant_id, integration_id, config, secret_name) SELECT tenant_id, 'crm', '{}', 's' FROM tenants;
        INSERT INTO person_leases (tenant_id, address_hash, integration_id, session_id, analysis_version, ends_at)
        SELECT tenant_id, address_hash, 'crm', 's', 1, sending_at FROM email_recipients").await;
    let (store, tenant, before) = (world.store(), &world.tenant, days_ago(3));
    for (limit, purged) in [(2, 2), (2, 1), (2, 0)] {
        for aged in [AgedRows::Failures, AgedRows::Alerts, AgedRows::Recipients] {
            assert_eq!(store.purge_rows(aged, PurgeBatch { tenant, before, limit }).await.unwrap(), purged, "{aged:?}");
        }
    }
    for (table, left) in [("failures", 3), ("alerts", 4), ("email_recipients", 3), ("person_leases", 3)] {
        assert_eq!(world.count(table).await, left, "{table}");
    }
}

#[tokio::test]
async fn every_tenant_has_a_retention_and_one_that_cannot_be_read_hides_no_other() {
    let world = World::new().await;
    world
        .execute(
            "INSERT INTO tenants (tenant_id, name, settings)
                   VALUES ('b', 'B', '{}'), ('c', 'C', '{\"retention\": {\"transcripts_days\": 0}}')",
        )
        .await;
    let first = world.store().retentions(None, 3).await.unwrap();
    let ids: Vec<_> = first.iter().map(|retention| retention.tenant_id.as_ref()).collect();
    assert_eq!(ids, ["acme", "b", "c"]);
    assert_eq!(first[1].settings.as_ref().unwrap(), &RetentionSettings::default());
    assert!(first[2].settings.is_err());
    let next = world.store().retentions(Some(&first[2].tenant_id), 3).await.unwrap();
    assert_eq!(next[0].tenant_id.as_ref(), "other");
    assert_eq!(next.len(), 1);
}
