//! Whether a sync takes no more of the processor than it may, beyond its requests.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::Bench;
use crate::progress::step;
use crate::stack::{self, Postgres};
use crate::stand_in::StandIn;
use crate::{lambda, paths, process, venv};

/// Processor time of one sync beyond the requests to the third party.
const LIMIT: Duration = Duration::from_millis(1);

/// A line of `crates/crm-sync/benches/sync.rs`.
#[derive(Debug, Deserialize)]
struct Measured {
    integration: String,
    syncs: u32,
    /// Mean per sync, without its requests.
    nanoseconds: u64,
    /// Mean of the requests of one sync.
    requests_nanoseconds: u64,
}

/// Measures and prints the verdict as the last line; the code is a failure if a sync takes too long.
pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    let bench = Bench::start()?;
    step("Python environment", venv::STACK.ensure()).await?;
    let database = step("PostgreSQL", Postgres::start_anywhere(&bench.dir)).await?;
    let fakes = step("build the stand-ins", lambda::build_fakes(false)).await?;
    let [hubspot, salesforce, webhook] = stack::free_ports()?.map(|port| format!("127.0.0.1:{port}"));
    let addresses = ["--hubspot", &hubspot, "--salesforce", &salesforce, "--webhook", &webhook];
    let _stand_ins = StandIn::start(&fakes, addresses).await?;
    let log = paths::target().join("bench-crm-sync.log");
    let mut cargo = super::cargo("crm-sync", "sync")?;
    cargo.env("TEST_DATABASE_URL", database.url());
    for (name, address) in [("HUBSPOT_URL", hubspot), ("SALESFORCE_URL", salesforce), ("WEBHOOK_URL", webhook)] {
        cargo.env(name, format!("http://{address}"));
    }
    let success = step("cargo bench -p crm-sync --bench sync", process::logged(&mut cargo, &log)).await?;
    ensure!(success, "the benchmark failed; see {}", log.display());
    let printed = std::fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
    let figures = printed.lines().filter(|line| line.starts_with('{'));
    let measured: Vec<Measured> = figures.map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(!measured.is_empty(), "the benchmark printed no figures");
    println!("\n{}", verdict(&measured));
    Ok(if measured.iter().all(Measured::is_within) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Measured {
    fn is_within(&self) -> bool {
        Duration::from_nanos(self.nanoseconds) <= LIMIT
    }
}

fn verdict(measured: &[Measured]) -> String {
    let holds = if measured.iter().all(Measured::is_within) { "within" } else { "over" };
    let milliseconds = |nanoseconds| Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3;
    let figure = |sync: &Measured| {
        let Measured { integration, syncs, nanoseconds, requests_nanoseconds } = sync;
        let (own, requests) = (milliseconds(*nanoseconds), milliseconds(*requests_nanoseconds));
        format!("{integration} {own:.3} ms (its requests {requests:.3} ms; mean of {syncs})")
    };
    let figures = measured.iter().map(figure).collect::<Vec<_>>().join(", ");
    format!("{holds} {} ms of processor time a sync beyond its requests: {figures}", LIMIT.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_the_worst_of_what_was_measured() {
        let sync = |integration: &str, nanoseconds| Measured {
            integration: integration.to_owned(),
            syncs: 1000,
            nanoseconds,
            requests_nanoseconds: 250_000,
        };
        assert_eq!(
            verdict(&[sync("hubspot", 1_000_000), sync("webhook", 400_000)]),
            "within 1 ms of processor time a sync beyond its requests: hubspot 1.000 ms (its requests 0.250 ms; mean of \
             1000), webhook 0.400 ms (its requests 0.250 ms; mean of 1000)"
        );
        assert!(verdict(&[sync("hubspot", 1_000_001)]).starts_with("over 1 ms "));
    }
}
