//! `cargo xtask bench cold-start`: how long each function takes to start, compared with a function that does nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::emulator::{self, ColdStart};
use crate::lambda::{self, Package};
use crate::progress::step;
use crate::stack::{self, Owned, StateDir};
use crate::table::{median, table};
use crate::{paths, venv};

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// A program that is started again and again.
#[derive(Debug)]
struct Program {
    name: &'static str,
    binary: PathBuf,
    bytes: u64,
    starts: Vec<ColdStart>,
}

/// Starts every function `runs` times in Lambda's runtime interface emulator and prints a table.
pub(super) async fn run(runs: usize) -> anyhow::Result<()> {
    let owned = Owned::take("bench")?;
    println!("preparing");
    step("Python environment for the emulator", venv::CHECK.ensure()).await?;
    let mut subjects = build().await?;
    let url = owned.postgres().await?;
    let config = store::Config { url: url.clone(), ca_file: None, statement_timeout: Duration::ZERO, pool_size: 1 };
    store::migrate(&config).await.context("failed to migrate the database")?;
    println!(
        "starting {} functions {runs} times, in turns, in Lambda's runtime interface emulator: each time a new process, \
         one event\n  init: from the start of the process to its first request for an event, the database connection \
         included\n  peak: most memory held until the event was answered\n  this machine's processor, not Lambda's: \
         compare the rows, not the milliseconds",
        subjects.len()
    );
    let (emulator, environment) = (emulator::find()?, environment(&url));
    // One round after the other, not one function after the other: a machine that becomes slower slows all alike.
    for run in 1..=runs {
        let round = round(&emulator, &owned.dir, &mut subjects, &environment);
        step(&format!("round {run} of {runs}"), round).await?;
    }
    print!("\n{}", render(&subjects));
    Ok(())
}

async fn build() -> anyhow::Result<Vec<Program>> {
    let packages = stack::build().await?;
    let noop = step("build one that does nothing", lambda::build_noop()).await?;
    let subject = |(name, binary): (_, PathBuf)| {
        let bytes = binary.metadata().context("the build left no binary")?.len();
        Ok(Program { name, binary, bytes, starts: Vec::new() })
    };
    let packages = packages.into_iter().map(|Package { name, binary, .. }| (name, binary));
    [("noop", noop)].into_iter().chain(packages).map(subject).collect()
}

async fn round(
    emulator: &Path,
    dir: &StateDir,
    subjects: &mut [Program],
    environment: &[(&str, &str)],
) -> anyhow::Result<()> {
    for Program { name, binary, starts, .. } in subjects {
        let start = emulator::cold_start(emulator, dir, binary, environment, harmless_event(name)).await;
        starts.push(start.with_context(|| format!("{name} did not start"))?);
    }
    Ok(())
}

fn environment(database_url: &str) -> Vec<(&str, &str)> {
    paths::variables(include_str!("functions.env")).chain([("DATABASE_URL", database_url)]).collect()
}

/// An event that is answered without AWS.
fn harmless_event(function: &str) -> &'static str {
    match function {
        "noop" => "{}",
        "ingest" => include_str!("../../../../events/ingest-bad-signature.json"),
        "housekeep" => include_str!("../../../../events/housekeep-requeue.json"),
        _ => r#"{"Records":[]}"#,
    }
}

/// A line for each function.
fn render(subjects: &[Program]) -> String {
    let titles = ["function", "median init ms", "min ms", "max ms", "peak MiB", "binary MiB"];
    table(&titles, &subjects.iter().map(row).collect::<Vec<_>>())
}

#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn row(Program { name, bytes, starts, .. }: &Program) -> [String; 6] {
    let mut init: Vec<_> = starts.iter().map(|start| start.init_ms).collect();
    init.sort_by(f64::total_cmp);
    let [least, most] = [init.first(), init.last()].map(|ms| format!("{:.1}", ms.copied().unwrap_or(f64::NAN)));
    let peak = starts.iter().map(|start| start.peak_bytes).max().unwrap_or_default();
    let [peak, binary] = [peak, *bytes].map(|bytes| bytes as f64 / MEBIBYTE);
    let (name, median) = ((*name).to_owned(), median(&init));
    [name, format!("{median:.1}"), least, most, format!("{peak:.1}"), format!("{binary:.2}")]
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

    #[test]
    fn every_function_can_start_in_the_environment() {
        let variables = environment("postgres://postgres@127.0.0.1:9/postgres").into_iter();
        let env: stage::Env = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        ingest::Config::from_env(&env).unwrap();
        analyze::Config::from_env(&env).unwrap();
        notify::Config::from_env(&env).unwrap();
        crm_sync::Config::from_env(&env).unwrap();
        track_delivery::Config::from_env(&env).unwrap();
        housekeep::Config::from_env(&env).unwrap();
    }

    #[test]
    fn the_table_has_median_range_and_the_highest_peak() {
        let subject = |name, bytes, init: &[f64]| {
            let start = |(run, &init_ms): (usize, &f64)| ColdStart { init_ms, peak_bytes: (run as u64 + 8) << 20 };
            Program { name, binary: PathBuf::new(), bytes, starts: init.iter().enumerate().map(start).collect() }
        };
        let odd = subject("noop", 1 << 20, &[9.0, 3.04, 4.0]);
        let even = subject("track-delivery", 12_000_000, &[8.0, 12.5, 7.0, 9.0]);
        insta::assert_snapshot!(render(&[odd, even]), @"
        function        median init ms  min ms  max ms  peak MiB  binary MiB
        noop                       4.0     3.0     9.0      10.0        1.00
        track-delivery             8.5     7.0    12.5      11.0       11.44
        ");
    }
}
