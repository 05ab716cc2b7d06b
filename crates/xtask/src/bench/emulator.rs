//! Lambda's runtime interface emulator, as `sam` ships it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::function::local_http;
use crate::process::{self, Identity};
use crate::stack::{StateDir, answers, free_ports};
use crate::venv;

const ROLE: &str = "emulator";
/// Until the emulator listens; it starts the function only when it is asked for something.
const START: Duration = Duration::from_secs(10);
/// Lambda itself gives an init ten seconds.
const INVOCATION: Duration = Duration::from_secs(15);
/// Time of the emulator to end its function.
const GRACE: Duration = Duration::from_secs(2);

/// One start of a function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ColdStart {
    pub(super) init_ms: f64,
    pub(super) peak_bytes: u64,
}

/// A running emulator and, once that is known, its function; both are stopped when dropped.
struct Running {
    emulator: Identity,
    function: Option<Identity>,
}

impl Drop for Running {
    fn drop(&mut self) {
        process::stop(&self.emulator, Signal::TERM, GRACE);
        if let Some(function) = &self.function {
            process::stop(function, Signal::KILL, GRACE);
        }
    }
}

/// Finds the emulator's program.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    ensure!(cfg!(target_os = "linux"), "the runtime interface emulator only runs on Linux");
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let path = venv::CHECK.site_packages()?.join(format!("samcli/local/rapid/aws-lambda-rie-{architecture}"));
    ensure!(path.is_file(), "aws-sam-cli has no runtime interface emulator");
    Ok(path)
}

/// Starts the function in the emulator, has it answer one event, and stops it.
pub(super) async fn cold_start(
    emulator: &Path,
    dir: &StateDir,
    binary: &Path,
    environment: &[(&str, &str)],
    event: &'static str,
) -> anyhow::Result<ColdStart> {
    let log = dir.log(ROLE);
    // Each start has a log of its own, so that there is one report to find.
    let _ = std::fs::remove_file(&log);
    let [invocations, runtime_api] = free_ports()?.map(|port| format!("127.0.0.1:{port}"));
    let mut command = Command::new(emulator);
    command.env_clear().current_dir(&dir.path).envs(environment.iter().copied());
    command.args(["--runtime-interface-emulator-address", &invocations, "--runtime-api-address", &runtime_api]);
    let emulator = process::start(command.arg(binary), &log)?;
    dir.record(ROLE, emulator.clone())?;
    let mut running = Running { emulator, function: None };
    let listens = answers(START, async || TcpStream::connect(&invocations).await.is_ok());
    ensure!(listens.await, "the emulator did not start; see {}", log.display());
    invoke(&invocations, event).await.with_context(|| format!("see {}", log.display()))?;
    let init_ms = init_ms(&std::fs::read_to_string(&log)?)
        .with_context(|| format!("no report of a successful init in {}", log.display()))?;
    let function = child_of(running.emulator.pid).context("the function has ended")?;
    running.function = Identity::of(function);
    let status = std::fs::read_to_string(format!("/proc/{function}/status"))?;
    Ok(ColdStart { init_ms, peak_bytes: peak_bytes(&status).context("the system reports no peak memory")? })
}

async fn invoke(address: &str, event: &'static str) -> anyhow::Result<()> {
    let url = format!("http://{address}/2015-03-31/functions/function/invocations");
    let http = local_http().timeout(INVOCATION).build()?;
    let text = http.post(url).body(event).send().await.context("the function gave no answer")?.text().await?;
    ensure!(!text.is_empty() && !text.contains("\"errorType\""), "the function answered {text:?}");
    Ok(())
}

/// Milliseconds of a successful init in the emulator's log. Its REPORT line's "Init Duration" leaves most of it out.
fn init_ms(log: &str) -> Option<f64> {
    let (_, rest) = log.split_once("INIT RTDONE(status: success)")?;
    let (_, rest) = rest.split_once("INIT REPORT(durationMs: ")?;
    rest.split_once(')')?.0.parse().ok()
}

/// `VmHWM` of proc_pid_status(5).
fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The one process that this one has started, by any of its threads.
fn child_of(pid: i32) -> Option<i32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let children = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    children.flat_map(|list| list.split_whitespace().map(str::parse).collect::<Vec<_>>()).find_map(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
23 Nov 2026 01:20:11,413 [INFO] (rapid) INIT START(type: on-demand, phase: init)
START RequestId: 4169311e-a4aa-4962-869b-18ce7023e1bd Version: $LATEST
23 Nov 2026 01:20:11,451 [INFO] (rapid) INIT RTDONE(status: success)
23 Nov 2026 01:20:11,451 [INFO] (rapid) INIT REPORT(durationMs: 38.155000)
23 Nov 2026 01:20:11,452 [INFO] (rapid) INVOKE START(requestId: 4169311e-a4aa-4962-869b-18ce7023e1bd)
REPORT RequestId: 4169311e-a4aa-4962-869b-18ce7023e1bd\tInit Duration: 0.13 ms\tDuration: 38.58 ms
";

    #[test]
    fn the_init_report_is_read_and_not_the_reports_init_duration() {
        assert_eq!(init_ms(LOG), Some(38.155));
    }

    #[test]
    fn an_init_that_failed_is_no_measurement() {
        assert_eq!(init_ms(&LOG.replace("status: success", "status: error")), None);
        assert_eq!(init_ms(&LOG.replace("INIT REPORT", "")), None);
        assert_eq!(init_ms(""), None);
    }

    #[test]
    fn peak_memory_is_in_kibibytes() {
        assert_eq!(peak_bytes("Name:\tingest\nVmPeak:\t  80000 kB\nVmHWM:\t    9900 kB\n"), Some(9900 * 1024));
        assert_eq!(peak_bytes("Name:\tkthread\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_is_found_by_the_one_that_started_it() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let found = child_of(own);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.is_some());
    }
}
