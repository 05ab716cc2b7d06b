//! The commands that check something.

use std::path::Path;

use tokio::process::Command;

use crate::lambda::cargo;
use crate::{paths, venv};

/// A command and what it checks.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) command: std::process::Command,
}

impl Check {
    fn new(name: &'static str, program: impl AsRef<std::ffi::OsStr>, arguments: &str) -> Self {
        let mut command = std::process::Command::new(program);
        command.current_dir(paths::root()).args(arguments.split(' '));
        Self { name, command }
    }

    fn cargo(name: &'static str, arguments: &str) -> Self {
        Self::new(name, cargo(), arguments)
    }

    /// Each run is `SCRIPT=URL`.
    pub(super) fn vendors(runs: impl Iterator<Item = String>) -> Self {
        let mut check = Self::new("vendors' clients", venv::VENDORS.python(), "-c");
        check.command.arg(include_str!("../../python/vendors.py")).args(runs);
        check
    }

    fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(super) fn into_command(self) -> Command {
        self.command.into()
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
    Check::cargo(name, &format!("deny {arguments}"))
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
    Check::cargo("cargo test", "test --workspace --exclude pipeline-tests").env("TEST_DATABASE_URL", database_url)
}

/// One at a time: they share queues and stand-ins.
pub(super) fn pipeline_tests(stack_file: &Path) -> Check {
    Check::cargo("pipeline tests", "test --workspace --test pipeline -- --test-threads=1").env("STACK_JSON", stack_file)
}
