//! Migrations: run by a command or function right after a deployment, never on a cold start.

use refinery::embed_migrations;

use crate::connect::postgres_config;
use crate::{Config, ConnectError, tls};

embed_migrations!("migrations");

/// Any number that nobody else uses: refinery does not lock by itself, so two runs at once would race.
const ADVISORY_LOCK: i64 = 0x706f_7374_7365_7373;

/// Why the schema could not be brought up to date; what was applied before stays applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("configure the connection")]
    Config(#[source] ConnectError),
    #[error("connect to the database")]
    Connect(#[source] tokio_postgres::Error),
    #[error("take the migration lock")]
    Lock(#[source] tokio_postgres::Error),
    #[error("apply the migrations")]
    Apply(#[source] refinery::Error),
}

/// Applies what is not yet applied, on a connection of its own, and returns the names of what it applied.
///
/// Waits while another run holds the lock. Migrations have no statement timeout; one that does not get a table's lock
/// in time is undone, an error, and can be run again.
pub async fn migrate(config: &Config) -> Result<Vec<String>, MigrateError> {
    let pg = postgres_config(config).map_err(MigrateError::Config)?;
    let connector =
        tls::connector(config.ca_file.as_deref()).map_err(|e| MigrateError::Config(ConnectError::Certificates(e)))?;
    let (mut client, connection) = pg.connect(connector).await.map_err(MigrateError::Connect)?;
    // The lock goes with the connection, also when the caller is gone.
    let connection = tokio::spawn(connection);
    client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await.map_err(MigrateError::Lock)?;
    let report = migrations::runner().run_async(&mut client).await.map_err(MigrateError::Apply)?;
    drop(client);
    if let Err(error) = connection.await {
        tracing::warn!(error = %error, "the migration's connection task ended badly");
    }
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}
