//! Migrations: run by a command or function before a deployment, never on a cold start.

use std::error::Error as _;

use refinery::embed_migrations;

use crate::connect::{Config, ConnectError, postgres_config};
use crate::error::DatabaseError;
use crate::tls;

embed_migrations!("migrations");

/// Any number that no other program uses: refinery takes no lock, so two runs at once would race.
const ADVISORY_LOCK: i64 = 0x706f_7374_7365_7373;

/// A migration that failed; those applied before it stay applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("invalid database configuration")]
    Config(#[source] ConnectError),
    #[error("no connection to the database")]
    Connect(#[source] tokio_postgres::Error),
    #[error("the migration lock was not granted")]
    Lock(#[source] tokio_postgres::Error),
    #[error("a migration was not applied")]
    Apply(#[source] refinery::Error),
}

/// Applies the migrations that are missing, on a connection of its own, and returns their names.
///
/// Waits while another run holds the lock. Migrations have no statement timeout. A migration that does not get a
/// table's lock in time is undone and an error, and can be run again.
pub async fn migrate(config: &Config) -> Result<Vec<String>, MigrateError> {
    let pg = postgres_config(config).map_err(MigrateError::Config)?;
    let connector =
        tls::connector(config.ca_file.as_deref()).map_err(|e| MigrateError::Config(ConnectError::Certificates(e)))?;
    let (mut client, connection) = pg.connect(connector).await.map_err(MigrateError::Connect)?;
    // The lock goes with the connection, also when the caller is gone.
    let connection = tokio::spawn(async {
        if let Err(error) = connection.await.map_err(DatabaseError) {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            tracing::warn!(error = format!("{error}{cause}"), "migration connection failed");
        }
    });
    client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await.map_err(MigrateError::Lock)?;
    let report = migrations::runner().run_async(&mut client).await.map_err(MigrateError::Apply)?;
    drop(client);
    connection.await.ok();
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}
