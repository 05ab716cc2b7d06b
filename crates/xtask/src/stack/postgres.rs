//! The PostgreSQL server of a stack: the real one, from a Python wheel.

use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::files::StateDir;
use super::postgres_home::Home;
use super::{GRACE, ports};
use crate::process;

pub(super) const ROLE: &str = "postgres";
/// Also after a crash, when it first recovers.
const START: Duration = Duration::from_secs(60);
/// Every warm function keeps a connection; the tests of `store` open one database each.
const CONNECTIONS: &str = "max_connections=300";

/// Starts a server with an empty data directory on a free port, and returns the URL of its database.
pub(crate) async fn start(dir: &StateDir) -> anyhow::Result<String> {
    let [port] = ports::take()?;
    let home = Home::prepare(dir)?;
    let mut initdb = home.command("initdb");
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
    initdb.arg(home.data());
    let log = dir.log("initdb");
    ensure!(process::logged(&mut initdb, &log).await?, "initdb failed; see {}", log.display());
    launch(dir, &home, port).await?;
    Ok(url(port))
}

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

async fn launch(dir: &StateDir, home: &Home, port: u16) -> anyhow::Result<()> {
    let log = dir.log(ROLE);
    let mut server = home.command("postgres");
    server.arg("-D").arg(home.data()).args(["-p", &port.to_string()]);
    // Nothing needs to survive a power cut; a crash of the server must lose nothing, so commits stay synchronous.
    server.args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", CONNECTIONS]);
    server.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    server.args(["-c", "timezone=UTC", "-c", "log_line_prefix=%m [%p] %a "]);
    let process = process::start(&mut server, &log)?;
    dir.record(ROLE, process.clone())?;
    let url = url(port);
    let ready = ports::answers(START, async || {
        !process.is_alive() || tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_ok()
    });
    ensure!(ready.await && process.is_alive(), "PostgreSQL did not start; see {}", log.display());
    Ok(())
}

/// Restarts the server of a running stack on its port. Crashing, it drops its connections without a word.
pub(crate) async fn restart(dir: &StateDir, crash: bool) -> anyhow::Result<()> {
    let mut file = dir.read_stack().context("no stack runs there")?;
    let port = reqwest::Url::parse(&file.database_url)?.port().context("database_url has no port")?;
    let processes = dir.read_processes().unwrap_or_default();
    let process = processes.get(ROLE).context("the stack has no PostgreSQL of its own")?;
    process::stop(process, if crash { Signal::QUIT } else { Signal::INT }, GRACE);
    launch(dir, &Home::of(dir)?, port).await?;
    file.pids = dir.read_processes().unwrap_or_default();
    dir.write_stack(&file)
}

/// Removes the data of a server that has been stopped.
pub(super) fn remove_data(dir: &StateDir) {
    if let Ok(home) = Home::of(dir) {
        let _ = std::fs::remove_dir_all(home.data());
    }
}
