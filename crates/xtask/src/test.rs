//! `cargo xtask test`: every check, one after the other. The commands are in [`checks`].

mod checks;
mod report;
mod vendors;

use std::process::ExitCode;

use crate::progress::heading;
use crate::stack::{self, Options, Postgres, StateDir};
use crate::{lambda, paths, venv};
use report::Report;

/// Runs all checks; later ones run although earlier ones failed. Fails if one failed.
pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    let mut report = Report::new(paths::target().join("test-logs"))?;
    heading("source");
    for check in checks::source() {
        report.run(check).await;
    }
    dependencies(&mut report).await;
    heading("template");
    report.prepared("Python environment for the checkers", venv::CHECK.ensure()).await;
    for check in checks::template() {
        report.run(check).await;
    }
    heading("unit and store tests");
    unit_tests(&mut report).await?;
    heading("stand-ins");
    vendors_clients(&mut report).await;
    heading("whole pipeline");
    pipeline_tests(&mut report).await;
    Ok(report.finish())
}

/// Checks the dependencies as far as this machine can: the advisories are in a repository of their own.
async fn dependencies(report: &mut Report) {
    if !report.succeeds(checks::deny("cargo deny --version", "--version")).await {
        report.skipped("cargo deny", "cargo-deny is not installed (`cargo install cargo-deny`)");
        return;
    }
    report.run(checks::deny("cargo deny", "check --disable-fetch bans licenses sources")).await;
    if report.succeeds(checks::deny("cargo deny fetch", "fetch db")).await {
        report.run(checks::deny("cargo deny advisories", "check --disable-fetch advisories")).await;
    } else {
        report.skipped("cargo deny advisories", "the advisory database cannot be reached");
    }
}

/// A database server that is stopped when dropped.
struct Database(StateDir);

impl Drop for Database {
    fn drop(&mut self) {
        stack::down(&self.0);
    }
}

async fn unit_tests(report: &mut Report) -> anyhow::Result<()> {
    let dir = StateDir::named("test-database");
    let _lock = dir.lock()?;
    stack::down(&dir);
    dir.clear()?;
    let database = Database(dir);
    stack::start_guard(&database.0)?;
    let server = async {
        venv::STACK.ensure().await?;
        Postgres::start_anywhere(&database.0).await
    };
    if let Some(server) = report.prepared("PostgreSQL", server).await {
        report.run(checks::unit_tests(&server.url())).await;
    }
    Ok(())
}

/// The stand-ins are built as the stack builds them, which finds them built.
async fn vendors_clients(report: &mut Report) {
    let prepared = async {
        venv::VENDORS.ensure().await?;
        vendors::clients(&lambda::build_fakes(false).await?).await
    };
    if let Some(clients) = report.prepared("what the vendors' clients need", prepared).await {
        report.run(clients.check).await;
    }
}

async fn pipeline_tests(report: &mut Report) {
    match stack::up(&StateDir::named("test-stack"), &Options::default()).await {
        Ok(stack) => {
            report.run(checks::pipeline_tests(&stack.dir().stack_file())).await;
            heading(&format!("  logs of the stack: {}", paths::shown(&stack.dir().log("*"))));
        }
        Err(error) => report.failed("local stack", &error),
    }
}
