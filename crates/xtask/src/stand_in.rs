//! Stand-ins for this command alone: they end with it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Until they listen.
const START: Duration = Duration::from_secs(20);
/// The line the process prints then.
const READY: &str = "ready";

/// A process of stand-ins; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct StandIn(#[expect(dead_code, reason = "is killed when it is dropped")] Child);

impl StandIn {
    /// Returns when all that the arguments ask for listen.
    pub(crate) async fn start(
        fakes: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(fakes);
        command.args(arguments).args(["--parent-pid", &std::process::id().to_string()]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().context("the stand-in has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(START, lines.next_line()).await;
        let ready = ready.context("the stand-in did not start in time")??;
        ensure!(ready.as_deref() == Some(READY), "the stand-in did not start");
        Ok(Self(child))
    }
}
