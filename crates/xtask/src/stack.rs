//! The local stack: PostgreSQL, MiniStack with `template.yaml` deployed to it, and the stand-ins of the outside world.
//!
//! Each stack lives in a directory of its own under `target/` and on ports of its own, so that a developer's stack, a
//! demo, a test run and other checkouts do not meet.

mod deploy;
mod files;
mod llm;
mod ministack;
mod ports;
mod postgres;
mod postgres_home;
mod stand_ins;

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;

use crate::lambda::Package;
use crate::process::{self, Identity};
use crate::progress::step;
use crate::{lambda, paths, venv};

pub(crate) use files::{StackFile, StateDir};
pub(crate) use llm::Llm;
pub(crate) use ports::{answers, take as free_ports};
pub(crate) use postgres::{restart as restart_postgres, start as start_postgres};

/// Time for a process to end by itself. Killing one loses nothing that is needed.
const GRACE: Duration = Duration::from_secs(5);

/// How often the owner of a stack is looked for.
const CHECK: Duration = Duration::from_millis(500);

/// A directory of `target` that this command owns: what runs there is stopped when this is dropped, unless it is kept.
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) dir: StateDir,
    _lock: files::Lock,
}

impl Owned {
    /// Stops and removes what a former command left there. A guard stops what runs there if this command is killed.
    pub(crate) fn take(name: &str) -> anyhow::Result<Self> {
        let dir = StateDir::named(name);
        let _lock = dir.lock()?;
        down(&dir);
        paths::empty(&dir.path)?;
        let owned = Self { dir, _lock };
        start_guard(&owned.dir)?;
        Ok(owned)
    }

    /// Leaves everything running after this command.
    pub(crate) fn keep(&self) -> anyhow::Result<()> {
        paths::write(&self.dir.kept_file(), "")
    }

    /// Makes the Python environment and starts its database server; returns the URL of the database.
    pub(crate) async fn postgres(&self) -> anyhow::Result<String> {
        step("Python environment", venv::STACK.ensure()).await?;
        step("PostgreSQL", start_postgres(&self.dir)).await
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.dir.kept_file().exists() {
            down(&self.dir);
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
pub(crate) async fn up(name: &str, llm: &Llm) -> anyhow::Result<Stack> {
    // An error or an interruption drops this, which stops whatever has been started.
    let owned = Owned::take(name)?;
    let dir = &owned.dir;
    let packages = build().await?;
    let fakes = step("build the stand-ins", lambda::build_fakes()).await?;
    let database_url = step("PostgreSQL", start_postgres(dir)).await?;
    let mut file = StackFile::new(dir, database_url)?;
    step("MiniStack", ministack::start(dir, &file)).await?;
    step("stand-ins", stand_ins::start(dir, &file, &fakes, llm)).await?;
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
    !processes.is_empty()
}

/// Starts a companion process that stops the stack if this process is killed and cannot stop it. The companion ends by
/// itself once the stack is stopped or kept.
fn start_guard(dir: &StateDir) -> anyhow::Result<()> {
    let owner = std::process::id().to_string();
    let mut companion = Command::new(paths::program());
    companion.args(["guard", "--owner", &owner, "--state-dir"]).arg(&dir.path);
    process::start(&mut companion, &dir.log("guard"))?;
    Ok(())
}

/// The companion of a stack: waits for the owner's end, then stops what the directory lists, unless the stack was kept.
pub(crate) fn guard(owner: i32, state_dir: PathBuf) {
    let dir = StateDir { path: state_dir };
    let Some(owner) = Identity::of(owner) else { return };
    while owner.is_alive() {
        std::thread::sleep(CHECK);
    }
    if dir.kept_file().exists() || dir.read_processes().is_none() {
        return;
    }
    // The owner held the lock. A command that has the lock now owns what the directory lists, or is stopping it.
    if let Ok(_lock) = dir.lock() {
        down(&dir);
    }
}
