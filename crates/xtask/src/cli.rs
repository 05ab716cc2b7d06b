//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::bench::{self, Bench};
use crate::integrations::{self, Integrations};
use crate::preview_email::{self, PreviewEmail};
use crate::stack::{self, Llm, StackFile, StateDir};
use crate::{demo, eval, lambda, paths, sam, test};

/// Developer commands of the Post Session API.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
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
    Up(Llm),
    /// Stop the stack.
    Down,
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
        Command::Local(Local::Up(llm)) => local_up(llm).await?,
        Command::Local(Local::Down) => local_down(),
        Command::Demo(options) => return demo::run(options).await,
        Command::Eval(options) => eval::run(&options).await?,
        Command::Test => return test::run().await,
        Command::Build => print!("{}", lambda::sizes(&stack::build().await?)?),
        Command::Bench(command) => return bench::run(command).await,
        Command::Migrate { database_url, ca_file } => migrate(database_url, ca_file).await?,
        Command::PreviewEmail(options) => preview_email::run(options)?,
        Command::Integrations(command) => return integrations::run(command).await,
        Command::Postgres(Postgres::Restart { state_dir, crash }) => {
            stack::restart_postgres(&state_dir.map_or_else(StateDir::local, |path| StateDir { path }), crash).await?;
        }
        Command::Relay { ports } => sam::relay(&ports).await?,
        Command::Guard { owner, state_dir } => stack::guard(owner, state_dir),
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts the local stack and leaves it running, or deploys what has changed to a stack that runs.
async fn local_up(llm: Llm) -> anyhow::Result<()> {
    let dir = StateDir::local();
    if let Some(file) = stack::redeploy(&dir).await? {
        return describe(&dir, &file).await;
    }
    println!("starting the local stack");
    let stack = stack::up("local", &llm).await?;
    describe(&stack.owned.dir, &stack.file).await?;
    stack.owned.keep()
}

fn local_down() {
    let existed = stack::down(&StateDir::local());
    sam::forget();
    println!("{}", if existed { "the local stack is stopped" } else { "no local stack is running" });
}

async fn describe(dir: &StateDir, file: &StackFile) -> anyhow::Result<()> {
    println!("  notifications  {}/v1/sessions/completed", file.api_url);
    println!("  database       {}", file.database_url);
    println!("  AWS            {}", file.ministack_url);
    println!("  everything     {}", paths::shown(&dir.stack_file()));
    println!("  logs           {}", paths::shown(&dir.log("*")));
    sam::prepare(dir, file).await
}

/// Migrates the given database, or the local stack's.
async fn migrate(database_url: Option<String>, ca_file: Option<PathBuf>) -> anyhow::Result<()> {
    let local = || StateDir::local().read_stack().map(|file| file.database_url);
    let url = database_url.or_else(local).context("no local stack is running: give --database-url")?;
    let config = store::Config { url, ca_file, statement_timeout: Duration::ZERO, pool_size: 1 };
    let applied = store::migrate(&config).await.context("failed to migrate the database")?;
    for migration in &applied {
        println!("  applied {migration}");
    }
    if applied.is_empty() {
        println!("  the schema is up to date");
    }
    Ok(())
}
