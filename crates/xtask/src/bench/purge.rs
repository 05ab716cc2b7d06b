//! `cargo xtask bench purge`: whether retention's batches stay short on large tables.

use std::process::ExitCode;

use anyhow::Context;

use super::Bench;
use crate::progress::step;
use crate::stack::Postgres;
use crate::venv;

/// Runs `crates/store/benches/purge.rs` on a server of its own; its last line is the verdict, and so is the code.
pub(crate) async fn run(rows: u64) -> anyhow::Result<ExitCode> {
    let bench = Bench::start()?;
    step("Python environment", venv::STACK.ensure()).await?;
    let database = step("PostgreSQL", Postgres::start_anywhere(&bench.dir)).await?;
    let mut cargo = super::cargo("store", "purge")?;
    // The database does the work: a build for development is as good.
    cargo.args(["--quiet", "--profile", "dev", "--", &rows.to_string()]).env("TEST_DATABASE_URL", database.url());
    let status = cargo.status().await.context("cargo did not start")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
