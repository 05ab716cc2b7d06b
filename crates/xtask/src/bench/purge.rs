//! `cargo xtask bench purge`: whether retention's batches stay short on large tables.

use std::process::{ExitCode, Stdio};

use anyhow::Context;
use tokio::process::Command;

use super::Bench;
use crate::lambda;
use crate::paths;
use crate::progress::step;
use crate::stack::{self, Postgres, StateDir};
use crate::venv;

/// Runs `crates/store/benches/purge.rs` on a server of its own; its last line is the verdict, and so is the code.
pub(crate) async fn run(rows: u64) -> anyhow::Result<ExitCode> {
    let dir = StateDir::bench();
    let _lock = dir.lock()?;
    stack::down(&dir);
    dir.clear()?;
    let bench = Bench(dir);
    stack::start_guard(&bench.0)?;
    step("Python environment", venv::STACK.ensure()).await?;
    let database = step("PostgreSQL", Postgres::start_anywhere(&bench.0)).await?;
    let mut cargo = Command::new(lambda::cargo());
    // The database does the work: a build for development is as good.
    cargo.current_dir(paths::root()).args(["bench", "--quiet", "--package", "store", "--bench", "purge"]);
    cargo.args(["--profile", "dev", "--", &rows.to_string()]);
    cargo.env("TEST_DATABASE_URL", database.url()).stdin(Stdio::null());
    if let Some(target) = std::env::var_os("CARGO_TARGET_DIR") {
        cargo.env("CARGO_TARGET_DIR", std::path::absolute(target)?);
    }
    let status = cargo.status().await.context("cargo did not start")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
