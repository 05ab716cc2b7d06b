//! Starting, recognising and stopping processes.
//!
//! Everything is started in a process group of its own, so that stopping it also stops what it started itself. A
//! process is remembered by id *and* start time: ids are used again, and a stranger must not be stopped.

mod identity;

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

pub(crate) use identity::Identity;

/// Between two looks at a process that is being stopped.
const POLL: Duration = Duration::from_millis(20);

/// A command that runs while its caller waits; its whole group is killed when the caller stops waiting.
struct Group(Option<i32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0.and_then(Pid::from_raw) {
            // The group may be gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// The result of a finished command.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) stdout: String,
}

/// Runs a command to its end with its input, capturing stdout; stderr goes where the command sends it.
pub(crate) async fn capture(command: &mut Command, input: &str) -> anyhow::Result<Output> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()));
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let mut stdout = String::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut stdout).await?;
    }
    let success = child.wait().await?.success();
    group.0 = None;
    Ok(Output { success, stdout })
}

/// Runs a command to its end; what it prints goes to the log file. True when it succeeded.
pub(crate) async fn logged(command: &mut Command, log: &Path) -> anyhow::Result<bool> {
    let file = File::create(log).with_context(|| format!("failed to create {}", log.display()))?;
    let mut child = spawn(command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file))?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()));
    let success = child.wait().await?.success();
    group.0 = None;
    Ok(success)
}

/// Starts a process that outlives its caller; what it prints goes to the log file.
pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Identity> {
    let file = File::options().create(true).append(true).open(log)?;
    let child = spawn(command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(false))?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).context("the process ended at once")?;
    Identity::of(pid).with_context(|| format!("the process ended at once; see {}", log.display()))
}

fn spawn(command: &mut Command) -> anyhow::Result<Child> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.process_group(0).spawn().with_context(|| format!("failed to start {name}"))
}

/// Asks the process to end with the signal; kills its whole group after the grace period. Strangers are left alone.
pub(crate) fn stop(process: &Identity, signal: Signal, grace: Duration) {
    let Some(pid) = Pid::from_raw(process.pid) else { return };
    if process.is_stranger() {
        return;
    }
    if process.is_alive() && rustix::process::kill_process(pid, signal).is_ok() {
        let deadline = Instant::now() + grace;
        while process.is_alive() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }
    // Also when the process itself is gone: what it had started keeps its group.
    let _ = kill_process_group(pid, Signal::KILL);
    let deadline = Instant::now() + grace;
    while process.is_alive() && Instant::now() < deadline {
        std::thread::sleep(POLL);
    }
}
