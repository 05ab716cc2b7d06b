//! `cargo xtask test`: every check, one after the other. The commands are in [`checks`].

mod checks;
mod report;

use std::process::ExitCode;

use crate::stack::{self, Llm, Owned};
use crate::{paths, venv};
use report::Report;

/// Runs all checks; later ones run although earlier ones failed. Fails if one failed.
pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    let mut report = Report::new(paths::target().join("test-logs"))?;
    println!("source");
    report.run_all(checks::source()).await;
    println!("dependencies and template");
    report.prepared("Python environment for the checkers", venv::CHECK.ensure()).await;
    dependencies(&mut report).await;
    report.run_all(checks::template()).await;
    println!("unit and store tests");
    unit_tests(&mut report).await?;
    println!("stand-ins");
    vendors_clients(&mut report).await;
    println!("whole pipeline");
    pipeline_tests(&mut report).await;
    Ok(report.finish())
}

/// Checks the dependencies as far as this machine can: the advisories are in a repository of their own.
async fn dependencies(report: &mut Report) {
    report.run(checks::deny("cargo deny", "--locked check bans licenses sources")).await;
    if report.succeeds(checks::deny("cargo deny fetch", "fetch db")).await {
        report.run(checks::deny("cargo deny advisories", "check advisories")).await;
    } else {
        report.skipped("cargo deny advisories", "the advisory database cannot be reached");
    }
}

async fn unit_tests(report: &mut Report) -> anyhow::Result<()> {
    let owned = Owned::take("test-database")?;
    let server = async {
        venv::STACK.ensure().await?;
        stack::start_postgres(&owned.dir).await
    };
    if let Some(url) = report.prepared("PostgreSQL", server).await {
        report.run(checks::unit_tests(&url)).await;
    }
    Ok(())
}

async fn vendors_clients(report: &mut Report) {
    let prepared = async {
        venv::VENDORS.ensure().await?;
        checks::vendors_clients().await
    };
    if let Some((_owned, check)) = report.prepared("what the vendors' clients need", prepared).await {
        report.run(check).await;
    }
}

async fn pipeline_tests(report: &mut Report) {
    match stack::up("test-stack", &Llm::default()).await {
        Ok(stack) => {
            report.run(checks::pipeline_tests(&stack.owned.dir.stack_file())).await;
            println!("  logs of the stack: {}", paths::shown(&stack.owned.dir.log("*")));
        }
        Err(error) => report.failed("local stack", &error),
    }
}
