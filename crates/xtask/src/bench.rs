//! `cargo xtask bench`: measurements of the functions and of the steps that cost most.

mod budget;
mod cold_start;
mod emulator;
mod turns;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, ensure};
use clap::Subcommand;
use tokio::process::Command;

use crate::progress::step;
use crate::stack::Owned;
use crate::{lambda, paths, process};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Time building prompts, validating answers, checking quotes and merging parts by the number of turns; say whether
    /// the time per turn stays flat.
    Analyze,
    /// Measure the processor time of a sync beyond its requests, on a database and stand-ins of its own; say whether it
    /// is within its limit.
    CrmSync,
    /// Measure the processor time of rendering and building one mail of 100 turns; say whether it is within its limit.
    Notify,
    /// Start each function, and a function that does nothing, in Lambda's runtime interface emulator; print the time of their
    /// init and their memory.
    ColdStart {
        /// Number of starts of each function.
        #[arg(long, value_name = "N", default_value = "10")]
        runs: NonZeroUsize,
    },
    /// Purge the older half of N turns, and of their sessions' analyses and mails, while mails are written; say
    /// whether every batch is short.
    Purge {
        /// Number of turns.
        #[arg(long, value_name = "N", default_value = "1000000")]
        rows: u64,
    },
}

/// Measures and prints a verdict as the last line; the code is a failure if the verdict is bad.
pub(crate) async fn run(command: Bench) -> anyhow::Result<ExitCode> {
    let is_good = match command {
        Bench::Analyze => turns::run().await?,
        Bench::CrmSync => budget::crm_sync().await?,
        Bench::Notify => budget::notify().await?,
        Bench::Purge { rows } => purge(rows).await?,
        Bench::ColdStart { runs } => {
            cold_start::run(runs.get()).await?;
            true
        }
    };
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs `crates/store/benches/purge.rs`, which prints its verdict itself, on a server of its own.
async fn purge(rows: u64) -> anyhow::Result<bool> {
    let owned = Owned::take("bench")?;
    let database_url = owned.postgres().await?;
    let mut cargo = cargo("store", "purge")?;
    // The database does the work: a build for development is as good.
    cargo.args(["--quiet", "--profile", "dev", "--", &rows.to_string()]).env("TEST_DATABASE_URL", database_url);
    Ok(cargo.status().await.context("cargo did not start")?.success())
}

/// Cargo, about to run a benchmark of a package.
fn cargo(package: &str, bench: &str) -> anyhow::Result<Command> {
    let mut cargo = Command::new(lambda::cargo());
    cargo.current_dir(paths::root()).args(["bench", "--package", package, "--bench", bench]).stdin(Stdio::null());
    if let Some(target) = std::env::var_os("CARGO_TARGET_DIR") {
        // Cargo runs in the checkout: a relative directory would be another one there.
        cargo.env("CARGO_TARGET_DIR", std::path::absolute(target)?);
    }
    Ok(cargo)
}

/// Runs a benchmark, and returns the log of all that it printed.
async fn logged(mut cargo: Command, bench: &str) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(paths::target())?;
    let log = paths::target().join(format!("bench-{bench}.log"));
    let success = step(&format!("cargo bench --bench {bench}"), process::logged(&mut cargo, &log)).await?;
    ensure!(success, "the benchmark failed; see {}", log.display());
    Ok(log)
}
