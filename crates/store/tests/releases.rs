//! Migrations and the release before them: the schema grows first, and loses what is no longer used a release later.
//!
//! `statements/V<n>.sql` holds the statements of the release whose newest migration is `V<n>`. While the next migration is
//! applied, that release still runs, so its statements have to run on the new schema.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use store::email_log::{EmailKey, NewEmail};
use store::testing::{TestDatabase, statements};
use tokio_postgres::{Client, NoTls};

/// Ends a statement in a recorded file.
const END: &str = ";\n\n";
const UPDATE: &str = "UPDATE_STATEMENTS";
const HOW_TO_RECORD: &str = "record them with UPDATE_STATEMENTS=1 cargo test -p store --test releases";

fn of_crate(directory: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)
}

/// The numbers of the migrations, in order.
fn migrations() -> BTreeMap<u32, String> {
    let files = fs::read_dir(of_crate("migrations")).unwrap().map(|file| file.unwrap().path());
    let number = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let number = name.strip_prefix('V').and_then(|name| name.split_once("__")).unwrap().0.parse().unwrap();
        (number, fs::read_to_string(path).unwrap())
    };
    files.map(number).collect()
}

fn record(migration: u32) -> PathBuf {
    of_crate("statements").join(format!("V{migration}.sql"))
}

fn recorded(migration: u32) -> String {
    fs::read_to_string(record(migration)).unwrap_or_else(|error| panic!("V{migration}: {error}; {HOW_TO_RECORD}"))
}

/// The statements that cannot be prepared on the schema, with the server's reasons.
async fn broken(client: &Client, statements: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for sql in statements.split(END).filter(|sql| !sql.trim().is_empty()) {
        if let Err(error) = client.prepare(sql).await {
            let reason = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
            broken.push(format!("{}: {reason}", sql.lines().next().unwrap_or_default()));
        }
    }
    broken
}

#[test]
fn the_statements_of_this_release_are_recorded() {
    let newest = *migrations().last_key_value().unwrap().0;
    let current: String = statements().iter().map(|(name, sql)| format!("-- {name}\n{sql}{END}")).collect();
    assert!(statements().values().all(|sql| !sql.contains(END)), "a recorded statement ends at the first {END:?}");
    if std::env::var_os(UPDATE).is_some() {
        fs::write(record(newest), &current).unwrap();
    }
    assert!(recorded(newest) == current, "the statements have changed; {HOW_TO_RECORD}");
}

#[tokio::test]
async fn the_release_before_a_migration_runs_on_the_schema_after_it() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    for migration in migrations().into_keys().rev().take(2) {
        let broken = broken(&client, &recorded(migration)).await;
        assert!(
            broken.is_empty(),
            "the release of V{migration} runs while the newest migration is applied, and these statements of it no longer \
             do. Add what is new now, and remove what is old a release later:\n{}",
            broken.join("\n")
        );
    }
}

#[tokio::test]
async fn a_renamed_column_breaks_the_release_that_is_running() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    client.execute("ALTER TABLE steps RENAME COLUMN due_at TO expected_at", &[]).await.unwrap();
    let newest = *migrations().last_key_value().unwrap().0;
    let broken = broken(&client, &recorded(newest)).await;
    let is_named = |broken: &String| broken.starts_with("-- claim_step(): column \"due_at\"");
    assert!(broken.iter().any(is_named), "{broken:#?}");
    assert!(broken.len() < statements().len() / 2, "others still run: {broken:#?}");
}

/// Conditions that rows must meet, by table: columns that an insert has to name, constraints and unique indexes.
async fn demands(client: &Client) -> BTreeMap<String, BTreeSet<String>> {
    let sql = "SELECT class.relname, ARRAY(
                   SELECT 'column ' || attname FROM pg_attribute
                   WHERE attrelid = class.oid AND attnum > 0 AND attnotnull AND NOT atthasdef AND attidentity = ''
                   UNION SELECT 'constraint ' || conname FROM pg_constraint WHERE conrelid = class.oid AND contype <> 'n'
                   UNION SELECT 'index ' || indexrelid::regclass FROM pg_index WHERE indrelid = class.oid AND indisunique)
               FROM pg_class class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get::<_, Vec<String>>(1).into_iter().collect())).collect()
}

/// Runs a migration, and lists the conditions that it adds to tables of the release before.
#[expect(clippy::disallowed_methods, reason = "a migration is many statements")]
async fn new_demands(client: &Client, migration: &str) -> Vec<String> {
    let before = demands(client).await;
    client.batch_execute(migration).await.unwrap();
    let mut after = demands(client).await;
    let new = before.iter().flat_map(|(table, known)| {
        let demands = after.remove(table).unwrap_or_default();
        demands.difference(known).map(|demand| format!("{table}: {demand}")).collect::<Vec<_>>()
    });
    new.collect()
}

#[tokio::test]
async fn the_newest_migration_demands_nothing_of_the_rows_that_the_release_before_writes() {
    let (client, connection) = tokio_postgres::connect(&TestDatabase::create_empty().await.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    for (migration, sql) in migrations() {
        assert_eq!(new_demands(&client, &sql).await, Vec::<String>::new(), "V{migration}");
    }
    let harmless = "ALTER TABLE steps ADD COLUMN note text, ADD COLUMN weight int NOT NULL DEFAULT 0; \
                    CREATE TABLE notes (note text PRIMARY KEY); CREATE INDEX by_note ON steps (note)";
    assert_eq!(new_demands(&client, harmless).await, Vec::<String>::new());
    for (sql, demand) in [
        ("ALTER TABLE steps ADD COLUMN size int NOT NULL", "steps: column size"),
        ("ALTER TABLE steps ADD CONSTRAINT heavy CHECK (weight > 0)", "steps: constraint heavy"),
        ("CREATE UNIQUE INDEX one_note ON steps (note)", "steps: index one_note"),
    ] {
        assert_eq!(new_demands(&client, sql).await, [demand]);
    }
}

/// The migrations after the first one that stop the tables that they wait for.
fn without_lock_timeout(migrations: &BTreeMap<u32, String>) -> Vec<u32> {
    let later = migrations.range(2..).filter(|(_, sql)| !sql.contains("SET LOCAL lock_timeout"));
    later.map(|(number, _)| *number).collect()
}

#[test]
fn a_later_migration_waits_for_no_lock_for_long() {
    assert_eq!(without_lock_timeout(&migrations()), Vec::<u32>::new());
    let unlimited = "ALTER TABLE steps ADD COLUMN note text;".to_owned();
    let limited = format!("SET LOCAL lock_timeout = '5s';\n{unlimited}");
    let examples = BTreeMap::from([(1, unlimited.clone()), (2, limited), (3, unlimited)]);
    assert_eq!(without_lock_timeout(&examples), [3]);
}

#[tokio::test]
async fn a_release_that_is_deployed_before_its_migration_waits_for_it() {
    let database = TestDatabase::create().await;
    let (store, client) = (&database.store, database.client().await);
    let (tenant_id, session_id) = ("acme".parse().unwrap(), "s-1".parse().unwrap());
    let key = EmailKey { tenant_id: &tenant_id, session_id: &session_id, analysis_version: 1 };
    let email = NewEmail { key, template: "session-summary", locale: None, recipient: None };
    for (missing, state) in [
        ("ALTER TABLE email_log DROP CONSTRAINT email_log_tenant_id_session_id_analysis_version_key", "42P10"),
        ("ALTER TABLE email_log DROP COLUMN locale", "42703"),
        ("DROP TABLE email_log CASCADE", "42P01"),
    ] {
        client.execute(missing, &[]).await.unwrap();
        let error = store.queue_email(&email).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.is_retryable() && source.starts_with(state), "{source}");
    }
}
