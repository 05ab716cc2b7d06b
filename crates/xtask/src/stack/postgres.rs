//! The PostgreSQL server of a stack: the real one, from a Python wheel.

use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::files::{Processes, StateDir};
use super::ports;
use super::postgres_home::Home;
use crate::process;

pub(super) const ROLE: &str = "postgres";
/// Also after a crash, when it first recovers.
const START: Duration = Duration::from_secs(60);
/// Time to disconnect clients and to end.
const GRACE: Duration = Duration::from_secs(5);
/// Every warm function keeps a connection; the tests of `store` open one database each.
const CONNECTIONS: &str = "max_connections=300";

/// A running server.
#[derive(Debug)]
pub(crate) struct Postgres {
    port: u16,
}

impl Postgres {
    /// Starts a server with an empty data directory.
    pub(crate) async fn start(dir: &StateDir, port: u16) -> anyhow::Result<Self> {
        let home = Home::prepare(dir)?;
        let mut initdb = home.command("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
        initdb.arg(home.data());
        let log = dir.log("initdb");
        ensure!(process::logged(&mut initdb, &log).await?, "initdb failed; see {}", log.display());
        launch(dir, &home, port).await?;
        Ok(Self { port })
    }

    /// Starts a server on a free port.
    pub(crate) async fn start_anywhere(dir: &StateDir) -> anyhow::Result<Self> {
        Self::start(dir, ports::one()?).await
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

async fn launch(dir: &StateDir, home: &Home, port: u16) -> anyhow::Result<()> {
    let log = dir.log(ROLE);
    let mut server = home.command("postgres");
    server.arg("-D").arg(home.data()).args(["-p", &port.to_string()]);
    // Nothing needs to survive a power cut; a crash of the server must lose nothing, so commits stay synchronous.
    let settings = ["fsync=off", "full_page_writes=off", CONNECTIONS];
    let network = ["listen_addresses=127.0.0.1", "unix_socket_directories="];
    for setting in settings.iter().chain(&network).chain(&["timezone=UTC", "log_line_prefix=%m [%p] %a "]) {
        server.args(["-c", setting]);
    }
    let process = process::start(&mut server, &log)?;
    dir.record(ROLE, process.clone())?;
    let ready = ports::answers(START, async || !process.is_alive() || accepts(home, port).await);
    ensure!(ready.await && process.is_alive(), "PostgreSQL did not start; see {}", log.display());
    Ok(())
}

async fn accepts(home: &Home, port: u16) -> bool {
    let mut ask = home.command("pg_isready");
    ask.args(["--quiet", "-h", "127.0.0.1", "-p", &port.to_string()]);
    process::capture(&mut ask, "").await.is_ok_and(|output| output.success)
}

/// Restarts the server of a running stack on its port. Crashing, it drops its connections without a word.
pub(crate) async fn restart(dir: &StateDir, crash: bool) -> anyhow::Result<()> {
    let mut file = dir.read_stack().context("no stack runs there")?;
    let port = file.database_url.rsplit(':').next().and_then(|end| end.split('/').next());
    let port = port.and_then(|port| port.parse().ok()).context("database_url has no port")?;
    let processes = dir.read_processes().unwrap_or_default();
    let process = processes.get(ROLE).context("the stack has no PostgreSQL of its own")?;
    process::stop(process, if crash { Signal::QUIT } else { Signal::INT }, GRACE);
    launch(dir, &Home::of(dir)?, port).await?;
    file.pids = dir.read_processes().unwrap_or_default();
    dir.write_stack(&file)
}

/// Removes the data of a server that has been stopped.
pub(super) fn remove_data(dir: &StateDir, processes: &Processes) {
    if processes.contains_key(ROLE)
        && let Ok(home) = Home::of(dir)
    {
        let _ = std::fs::remove_dir_all(home.data());
    }
}
