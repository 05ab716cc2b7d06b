//! What can be asked for.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::integrations::Integrations;
use crate::preview_email::PreviewEmail;
use crate::progress::{heading, step};
use crate::stack::{self, StateDir};
use crate::{
    bench, demo, eval, integrations, lambda, local, migrate, paths, preview_email, sam, settings_table, test, venv,
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
    Demo(Demo),
    /// Analyse labelled conversations and print how good, how fast and how dear the analyses are.
    Eval(Eval),
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
    /// Render a mail as a visitor would get it, with any template and any session, and print where it is.
    PreviewEmail(PreviewEmail),
    /// What tenants sync to: show, save, test, enable, disable, remove, replay, and what came of it.
    #[command(subcommand)]
    Integrations(Integrations),
    /// Measurements.
    #[command(subcommand)]
    Bench(Bench),
    /// The database server of a local stack.
    #[command(subcommand)]
    Postgres(Postgres),
    /// Let containers reach ports of this machine (started by `local up`).
    #[command(hide = true)]
    Relay { ports: Vec<u16> },
    /// Stop a stack whose owner is gone (started by the other commands).
    #[command(hide = true)]
    Guard {
        #[arg(long)]
        owner: i32,
        #[arg(long)]
        state_dir: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Conversations to run instead of the six samples, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) transcripts: Option<PathBuf>,
    /// Run only the first N conversations.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Let this OpenAI-compatible server answer instead of the Bedrock stand-in; its key is taken from OPENAI_API_KEY.
    #[arg(long, value_name = "URL")]
    pub(crate) llm: Option<String>,
    /// What that server calls its model.
    #[arg(long, value_name = "NAME", requires = "llm")]
    pub(crate) llm_model: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Labelled conversations instead of the shipped ones, one JSON object a line; see crates/analyze/eval/README.md.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Ask this model or inference profile on Bedrock, with the credentials and the region of the environment.
    #[arg(long, value_name = "MODEL_ID", conflicts_with = "llm")]
    pub(crate) bedrock: Option<String>,
    /// Ask this OpenAI-compatible server; its key is taken from OPENAI_API_KEY.
    #[arg(long, value_name = "URL")]
    pub(crate) llm: Option<String>,
    /// What the OpenAI-compatible server calls its model.
    #[arg(long, value_name = "NAME", requires = "llm")]
    pub(crate) llm_model: Option<String>,
    /// Analyse only the first N conversations.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Analyse N conversations at the same time.
    #[arg(long, value_name = "N", default_value = "4")]
    pub(crate) concurrency: NonZeroUsize,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Analyse nothing: print what is different between two such documents.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["file", "bedrock", "llm", "limit"])]
    pub(crate) compare: Option<Vec<PathBuf>>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Local {
    /// Start the stack and leave it running; where it runs already, deploy what has changed.
    Up(Up),
    /// Stop the stack.
    Down,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Use this database instead of a server of the stack's own.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Let this OpenAI-compatible server answer instead of the Bedrock stand-in; its key is taken from OPENAI_API_KEY.
    #[arg(long, value_name = "URL")]
    pub(crate) llm: Option<String>,
    /// What that server calls its model.
    #[arg(long, value_name = "NAME", requires = "llm")]
    pub(crate) llm_model: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Time building prompts, validating answers, checking quotes and merging parts by the number of turns; say whether
    /// the time per turn stays flat.
    Analyze,
    /// Take the processor time of a sync beyond its requests, on a database and stand-ins of its own; say whether it is
    /// within its limit.
    CrmSync,
    /// Take the processor time of rendering and building one mail of 100 turns; say whether it is within its limit.
    Notify,
    /// Start each function, and one that does nothing, in Lambda's runtime interface emulator; print the time of their
    /// init and their memory.
    ColdStart {
        /// How often each is started.
        #[arg(long, value_name = "N", default_value = "10")]
        runs: NonZeroUsize,
    },
    /// Purge the older half of so many turns, and of their sessions' analyses and mails, while mails are written; say
    /// whether every batch is short.
    Purge {
        /// Turns.
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
        /// Break off every connection without a word.
        #[arg(long)]
        crash: bool,
    },
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Local(Local::Up(options)) => local::up(options).await?,
        Command::Local(Local::Down) => local::down(),
        Command::Demo(arguments) => return demo(arguments).await,
        Command::Eval(arguments) => eval(arguments).await?,
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
        Command::Postgres(Postgres::Restart { state_dir, crash }) => {
            let dir = state_dir.map_or_else(StateDir::local, StateDir::at);
            stack::restart_postgres(&dir, crash).await?;
        }
        Command::Relay { ports } => sam::relay(&ports).await?,
        Command::Guard { owner, state_dir } => stack::guard(owner, state_dir),
    }
    Ok(ExitCode::SUCCESS)
}

async fn demo(Demo { transcripts, limit, llm, llm_model }: Demo) -> anyhow::Result<ExitCode> {
    let options = stack::Options { llm, llm_model, ..stack::Options::default() };
    let stack = stack::up(&StateDir::demo(), &options).await?;
    let options = demo::Options { transcripts, limit, out_dir: paths::target().join("demo") };
    demo::run(stack.file(), &options).await
}

async fn eval(arguments: Eval) -> anyhow::Result<()> {
    let Eval { file, bedrock, llm, llm_model, limit, concurrency, json, compare } = arguments;
    if let Some([a, b]) = compare.as_deref() {
        return eval::compare(a, b, json);
    }
    let answers = match (bedrock, llm) {
        (Some(model), _) => eval::Answers::Bedrock(model),
        (None, Some(url)) => eval::Answers::OpenAi { url, model: llm_model },
        (None, None) => eval::Answers::StandIn,
    };
    eval::evaluate(&eval::Options { file, answers, limit, concurrency, json }).await
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
