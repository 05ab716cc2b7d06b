//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::integrations::Integrations;
use crate::preview_email::PreviewEmail;
use crate::progress::{heading, step};
use crate::stack::{self, StateDir};
use crate::{
    bench, demo, eval, integrations, lambda, local, migrate, outcomes_table, preview_email, sam, settings_table, test,
    venv,
};

/// Developer commands of the Post Session API.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The local stack: PostgreSQL, an AWS emulator with template.yaml deployed, stand-ins of the outside world.
    #[command(subcommand)]
    Local(Local),
    /// Run conversations through a stack of their own and write target/demo/report.html.
    Demo(demo::Options),
    /// Analyse labelled conversations and print the quality, time and cost of the analyses.
    Eval(eval::Options),
    /// Run every check: format, lints, docs, template, unit and store tests, vendors' clients, the whole pipeline.
    Test,
    /// Build the Lambda functions and zip them, with their sizes.
    Build,
    /// Bring the schema of a database up to date.
    Migrate {
        /// The database; the local stack's if not given.
        #[arg(long, value_name = "URL")]
        database_url: Option<String>,
        /// PEM file with root certificates of the server beyond the public ones.
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
    },
    /// Print the table of tenant settings as Markdown.
    SettingsTable {
        /// Write it into crates/domain/SETTINGS.md instead.
        #[arg(long)]
        write: bool,
    },
    /// Print the table of what ends or delays a sync as Markdown.
    OutcomesTable {
        /// Write it into crates/crm-sync/docs/outcomes.md instead.
        #[arg(long)]
        write: bool,
    },
    /// Render a mail as a visitor would get it, with any template and any session, and print the paths of its files.
    PreviewEmail(PreviewEmail),
    /// Show, save, test, enable, disable, remove or replay integrations, and list their syncs and requests.
    #[command(subcommand)]
    Integrations(Integrations),
    /// Measurements.
    #[command(subcommand)]
    Bench(Bench),
    /// The database server of a local stack.
    #[command(subcommand)]
    Postgres(Postgres),
    /// Let containers reach ports of this machine (`local up` starts this).
    #[command(hide = true)]
    Relay { ports: Vec<u16> },
    /// Stop a stack whose owner has ended (the other commands start this).
    #[command(hide = true)]
    Guard {
        #[arg(long)]
        owner: i32,
        #[arg(long)]
        state_dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Local {
    /// Start the stack and leave it running; if it runs already, deploy what has changed.
    Up(stack::Options),
    /// Stop the stack.
    Down,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Time building prompts, validating answers, checking quotes and merging parts by the number of turns; say whether
    /// the time per turn stays flat.
    Analyze,
    /// Measure the processor time of a sync beyond its requests, on a database and stand-ins of its own; say whether it
    /// is within its limit.
    CrmSync,
    /// Measure the processor time of rendering and building one mail of 100 turns; say whether it is within its limit.
    Notify,
    /// Start each function, and a function that does nothing, in Lambda's runtime interface emulator; print the time of their
    /// init and their memory.
    ColdStart {
        /// Number of starts of each function.
        #[arg(long, value_name = "N", default_value = "10")]
        runs: NonZeroUsize,
    },
    /// Purge the older half of N turns, and of their sessions' analyses and mails, while mails are written; say
    /// whether every batch is short.
    Purge {
        /// Number of turns.
        #[arg(long, value_name = "N", default_value = "1000000")]
        rows: u64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Postgres {
    /// Restart the server on its port.
    Restart {
        /// The stack's directory; `target/local` if not given.
        #[arg(long)]
        state_dir: Option<PathBuf>,
        /// Close every connection without a message to its client.
        #[arg(long)]
        crash: bool,
    },
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Local(Local::Up(options)) => local::up(options).await?,
        Command::Local(Local::Down) => local::down(),
        Command::Demo(options) => return demo::run(options).await,
        Command::Eval(options) => eval::run(&options).await?,
        Command::Test => return test::run().await,
        Command::Build => build().await?,
        Command::Bench(Bench::Analyze) => return bench::analyze().await,
        Command::Bench(Bench::CrmSync) => return bench::crm_sync().await,
        Command::Bench(Bench::Notify) => return bench::notify().await,
        Command::Bench(Bench::ColdStart { runs }) => bench::cold_start(runs.get()).await?,
        Command::Bench(Bench::Purge { rows }) => return bench::purge(rows).await,
        Command::Migrate { database_url, ca_file } => migrate::run(database_url, ca_file).await?,
        Command::PreviewEmail(options) => preview_email::run(options)?,
        Command::Integrations(command) => return integrations::run(command).await,
        Command::SettingsTable { write } => settings_table::run(write)?,
        Command::OutcomesTable { write } => outcomes_table::run(write)?,
        Command::Postgres(Postgres::Restart { state_dir, crash }) => {
            let dir = state_dir.map_or_else(StateDir::local, StateDir::at);
            stack::restart_postgres(&dir, crash).await?;
        }
        Command::Relay { ports } => sam::relay(&ports).await?,
        Command::Guard { owner, state_dir } => stack::guard(owner, state_dir),
    }
    Ok(ExitCode::SUCCESS)
}

async fn build() -> anyhow::Result<()> {
    step("Python environment", venv::STACK.ensure()).await?;
    let packages = step("build the functions", lambda::build()).await?;
    heading("  function          binary      zip");
    for package in packages {
        heading(&format!("  {}", package.sizes()));
    }
    Ok(())
}
