//! The stand-ins of Bedrock, HubSpot, Salesforce and a webhook receiver, and the recording fronts of SES and SQS: one
//! process.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use tokio::process::Command;

use super::Options;
use super::files::StateDir;
use super::ports::{self, Ports};
use crate::process;

pub(super) const ROLE: &str = "fakes";
const START: Duration = Duration::from_secs(20);
/// The line the process prints once all listen.
const READY: &str = "ready";

pub(super) async fn start(dir: &StateDir, ports: &Ports, binary: &Path, options: &Options) -> anyhow::Result<()> {
    let address = |port: u16| format!("127.0.0.1:{port}");
    let front = |port: u16| format!("127.0.0.1:{port}=http://127.0.0.1:{}", ports.ministack);
    let log = dir.log(ROLE);
    let mut command = Command::new(binary);
    command.current_dir(dir.path());
    let llm = options.llm.url.as_ref().map(|url| format!("={url}")).unwrap_or_default();
    command.args(["--bedrock", &(address(ports.bedrock) + &llm), "--hubspot", &address(ports.hubspot)]);
    command.args(options.llm.model.iter().flat_map(|model| ["--llm-model", model]));
    command.args(["--salesforce", &address(ports.salesforce), "--webhook", &address(ports.webhook)]);
    command.args(["--ses", &front(ports.ses), "--sqs", &front(ports.sqs)]);
    let process = process::start(&mut command, &log)?;
    dir.record(ROLE, process.clone())?;
    let mut ended = false;
    let ready = ports::answers(START, async || {
        ended = !process.is_alive();
        ended || std::fs::read_to_string(&log).is_ok_and(|text| text.lines().any(|line| line == READY))
    });
    ensure!(ready.await && !ended, "the stand-ins did not start; see {}", log.display());
    Ok(())
}
