//! `cargo xtask bench cold-start`: how long each function takes to start, compared with a function that does nothing.
//! `cargo xtask bench analyze`: whether a turn costs the analysis more the more turns there are.
//! `cargo xtask bench purge`: whether retention's batches stay short on large tables.
//! `cargo xtask bench notify`: whether one mail costs no more than it may.
//! `cargo xtask bench crm-sync`: the same of a sync, beyond its requests.

mod budget;
mod emulator;
mod environment;
mod measurement;
mod purge;
mod turns;

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use tokio::process::Command;

use crate::lambda::{self, Package};
use crate::progress::{heading, step};
use crate::stack::{self, Lock, Postgres, StateDir};
use crate::{paths, venv};
use emulator::Emulator;
use measurement::Measured;

pub(crate) use budget::{crm_sync, notify};
pub(crate) use purge::run as purge;
pub(crate) use turns::run as analyze;

/// A program that is started again and again.
struct Subject {
    name: &'static str,
    binary: PathBuf,
    bytes: u64,
    event: &'static str,
}

/// Stops whatever was started when dropped.
struct Bench {
    dir: StateDir,
    _lock: Lock,
}

impl Bench {
    fn start() -> anyhow::Result<Self> {
        let dir = StateDir::named("bench");
        let lock = dir.lock()?;
        stack::down(&dir);
        dir.clear()?;
        let bench = Self { dir, _lock: lock };
        stack::start_guard(&bench.dir)?;
        Ok(bench)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        stack::down(&self.dir);
    }
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

/// Starts every function `runs` times in Lambda's runtime interface emulator and prints a table.
pub(crate) async fn cold_start(runs: usize) -> anyhow::Result<()> {
    let bench = Bench::start()?;
    heading("preparing");
    let subjects = build().await?;
    let database = step("PostgreSQL", database(&bench.dir)).await?;
    heading(&format!(
        "starting {} functions {runs} times, in turns, in Lambda's runtime interface emulator: each time a new process, \
         one event\n  init: from the start of the process to its first request for an event, the database connection \
         included\n  peak: most memory held until the event was answered\n  this machine's processor, not Lambda's: \
         compare the rows, not the milliseconds",
        subjects.len()
    ));
    let rows = measure(&bench.dir, &subjects, &environment::of(&database.url()), runs).await?;
    print!("\n{}", measurement::render(&rows));
    Ok(())
}

async fn build() -> anyhow::Result<Vec<Subject>> {
    step("Python environments", async {
        venv::STACK.ensure().await?;
        venv::CHECK.ensure().await
    })
    .await?;
    let packages = step("build the functions", lambda::build()).await?;
    let noop = step("build one that does nothing", lambda::build_noop()).await?;
    let bytes = noop.metadata().context("the build left no binary")?.len();
    let noop = Subject { name: "noop", binary: noop, bytes, event: "{}" };
    Ok([noop].into_iter().chain(packages.into_iter().map(subject)).collect())
}

fn subject(Package { name, binary, binary_bytes, .. }: Package) -> Subject {
    Subject { name, binary, bytes: binary_bytes, event: harmless_event(name) }
}

/// An event that is answered without AWS.
fn harmless_event(function: &str) -> &'static str {
    match function {
        "ingest" => include_str!("../../../events/ingest-bad-signature.json"),
        "housekeep" => include_str!("../../../events/housekeep-requeue.json"),
        _ => r#"{"Records":[]}"#,
    }
}

async fn database(dir: &StateDir) -> anyhow::Result<Postgres> {
    let database = Postgres::start_anywhere(dir).await?;
    let config = environment::store(&database.url());
    store::migrate(&config).await.context("failed to migrate the database")?;
    Ok(database)
}

/// One round after the other rather than one function after the other: a machine that becomes slower slows all alike.
async fn measure(
    dir: &StateDir,
    subjects: &[Subject],
    environment: &[(&str, String)],
    runs: usize,
) -> anyhow::Result<Vec<Measured>> {
    let emulator = Emulator::find()?;
    let mut rows: Vec<_> = subjects.iter().map(|subject| Measured::new(subject.name, subject.bytes)).collect();
    for run in 1..=runs {
        step(&format!("round {run} of {runs}"), async {
            for (subject, row) in subjects.iter().zip(&mut rows) {
                let start = emulator.cold_start(dir, &subject.binary, environment, subject.event).await;
                row.starts.push(start.with_context(|| format!("{} did not start", subject.name))?);
            }
            Ok(())
        })
        .await?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_an_event_it_can_read() {
        for function in lambda::FUNCTIONS {
            let event: serde_json::Value = serde_json::from_str(harmless_event(function)).expect("the event is JSON");
            assert!(event.is_object(), "{function}");
        }
    }
}
