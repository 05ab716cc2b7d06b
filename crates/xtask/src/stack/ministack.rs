//! MiniStack: the AWS emulator the template is deployed to. It also runs the functions, as its own children.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::files::{StackFile, StateDir, address};
use super::ports;
use crate::function::local_http;
use crate::{process, venv};

pub(super) const ROLE: &str = "ministack";
/// From the start to answering; half a second where Python's files are in memory.
const START: Duration = Duration::from_secs(60);

pub(super) async fn start(dir: &StateDir, stack: &StackFile) -> anyhow::Result<()> {
    let home = dir.path.join("ministack");
    let temporary = home.join("tmp");
    std::fs::create_dir_all(&temporary)?;
    let (host, port) = address(&stack.ministack_url).split_once(':').context("MiniStack has no port")?;
    let log = dir.log(ROLE);
    let mut command = Command::new(venv::STACK.python());
    command.current_dir(&home).args(["-m", "ministack"]);
    // The functions inherit this environment: whatever the developer has set for AWS must not reach them.
    command.env_clear().envs([("PATH", std::env::var_os("PATH").unwrap_or_default())]);
    command.env("HOME", &home).env("TMPDIR", &temporary).envs(stack.aws()?).envs([
        ("GATEWAY_PORT", port),
        ("BIND_HOST", host),
        ("MINISTACK_HOST", host),
        ("MINISTACK_REGION", &stack.region),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        // Further listeners on fixed ports, and a daemon it would look for.
        ("SFTP_ENABLED", "0"),
        ("IOT_MTLS_ENABLED", "0"),
        ("DOCKER_HOST", "unix:///nonexistent"),
    ]);
    dir.record(ROLE, process::start(&mut command, &log)?)?;
    let (http, url) = (local_http().build()?, format!("{}/_ministack/ready", stack.ministack_url));
    let ready = ports::answers(START, async || http.get(&url).send().await.is_ok_and(|it| it.status().is_success()));
    ensure!(ready.await, "MiniStack did not start; see {}", log.display());
    Ok(())
}
