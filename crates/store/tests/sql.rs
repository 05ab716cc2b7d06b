//! Rules that every statement and migration keeps.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::fs;
use std::path::Path;

use domain::event::EventType;
use store::testing::{TestDatabase, statements};
use tokio_postgres::Client;

/// Enough rows for the planner to prefer an index wherever one serves.
const ROWS: i32 = 20_000;

const TABLES: [&str; 22] = [
    "tenants",
    "integrations",
    "integration_gates",
    "person_leases",
    "webhook_attempts",
    "webhook_events",
    "sessions",
    "transcript_turns",
    "analyses",
    "analysis_parts",
    "model_calls",
    "model_spend",
    "steps",
    "email_log",
    "email_events",
    "email_bodies",
    "email_suppressions",
    "email_recipients",
    "email_templates",
    "integration_log",
    "failures",
    "alerts",
];

/// Statements that fill the tables with `$1` rows each.
const INSERTS: [&str; 26] = [
    "INSERT INTO tenants (tenant_id, name) SELECT 't-' || n, 'x' FROM generate_series(1, $1) n",
    "INSERT INTO integrations (tenant_id, integration_id, config, secret_name)
     SELECT 't-' || n, 'i', '{}', 's' FROM generate_series(1, $1) n",
    "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at)
     SELECT 't-' || n % 10 + 1, 's-' || n, 'a', 'text', now() FROM generate_series(1, $1) n",
    "INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text)
     SELECT 't-' || n % 10 + 1, 's-' || n, 0, 'visitor', 'x' FROM generate_series(1, $1) n",
    "INSERT INTO analyses (tenant_id, session_id, version, status, document)
     SELECT 't-' || n % 10 + 1, 's-' || n, 1, 'ok', '{}' FROM generate_series(1, $1) n",
    "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, status, message)
     SELECT 't-' || n % 10 + 1, 's-' || n, 'analyze', 1, 'done', '' FROM generate_series(1, $1) n",
    "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, status, message)
     SELECT 't-' || n % 10 + 1, 's-' || n, 'notify', 1, 'waiting', '' FROM generate_series(1, 200) n",
    "INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, code, occurrence)
     SELECT 't-' || n % 10 + 1, gen_random_uuid(), 's-' || n, 'i', 'session.failed', 'lost', 1
     FROM generate_series(1, $1) n",
    "INSERT INTO analysis_parts (tenant_id, session_id, analysis_version, split, part, document)
     SELECT 't-' || n % 10 + 1, 's-' || n, 1, 0, 0, '{}' FROM generate_series(1, $1) n",
    "INSERT INTO model_calls (tenant_id, session_id, analysis_version, call_id, split, part, replay, attempt, model,
                              prompt_version)
     SELECT 't-' || n % 10 + 1, 's-' || n, 1, gen_random_uuid(), 0, 0, 0, 1, 'm', 'v1' FROM generate_series(1, $1) n",
    "INSERT INTO model_spend (tenant_id, month) SELECT 't-' || n, '2026-11-01' FROM generate_series(1, $1) n",
    "INSERT INTO email_log (tenant_id, email_id, session_id, template, status)
     SELECT 't-' || n % 10 + 1, gen_random_uuid(), 's-' || n, 'x', 'sent' FROM generate_series(1, $1) n",
    "INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
     SELECT tenant_id, email_id, 'Send', now(), '{}' FROM email_log LIMIT $1",
    "UPDATE sessions SET visitor_email_hash = sha256(session_id::bytea), status = 'completed', ended_at = now()",
    "UPDATE email_log SET recipient_hash = sha256(session_id::bytea)",
    "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, visitor_email)
     SELECT 't-' || n % 10 + 1, 'open-' || n, 'a', 'text', now(), n || '@example.com' FROM generate_series(1, 200) n",
    "INSERT INTO email_bodies (tenant_id, email_id, subject, text, html)
     SELECT tenant_id, email_id, 's', 't', 'h' FROM email_log LIMIT $1",
    "INSERT INTO email_suppressions (tenant_id, address_hash, reason)
     SELECT 't-' || n % 10 + 1, sha256(n::text::bytea), 'complaint' FROM generate_series(1, $1) n",
    "INSERT INTO email_recipients (tenant_id, address_hash, email_id, sending_at)
     SELECT 't-' || n % 10 + 1, sha256(n::text::bytea), gen_random_uuid(), now() FROM generate_series(1, $1) n",
    "INSERT INTO email_templates (tenant_id, name, locale, version, subject, text, html)
     SELECT 't-' || n % 10 + 1, 'x', 'en', n, 's', 't', 'h' FROM generate_series(1, $1) n",
    "INSERT INTO alerts (tenant_id, alert_id, rule, failures, codes, last_failure_at, closed_at, closed_as, mail_status)
     SELECT 't-' || n % 10 + 1, gen_random_uuid(), 'r', 1, '{}', now(), now(), 'cooled_down', 'sent'
     FROM generate_series(1, $1) n",
    "INSERT INTO failures (tenant_id, session_id, kind, code, occurred_at)
     SELECT 't-' || n % 10 + 1, 's-' || n, 'notify', 'x', now() - n * interval '1 minute'
     FROM generate_series(1, $1) n",
    "INSERT INTO integration_log (tenant_id, session_id, integration_id)
     SELECT 't-' || n % 10 + 1, 's-' || n, 'i' FROM generate_series(1, $1) n",
    "INSERT INTO integration_gates (tenant_id, integration_id)
     SELECT 't-' || n, 'i' FROM generate_series(1, $1) n",
    "INSERT INTO person_leases (tenant_id, address_hash, integration_id, session_id, analysis_version, ends_at)
     SELECT 't-' || n % 10 + 1, sha256(n::text::bytea), 'i', 's', 1, now() FROM generate_series(1, $1) n",
    "INSERT INTO webhook_attempts (tenant_id, attempt_id, integration_id, session_id, webhook_id, event_id, began_at,
                                   duration_ms)
     SELECT tenant_id, gen_random_uuid(), 'i', session_id, 'msg', event_id,
            now() - row_number() OVER () * interval '1 minute', 1 FROM webhook_events",
];

async fn fill(client: &Client) {
    for sql in INSERTS {
        let sql = sql.replace("$1", &ROWS.to_string());
        client.execute(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    client.execute("ANALYZE", &[]).await.unwrap();
}

#[test]
fn every_event_but_that_of_an_analysis_is_written_by_a_statement() {
    for event in EventType::ALL.into_iter().filter(|event| *event != EventType::SessionAnalyzed) {
        let named = format!("'{}'", event.as_str());
        assert!(statements().values().any(|sql| sql.contains(&named)), "{named}");
    }
}

#[test]
fn every_statement_of_the_sources_is_listed() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = fs::read_dir(sources).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let named: usize = sources.map(|source| source.matches(" = \"\n-- ").count()).sum();
    assert_eq!(statements().len(), named);
    assert!(named > 80, "only {named} statements found");
}

#[test]
fn every_statement_names_its_tenant() {
    for (name, sql) in statements() {
        let across_tenants = name.ends_with(" across tenants");
        let reads_no_table = name.ends_with(" reads no table");
        assert_eq!(reads_no_table, !TABLES.iter().any(|table| sql.contains(table)), "{name}");
        let by_tenant = sql.contains("tenant_id = $1") || sql.contains("(tenant_id,");
        assert!(by_tenant || across_tenants || reads_no_table, "{name} does not say which tenant's rows it means");
        let first_is_tenant = ["tenant_id = $1", "VALUES ($1", "SELECT $1"].iter().any(|bound| sql.contains(bound));
        assert_eq!(first_is_tenant, !across_tenants && !reads_no_table, "{name}");
    }
}

#[tokio::test]
async fn every_statement_is_served_by_an_index_on_large_tables() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    fill(&client).await;
    for (name, sql) in statements() {
        let explain = format!("EXPLAIN (GENERIC_PLAN) {sql}");
        let rows = client.simple_query(&explain).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let plan: Vec<_> = rows
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            })
            .collect();
        assert!(!plan.iter().any(|line| line.contains("Seq Scan")), "{name} reads a whole table:\n{}", plan.join("\n"));
    }
}

#[tokio::test]
async fn migrations_apply_once_and_concurrent_runs_wait_for_each_other() {
    let config = TestDatabase::create_empty().await;
    let (first, second) = tokio::join!(store::migrate(&config), store::migrate(&config));
    let mut applied = [first.unwrap(), second.unwrap()];
    applied.sort();
    assert_eq!(applied[0], Vec::<String>::new());
    assert_eq!(applied[1], ["V1__initial"]);
    assert_eq!(store::migrate(&config).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_done_by_triggers_or_functions_of_the_database() {
    let client = TestDatabase::create().await.client().await;
    let hidden = "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal
                  UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    let hidden: Vec<String> = client.query(hidden, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(hidden, Vec::<String>::new());
}

#[tokio::test]
async fn the_database_refuses_states_the_code_never_writes() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    client.execute("INSERT INTO tenants (tenant_id, name) VALUES ('acme', 'Acme')", &[]).await.unwrap();
    let session = |values: &str| {
        format!(
            "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status) VALUES {values}"
        )
    };
    for (values, constraint) in [
        ("('acme', 's', 'a', 'fax', now(), now(), 'processing')", "sessions_channel_check"),
        ("('acme', 's', 'a', 'text', now(), now() - interval '1 s', 'processing')", "sessions_check"),
        ("('acme', 's', 'a', 'text', now(), NULL, 'completed')", "sessions_check"),
        ("('nobody', 's', 'a', 'text', now(), now(), 'processing')", "sessions_tenant_id_fkey"),
    ] {
        let error = client.execute(&session(values), &[]).await.unwrap_err();
        assert_eq!(error.as_db_error().and_then(|error| error.constraint()), Some(constraint), "{values}");
    }
}
