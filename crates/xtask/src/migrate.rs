//! `cargo xtask migrate`: brings a database's schema up to date.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use crate::stack::StateDir;

/// Migrates the given database, or the local stack's.
pub(crate) async fn run(database_url: Option<String>, ca_file: Option<PathBuf>) -> anyhow::Result<()> {
    let local = || StateDir::local().read_stack().map(|file| file.database_url);
    let url = database_url.or_else(local).context("no local stack is running: give --database-url")?;
    let config = store::Config { url, ca_file, statement_timeout: Duration::ZERO, pool_size: 1 };
    let applied = store::migrate(&config).await.context("failed to migrate the database")?;
    for migration in &applied {
        println!("  applied {migration}");
    }
    if applied.is_empty() {
        println!("  the schema is up to date");
    }
    Ok(())
}
