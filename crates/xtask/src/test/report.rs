//! The results of the checks.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::ensure;

use super::checks::Check;
use crate::progress::step;
use crate::{paths, process};

/// Lines of a failed check's output that are printed at once; the log file has them all.
const SHOWN_LINES: usize = 80;

pub(super) struct Report {
    logs: PathBuf,
    started: Instant,
    passed: usize,
    failures: Vec<String>,
    skipped: Vec<String>,
}

impl Report {
    pub(super) fn new(logs: PathBuf) -> anyhow::Result<Self> {
        paths::empty(&logs)?;
        Ok(Self { logs, started: Instant::now(), passed: 0, failures: Vec::new(), skipped: Vec::new() })
    }

    pub(super) async fn run_all(&mut self, checks: Vec<Check>) {
        for check in checks {
            self.run(check).await;
        }
    }

    /// Runs the check, and prints the end of its output if it fails.
    pub(super) async fn run(&mut self, Check { name, mut command }: Check) {
        let log = self.log(name);
        let passed = step(name, async {
            ensure!(process::logged(&mut command, &log).await?, "see {}", paths::shown(&log));
            Ok(())
        });
        match passed.await {
            Ok(()) => self.passed += 1,
            Err(error) => {
                process::end_of(&log, SHOWN_LINES).lines().for_each(|line| println!("    {line}"));
                self.failed(name, &error);
            }
        }
    }

    /// Whether a command that other checks depend on succeeds.
    pub(super) async fn succeeds(&self, Check { name, mut command }: Check) -> bool {
        process::logged(&mut command, &self.log(name)).await.unwrap_or(false)
    }

    /// Reports a check that cannot be made here.
    pub(super) fn skipped(&mut self, name: &str, reason: &str) {
        println!("  {name:<52} skipped: {reason}");
        self.skipped.push(format!("skipped: {name}: {reason}"));
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{}.log", name.replace('\'', "").replace(' ', "-")))
    }

    /// Prepares what a check needs; `None` if that failed.
    pub(super) async fn prepared<T>(&mut self, name: &str, work: impl Future<Output = anyhow::Result<T>>) -> Option<T> {
        step(name, work).await.inspect_err(|error| self.failed(name, error)).ok()
    }

    pub(super) fn failed(&mut self, name: &str, error: &anyhow::Error) {
        println!("    {error:#}");
        self.failures.push(format!("{name}: {error:#}"));
    }

    pub(super) fn finish(self) -> ExitCode {
        let seconds = self.started.elapsed().as_secs();
        let (passed, failed, skipped) = (self.passed, self.failures.len(), self.skipped.len());
        let time = format!("{} min {} s", seconds / 60, seconds % 60);
        println!("{passed} checks passed, {failed} failed, {skipped} skipped, in {time}");
        for line in self.failures.iter().chain(&self.skipped) {
            println!("  {line}");
        }
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
