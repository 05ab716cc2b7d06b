//! How long the batches of a purge take on large tables; `cargo xtask bench purge` runs it.
//!
//! Purges the older half of many turns, with the sessions, mails, events, analyses and failures that belong to them,
//! while mails are written. The database, not this program, does the work, so an optimised build is not needed.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends the benchmark")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{SessionId, TenantId};
use store::Store;
use store::email_log::{EmailKey, NewEmail};
use store::retention::{AgedRows, BATCH, PurgeBatch};
use store::testing::TestDatabase;

/// Turns, unless the argument says otherwise.
const DEFAULT_ROWS: i64 = 1_000_000;
const TURNS_PER_SESSION: i64 = 20;
/// Sessions ended up to this number of days ago, one after the other.
const DAYS: i64 = 400;
/// Older rows are purged.
const KEPT_DAYS: i64 = 200;
/// No batch may take longer, and no writer wait longer for one.
const LIMIT: Duration = Duration::from_millis(500);

/// Fills the tables without triggers: looking up ten million times what the statements themselves ensure would take too
/// long.
const FILL: [&str; 11] = [
    "SET session_replication_role = replica",
    "INSERT INTO tenants (tenant_id, name) VALUES ('acme', 'Acme')",
    "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, status)
     SELECT 'acme', 's-' || n, 'agent', 'text', ended_at, ended_at, 'completed'
     FROM (SELECT n, now() - (1 - n::float8 / $sessions) * $days * interval '1 day' AS ended_at
           FROM generate_series(1, $sessions) n) AS t",
    "INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text)
     SELECT 'acme', 's-' || n, seq, 'visitor', repeat('what was said ', 8)
     FROM generate_series(1, $sessions) n, generate_series(0, $turns - 1) seq",
    "INSERT INTO analyses (tenant_id, session_id, version, status, document)
     SELECT 'acme', 's-' || n, 1, 'ok', jsonb_build_object('text', repeat('what was found ', 100))
     FROM generate_series(1, $sessions) n",
    "INSERT INTO email_log (tenant_id, email_id, session_id, template, status, recipient, recipient_hash, created_at)
     SELECT tenant_id, gen_random_uuid(), session_id, 'session-summary', 'delivered', session_id || '@example.com',
            sha256(session_id::bytea), ended_at FROM sessions",
    "INSERT INTO email_events (tenant_id, email_id, type, occurred_at, detail)
     SELECT tenant_id, email_id, type, created_at, '{\"timestamp\": \"2026-11-22T10:05:03.000Z\", \"recipients\": [\"a\"]}'
     FROM email_log, unnest(ARRAY['Send', 'Delivery', 'Open']) type",
    "INSERT INTO email_bodies (tenant_id, email_id, subject, text, html)
     SELECT tenant_id, email_id, 'subject', repeat('text ', 100), repeat('<p>html</p> ', 100) FROM email_log",
    "INSERT INTO failures (tenant_id, session_id, kind, code, occurred_at)
     SELECT tenant_id, session_id, 'notify', 'ses_message_rejected', ended_at FROM sessions",
    // As they are on a server that has had time for it.
    "VACUUM ANALYZE",
    "CHECKPOINT",
];

/// Figures of one kind of purge.
#[derive(Default)]
struct Figures {
    rows: i64,
    batches: u32,
    slowest: Duration,
    took: Duration,
}

impl Figures {
    fn print(&self, kind: &str) {
        let rate = self.rows as f64 / self.took.as_secs_f64();
        let slowest = self.slowest.as_secs_f64() * 1000.0;
        println!(
            "{kind:<12}{:>12} rows{:>8} batches{rate:>12.0} rows/s{slowest:>10.1} ms slowest batch",
            self.rows, self.batches
        );
    }
}

/// Calls `batch`, which returns the rows it removed and whether there may be more, until there are none.
async fn purge(batch: impl AsyncFn() -> (i64, bool)) -> Figures {
    let (mut figures, started) = (Figures::default(), Instant::now());
    loop {
        let began = Instant::now();
        let (rows, more) = batch().await;
        figures.slowest = figures.slowest.max(began.elapsed());
        figures.rows += rows;
        figures.batches += 1;
        if !more {
            figures.took = started.elapsed();
            return figures;
        }
    }
}

async fn purge_all(store: &Store, tenant: &TenantId, before: DateTime<Utc>) -> [(&'static str, Figures); 4] {
    let transcripts = async || {
        let purged = store.purge_transcripts(PurgeBatch { tenant, before, limit: BATCH }).await.unwrap();
        (purged.rows, purged.sessions > 0)
    };
    let analyses = async || {
        let purged = store.purge_analyses(PurgeBatch { tenant, before, limit: BATCH }).await.unwrap();
        (purged.rows, purged.sessions > 0)
    };
    let mails = async || {
        let purged = store.purge_mails(PurgeBatch { tenant, before, limit: BATCH }).await.unwrap();
        (purged.mails + purged.events + purged.bodies, purged.mails > 0)
    };
    let failures = async || {
        let purged = store.purge_rows(AgedRows::Failures, PurgeBatch { tenant, before, limit: BATCH }).await.unwrap();
        (i64::try_from(purged).unwrap(), purged > 0)
    };
    [
        ("transcripts", purge(transcripts).await),
        ("analyses", purge(analyses).await),
        ("mails", purge(mails).await),
        ("failures", purge(failures).await),
    ]
}

/// Writes mails of the sessions one after the other until it is stopped; returns the longest time that one took.
async fn write_mails(store: &Store, tenant_id: &TenantId, sessions: i64, stop: &AtomicBool) -> Figures {
    let (mut figures, started) = (Figures::default(), Instant::now());
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let session_id: SessionId = format!("s-{}", 1 + n % sessions).parse().unwrap();
        let analysis_version = i32::try_from(2 + n / sessions).unwrap();
        let key = EmailKey { tenant_id, session_id: &session_id, analysis_version };
        let new = NewEmail { key, template: "session-summary", locale: None, recipient: None };
        let began = Instant::now();
        store.queue_email(&new).await.unwrap();
        figures.slowest = figures.slowest.max(began.elapsed());
        figures.rows += 1;
        figures.batches += 1;
    }
    figures.took = started.elapsed();
    figures
}

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let rows = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(DEFAULT_ROWS);
    let sessions = (rows / TURNS_PER_SESSION).max(1);
    let TestDatabase { store, config } = TestDatabase::create().await;
    println!("filling {}", config.url.rsplit('/').next().unwrap_or_default());
    fill(&config.url, sessions).await;

    let (tenant, stop) = ("acme".parse().unwrap(), AtomicBool::new(false));
    let purging = async {
        let purged = purge_all(&store, &tenant, Utc::now() - TimeDelta::days(KEPT_DAYS)).await;
        stop.store(true, Ordering::Relaxed);
        purged
    };
    let (purged, written) = tokio::join!(purging, write_mails(&store, &tenant, sessions, &stop));
    println!("of {} turns, {sessions} sessions:", sessions * TURNS_PER_SESSION);
    purged.iter().for_each(|(kind, figures)| figures.print(kind));
    written.print("(written");
    let slowest_batch = purged.iter().map(|(_, figures)| figures.slowest).max().unwrap_or_default();
    let slowest = slowest_batch.max(written.slowest);
    let verdict = if slowest <= LIMIT { "short" } else { "TOO LONG" };
    println!(
        "batches are {verdict}: the slowest took {} ms, and a mail written meanwhile {} ms, of {} ms each",
        slowest_batch.as_millis(),
        written.slowest.as_millis(),
        LIMIT.as_millis()
    );
    if slowest <= LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn fill(url: &str, sessions: i64) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let values = [("$sessions", sessions), ("$days", DAYS), ("$turns", TURNS_PER_SESSION)];
    for sql in FILL {
        let sql = values.iter().fold(sql.to_owned(), |sql, (name, value)| sql.replace(name, &value.to_string()));
        client.execute(&sql, &[]).await.unwrap();
    }
    drop(client);
    connection.await.unwrap().unwrap();
}
