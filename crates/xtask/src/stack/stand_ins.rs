//! The stand-ins of Bedrock, HubSpot, Salesforce and a webhook receiver, and the recording fronts of SES and SQS: one
//! process.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use reqwest::Url;
use tokio::process::Command;

use super::files::{StackFile, StateDir, address};
use super::{Llm, Owned, ports};
use crate::{lambda, process};

pub(super) const ROLE: &str = "fakes";
const START: Duration = Duration::from_secs(20);
/// The line the process prints once all listen.
const READY: &str = "ready";

/// Starts the stand-ins of a stack.
pub(super) async fn start(dir: &StateDir, stack: &StackFile, binary: &Path, llm: &Llm) -> anyhow::Result<()> {
    let log = dir.log(ROLE);
    let mut command = Command::new(binary);
    command.current_dir(&dir.path);
    for (name, url) in &stack.fakes {
        let behind = match name.as_str() {
            "ses" | "sqs" => Some(stack.ministack_url.as_str()),
            "bedrock" => llm.url.as_ref().map(Url::as_str),
            _ => None,
        };
        let behind = behind.map(|url| format!("={url}")).unwrap_or_default();
        command.args([format!("--{name}"), format!("{}{behind}", address(url))]);
    }
    command.args(llm.model.iter().flat_map(|model| ["--llm-model", model]));
    let process = process::start(&mut command, &log)?;
    dir.record(ROLE, process.clone())?;
    let says_ready = || std::fs::read_to_string(&log).is_ok_and(|text| text.lines().any(|line| line == READY));
    let ready = ports::answers(START, async || says_ready() || !process.is_alive()).await;
    ensure!(ready && process.is_alive(), "the stand-ins did not start; see {}", log.display());
    Ok(())
}

impl Owned {
    /// Builds and starts these stand-ins without a stack, and returns their URLs.
    pub(crate) async fn stand_ins<const N: usize>(&self, names: [&str; N], llm: &Llm) -> anyhow::Result<[String; N]> {
        let urls = ports::take::<N>()?.map(|port| format!("http://127.0.0.1:{port}"));
        let fakes = names.into_iter().map(str::to_owned).zip(urls.clone()).collect();
        start(&self.dir, &StackFile { fakes, ..StackFile::default() }, &lambda::build_fakes().await?, llm).await?;
        Ok(urls)
    }
}
