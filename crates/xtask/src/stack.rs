//! The local stack: PostgreSQL, MiniStack with `template.yaml` deployed to it, and the stand-ins of the outside world.
//!
//! Each stack lives in a directory of its own under `target/` and on ports of its own, so that a developer's stack, a
//! demo, a test run and other checkouts do not meet.

mod deploy;
mod files;
mod guard;
mod ministack;
mod ports;
mod postgres;
mod postgres_home;
mod stand_ins;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;

use crate::lambda::Package;
use crate::progress::step;
use crate::{lambda, paths, process, venv};

pub(crate) use files::{StackFile, StateDir};
pub(crate) use guard::guard;
pub(crate) use ports::{answers, take as free_ports};
pub(crate) use postgres::{Postgres, restart as restart_postgres};

/// Time for a process to end by itself. Killing one loses nothing that is needed.
const GRACE: Duration = Duration::from_secs(5);

/// Options of a stack.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// Use this database instead of a server of the stack's own.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    #[command(flatten)]
    pub(crate) llm: Llm,
}

/// An OpenAI-compatible server that answers instead of the stand-in for Bedrock.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Llm {
    /// Let this OpenAI-compatible server answer instead of the stand-in for Bedrock; OPENAI_API_KEY holds its key.
    #[arg(long = "llm", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Name of the model on that server.
    #[arg(long = "llm-model", value_name = "NAME", requires = "url")]
    pub(crate) model: Option<String>,
}

impl Llm {
    /// Builds the stand-ins, with TLS where the server needs it.
    pub(crate) async fn build_fakes(&self) -> anyhow::Result<PathBuf> {
        lambda::build_fakes(self.url.as_ref().is_some_and(|url| url.starts_with("https://"))).await
    }
}

/// A directory that this command owns: what runs there is stopped when this is dropped, unless it is kept.
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) dir: StateDir,
    kept: bool,
    _lock: files::Lock,
}

impl Owned {
    /// Stops and removes what a former command left there. A guard stops what runs there if this command is killed.
    pub(crate) fn take(dir: StateDir) -> anyhow::Result<Self> {
        let _lock = dir.lock()?;
        down(&dir);
        paths::empty(&dir.path)?;
        let owned = Self { dir, kept: false, _lock };
        guard::start(&owned.dir)?;
        Ok(owned)
    }

    /// Leaves everything running after this command.
    pub(crate) fn keep(mut self) -> anyhow::Result<()> {
        std::fs::write(self.dir.kept_file(), "").context("failed to mark the stack as kept")?;
        self.kept = true;
        Ok(())
    }

    /// Starts a database server of its own, with the Python environment that it comes from.
    pub(crate) async fn postgres(&self) -> anyhow::Result<Postgres> {
        step("Python environment", venv::STACK.ensure()).await?;
        step("PostgreSQL", Postgres::start(&self.dir)).await
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.kept {
            stop(&self.dir);
        }
    }
}

/// A running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) file: StackFile,
    pub(crate) owned: Owned,
}

/// Starts a stack in the directory, printing each step.
pub(crate) async fn up(dir: StateDir, options: &Options) -> anyhow::Result<Stack> {
    // An error or an interruption drops this, which stops whatever has been started.
    let owned = Owned::take(dir)?;
    let dir = &owned.dir;
    let packages = build().await?;
    let fakes = step("build the stand-ins", options.llm.build_fakes()).await?;
    let database_url = match &options.database_url {
        Some(url) => url.clone(),
        None => step("PostgreSQL", Postgres::start(dir)).await?.url,
    };
    let mut file = StackFile::new(dir, database_url)?;
    step("MiniStack", ministack::start(dir, &file)).await?;
    step("stand-ins", stand_ins::start(dir, &file, &fakes, &options.llm)).await?;
    file.pids = dir.read_processes().unwrap_or_default();
    deploy(dir, &mut file, &packages).await?;
    Ok(Stack { file, owned })
}

/// Deploys what has changed to a stack that runs already; `None` if none does.
pub(crate) async fn redeploy(dir: &StateDir) -> anyhow::Result<Option<StackFile>> {
    let _lock = dir.lock()?;
    let Some(mut file) = dir.read_stack().filter(StackFile::is_running) else { return Ok(None) };
    deploy(dir, &mut file, &build().await?).await?;
    Ok(Some(file))
}

/// Builds the functions, and makes the Python environment that zips and deploys them.
pub(crate) async fn build() -> anyhow::Result<Vec<Package>> {
    step("Python environment", venv::STACK.ensure()).await?;
    step("build the functions", lambda::build()).await
}

async fn deploy(dir: &StateDir, file: &mut StackFile, packages: &[Package]) -> anyhow::Result<()> {
    step("deploy template.yaml", deploy::deploy(file, packages)).await?;
    step("migrate the database", deploy::migrate(file)).await?;
    dir.write_stack(file)
}

/// Stops what was started in the directory; true if there was something. Its logs stay.
pub(crate) fn down(dir: &StateDir) -> bool {
    let existed = dir.read_processes().is_some_and(|processes| !processes.is_empty());
    stop(dir);
    existed
}

fn stop(dir: &StateDir) {
    let processes = dir.read_processes().unwrap_or_default();
    // MiniStack first: its functions hold connections to the others. SIGINT is PostgreSQL's fast shutdown; SIGTERM would
    // wait for the clients.
    for (role, signal) in
        [(ministack::ROLE, Signal::TERM), (stand_ins::ROLE, Signal::TERM), (postgres::ROLE, Signal::INT)]
    {
        if let Some(process) = processes.get(role) {
            process::stop(process, signal, GRACE);
        }
    }
    if processes.contains_key(postgres::ROLE) {
        postgres::remove_data(dir);
    }
    // Processes that not every stack has: the relay for containers, the emulator of a benchmark.
    for process in processes.values().filter(|process| process.is_alive()) {
        process::stop(process, Signal::TERM, GRACE);
    }
    dir.forget();
}
