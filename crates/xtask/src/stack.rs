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

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;

use crate::lambda::Package;
use crate::progress::step;
use crate::{lambda, process, venv};

pub(crate) use files::{Lock, StackFile, StateDir};
pub(crate) use guard::{guard, start as start_guard};
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

/// A running stack; stopped when dropped, unless it is kept.
#[derive(Debug)]
pub(crate) struct Stack {
    dir: StateDir,
    file: StackFile,
    _lock: files::Lock,
    kept: bool,
}

impl Stack {
    /// The content of `stack.json`.
    pub(crate) fn file(&self) -> &StackFile {
        &self.file
    }

    pub(crate) fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// Leaves the stack running after this command.
    pub(crate) fn keep(mut self) -> anyhow::Result<()> {
        self.dir.mark_kept()?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !self.kept {
            stop(&self.dir);
        }
    }
}

/// Starts a stack in the directory, printing each step. What a former stack left there is stopped and removed.
pub(crate) async fn up(dir: &StateDir, options: &Options) -> anyhow::Result<Stack> {
    let lock = dir.lock()?;
    down(dir);
    dir.clear()?;
    // From here on an error or an interruption drops the stack, which stops whatever has been started.
    let mut stack = Stack { dir: dir.clone(), file: StackFile::default(), _lock: lock, kept: false };
    guard::start(dir)?;
    step("Python environment", venv::STACK.ensure()).await?;
    let packages = step("build the functions", lambda::build()).await?;
    let fakes = step("build the stand-ins", options.llm.build_fakes()).await?;
    stack.file = start(dir, options, &packages, &fakes).await?;
    Ok(stack)
}

async fn start(dir: &StateDir, options: &Options, packages: &[Package], fakes: &Path) -> anyhow::Result<StackFile> {
    let ports = ports::free()?;
    let database_url = match &options.database_url {
        Some(url) => url.clone(),
        None => step("PostgreSQL", Postgres::start(dir, ports.postgres)).await?.url(),
    };
    step("MiniStack", ministack::start(dir, &ports)).await?;
    step("stand-ins", stand_ins::start(dir, &ports, fakes, options)).await?;
    let mut file = StackFile::new(&ports, database_url, dir)?;
    step("deploy template.yaml", deploy::deploy(&mut file, packages)).await?;
    step("migrate the database", deploy::migrate(&file)).await?;
    dir.write_stack(&file)?;
    Ok(file)
}

/// Deploys what has changed to a stack that runs already; `None` if none does.
pub(crate) async fn redeploy(dir: &StateDir) -> anyhow::Result<Option<StackFile>> {
    let _lock = dir.lock()?;
    let Some(mut file) = dir.read_stack().filter(|file| file.is_running()) else { return Ok(None) };
    step("Python environment", venv::STACK.ensure()).await?;
    let packages = step("build the functions", lambda::build()).await?;
    step("deploy template.yaml", deploy::deploy(&mut file, &packages)).await?;
    step("migrate the database", deploy::migrate(&file)).await?;
    dir.write_stack(&file).context("failed to write stack.json")?;
    Ok(Some(file))
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
    postgres::remove_data(dir, &processes);
    // Processes that not every stack has: the relay for containers, the emulator of a benchmark.
    for process in processes.values().filter(|process| process.is_alive()) {
        process::stop(process, Signal::TERM, GRACE);
    }
    dir.forget();
}
