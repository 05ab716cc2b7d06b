//! MiniStack: the AWS emulator the template is deployed to. It also runs the functions, as its own children.

use std::time::Duration;

use anyhow::ensure;
use tokio::process::Command;

use super::files::StateDir;
use super::ports::Ports;
use super::{deploy, ports};
use crate::process;
use crate::venv;

pub(super) const ROLE: &str = "ministack";
/// From the start to answering; half a second where Python's files are in memory.
const START: Duration = Duration::from_secs(60);

pub(super) async fn start(dir: &StateDir, ports: &Ports) -> anyhow::Result<()> {
    let home = dir.path().join("ministack");
    let temporary = home.join("tmp");
    std::fs::create_dir_all(&temporary)?;
    let log = dir.log(ROLE);
    let mut command = Command::new(venv::STACK.python());
    // The functions inherit this environment: whatever the developer has set for AWS must not reach them.
    command.env_clear().current_dir(&home).args(["-m", "ministack"]);
    command.envs([("PATH", std::env::var_os("PATH").unwrap_or_default())]);
    command.env("HOME", &home).env("TMPDIR", &temporary);
    command.envs(environment(ports));
    dir.record(ROLE, process::start(&mut command, &log)?)?;
    let url = format!("http://127.0.0.1:{}/_ministack/ready", ports.ministack);
    let ready =
        ports::answers(START, async || reqwest::get(&url).await.is_ok_and(|response| response.status().is_success()));
    ensure!(ready.await, "MiniStack did not start; see {}", log.display());
    Ok(())
}

fn environment(ports: &Ports) -> Vec<(&'static str, String)> {
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    vec![
        ("GATEWAY_PORT", ports.ministack.to_string()),
        ("BIND_HOST", "127.0.0.1".to_owned()),
        ("MINISTACK_HOST", "127.0.0.1".to_owned()),
        ("MINISTACK_REGION", deploy::REGION.to_owned()),
        ("AWS_DEFAULT_REGION", deploy::REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        // Further listeners on fixed ports, and a daemon it would look for.
        ("SFTP_ENABLED", "0".to_owned()),
        ("IOT_MTLS_ENABLED", "0".to_owned()),
        ("DOCKER_HOST", "unix:///nonexistent".to_owned()),
        ("AWS_ENDPOINT_URL", url(ports.ministack)),
        ("AWS_ENDPOINT_URL_SESV2", url(ports.ses)),
        ("AWS_ENDPOINT_URL_SQS", url(ports.sqs)),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url(ports.bedrock)),
    ]
}
