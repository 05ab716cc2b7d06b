//! Starting, recognising and stopping processes.
//!
//! Everything is started in a process group of its own, so that stopping it also stops what it started itself. A
//! process is remembered by id *and* start time: ids are used again, and a stranger must not be stopped.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Between two looks at a process that is being stopped.
const POLL: Duration = Duration::from_millis(20);

/// A process id together with the time when that process started, in clock ticks since the machine's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    pub(crate) started: String,
}

impl Identity {
    /// The process that has this id now; `None` for a process that has ended, collected by its parent or not.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, started: start_time(pid)? })
    }

    pub(crate) fn is_alive(&self) -> bool {
        start_time(self.pid).as_ref() == Some(&self.started)
    }

    /// True if the id now belongs to another process.
    pub(crate) fn is_stranger(&self) -> bool {
        start_time(self.pid).is_some_and(|started| started != self.started)
    }
}

fn start_time(pid: i32) -> Option<String> {
    from_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22 of proc_pid_stat(5), clock ticks since boot. The second field may hold spaces and parentheses.
fn from_stat(stat: &str) -> Option<String> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    (fields.next()? != "Z").then(|| fields.nth(18).map(str::to_owned))?
}

/// A command that runs while its caller waits; its whole group is killed when the caller stops waiting.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // A child that was waited for has no id any more.
        if let Some(pid) = pid(&self.0).and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

fn pid(child: &Child) -> Option<i32> {
    child.id().and_then(|id| i32::try_from(id).ok())
}

/// The result of a finished command.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) stdout: String,
}

/// Runs a command to its end with its input, capturing stdout; stderr goes where the command sends it.
pub(crate) async fn capture(command: &mut Command, input: &str) -> anyhow::Result<Output> {
    let mut group = Group(spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?);
    if let Some(mut stdin) = group.0.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let mut stdout = String::new();
    if let Some(mut pipe) = group.0.stdout.take() {
        pipe.read_to_string(&mut stdout).await?;
    }
    Ok(Output { success: group.0.wait().await?.success(), stdout })
}

/// Runs a command to its end; what it prints goes to the log file. True when it succeeded.
pub(crate) async fn logged(command: &mut Command, log: &Path) -> anyhow::Result<bool> {
    let file = File::create(log).with_context(|| format!("failed to create {}", log.display()))?;
    let mut group = Group(spawn(command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file))?);
    Ok(group.0.wait().await?.success())
}

/// The last lines of a log.
pub(crate) fn end_of(log: &Path, lines: usize) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Starts a process that outlives its caller; what it prints goes to the log file.
pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Identity> {
    let file = File::options().create(true).append(true).open(log)?;
    let child = spawn(command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(false))?;
    Identity::of(pid(&child).context("the process ended at once")?)
        .with_context(|| format!("the process ended at once; see {}", log.display()))
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
    let wait = || {
        let deadline = Instant::now() + grace;
        while process.is_alive() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    };
    if process.is_alive() && rustix::process::kill_process(pid, signal).is_ok() {
        wait();
    }
    // Also when the process itself is gone: what it had started keeps its group.
    let _ = kill_process_group(pid, Signal::KILL);
    wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_parentheses_does_not_shift_the_start_time() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1";
        assert_eq!(from_stat(stat).as_deref(), Some("987654"));
    }

    #[test]
    fn a_process_that_has_ended_but_was_not_collected_is_not_alive() {
        let stat = "42 (x) Z 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1";
        assert_eq!(from_stat(stat), None);
    }

    #[test]
    fn an_id_used_again_is_a_stranger() {
        let own = i32::try_from(std::process::id()).expect("a process id");
        let me = Identity::of(own).expect("this process is alive");
        let before = Identity { started: "before".to_owned(), ..me.clone() };
        assert!(me.is_alive() && !me.is_stranger());
        assert!(!before.is_alive() && before.is_stranger());
    }
}
