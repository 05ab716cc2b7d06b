//! Whether a mail, and a sync beyond its requests, fit into their budgets of processor time.

use std::time::Duration;

use anyhow::ensure;
use serde::Deserialize;
use tokio::process::Command;

use crate::paths;
use crate::progress::step;
use crate::stack::{Llm, Owned};

/// Processor time of one mail of 100 turns, or of one sync beyond its requests.
const LIMIT: Duration = Duration::from_millis(1);

/// A line of `crates/mail/benches/mail.rs` or of `crates/crm-sync/benches/sync.rs`.
#[derive(Debug, Deserialize)]
struct Measured {
    #[serde(alias = "template", alias = "integration")]
    name: String,
    #[serde(alias = "mails", alias = "syncs")]
    runs: u32,
    /// Mean per run, for a sync without its requests.
    nanoseconds: u64,
    /// Mean of the requests of one sync.
    requests_nanoseconds: Option<u64>,
}

/// Measures a mail, with everything that can be in it.
pub(super) async fn notify() -> anyhow::Result<bool> {
    measure(super::cargo("mail", "mail")?, "mail", "a mail of 100 turns").await
}

/// Measures a sync on a database and stand-ins of its own.
pub(super) async fn crm_sync() -> anyhow::Result<bool> {
    let owned = Owned::take("bench")?;
    let database_url = owned.postgres().await?;
    let llm = Llm::default();
    let urls = step("stand-ins", owned.stand_ins(["hubspot", "salesforce", "webhook"], &llm)).await?;
    let mut cargo = super::cargo("crm-sync", "sync")?;
    cargo
        .env("TEST_DATABASE_URL", database_url)
        .envs(["HUBSPOT_URL", "SALESFORCE_URL", "WEBHOOK_URL"].into_iter().zip(urls));
    measure(cargo, "sync", "a sync beyond its requests").await
}

/// Runs a benchmark and prints the verdict; false if one of the figures is too long.
async fn measure(cargo: Command, bench: &str, unit: &str) -> anyhow::Result<bool> {
    let log = super::logged(cargo, bench).await?;
    let measured = read(&paths::read(&log)?)?;
    println!("\n{}", verdict(&measured, unit));
    Ok(measured.iter().all(Measured::is_within))
}

/// Reads the figures among what cargo prints.
fn read(printed: &str) -> anyhow::Result<Vec<Measured>> {
    let figures = printed.lines().filter(|line| line.starts_with('{'));
    let measured: Vec<Measured> = figures.map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(!measured.is_empty(), "the benchmark printed no figures");
    Ok(measured)
}

impl Measured {
    fn is_within(&self) -> bool {
        Duration::from_nanos(self.nanoseconds) <= LIMIT
    }
}

fn verdict(measured: &[Measured], unit: &str) -> String {
    let holds = if measured.iter().all(Measured::is_within) { "within" } else { "over" };
    let milliseconds = |nanoseconds| Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3;
    let figure = |Measured { name, runs, nanoseconds, requests_nanoseconds }: &Measured| {
        let requests = requests_nanoseconds.map(|time| format!("its requests {:.3} ms; ", milliseconds(time)));
        format!("{name} {:.3} ms ({}mean of {runs})", milliseconds(*nanoseconds), requests.unwrap_or_default())
    };
    let figures = measured.iter().map(figure).collect::<Vec<_>>().join(", ");
    format!("{holds} {} ms of processor time {unit}: {figures}", LIMIT.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_the_worst_of_the_printed_figures() {
        let line = |template: &str, nanoseconds: u64| {
            format!(r#"{{"template":"{template}","turns":100,"mails":2000,"nanoseconds":{nanoseconds}}}"#)
        };
        let printed = |own: u64| format!("   Compiling mail\n{}\n{}\n", line("built-in", 400_000), line("own", own));
        let fast = read(&printed(1_000_000)).unwrap();
        assert_eq!(
            verdict(&fast, "a mail"),
            "within 1 ms of processor time a mail: built-in 0.400 ms (mean of 2000), own 1.000 ms (mean of 2000)"
        );
        assert!(verdict(&read(&printed(1_000_001)).unwrap(), "a mail").starts_with("over 1 ms "));
        assert!(read("   Compiling mail\n").is_err());
    }

    #[test]
    fn a_sync_has_the_time_of_its_requests_as_well() {
        let line = r#"{"integration":"hubspot","syncs":1000,"nanoseconds":500000,"requests_nanoseconds":250000}"#;
        let text = verdict(&read(line).unwrap(), "a sync");
        assert!(text.ends_with("hubspot 0.500 ms (its requests 0.250 ms; mean of 1000)"), "{text}");
    }
}
