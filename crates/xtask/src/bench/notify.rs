//! Whether rendering and building one mail fits into its budget of processor time.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::progress::step;
use crate::{paths, process};

/// Processor time of one mail of 100 turns, with everything that can be in it.
const LIMIT: Duration = Duration::from_millis(1);

/// A line of `crates/mail/benches/mail.rs`.
#[derive(Debug, Deserialize)]
struct Measured {
    /// Whose it is.
    template: String,
    turns: u32,
    mails: u32,
    /// Mean per mail.
    nanoseconds: u64,
}

/// Measures and prints the verdict as the last line; the code is a failure if a mail takes too long.
pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    let log = paths::target().join("bench-notify.log");
    std::fs::create_dir_all(paths::target())?;
    let mut cargo = super::cargo("mail", "mail")?;
    let success = step("cargo bench -p mail --bench mail", process::logged(&mut cargo, &log)).await?;
    ensure!(success, "the benchmark failed; see {}", log.display());
    let printed = std::fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
    let measured = read(&printed)?;
    println!("\n{}", verdict(&measured));
    Ok(if measured.iter().all(Measured::is_within) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The figures among what cargo prints.
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

fn verdict(measured: &[Measured]) -> String {
    let holds = if measured.iter().all(Measured::is_within) { "within" } else { "over" };
    let figure = |mail: &Measured| {
        let milliseconds = Duration::from_nanos(mail.nanoseconds).as_secs_f64() * 1e3;
        let Measured { template, turns, mails, .. } = mail;
        format!("{template} template {milliseconds:.3} ms ({turns} turns, mean of {mails})")
    };
    let figures = measured.iter().map(figure).collect::<Vec<_>>().join(", ");
    format!("{holds} {} ms of processor time a mail: {figures}", LIMIT.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_the_worst_of_what_was_printed() {
        let line = |template: &str, nanoseconds: u64| {
            format!(r#"{{"template":"{template}","turns":100,"mails":2000,"nanoseconds":{nanoseconds}}}"#)
        };
        let printed = |own: u64| format!("   Compiling mail\n{}\n{}\n", line("built-in", 400_000), line("own", own));
        let fast = read(&printed(1_000_000)).unwrap();
        assert_eq!(
            verdict(&fast),
            "within 1 ms of processor time a mail: built-in template 0.400 ms (100 turns, mean of 2000), \
             own template 1.000 ms (100 turns, mean of 2000)"
        );
        let slow = read(&printed(1_000_001)).unwrap();
        assert!(verdict(&slow).starts_with("over 1 ms "));
        assert!(read("   Compiling mail\n").is_err());
    }
}
