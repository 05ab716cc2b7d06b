//! Which process an id means.

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// A process id together with when that process started, in whatever unit the system tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    pub(crate) started: String,
}

impl Identity {
    /// The process that has this id now; `None` if there is none, or only its remains waiting to be collected.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, started: start_time(pid)? })
    }

    pub(crate) fn is_alive(&self) -> bool {
        start_time(self.pid).as_ref() == Some(&self.started)
    }

    /// True when the id now belongs to somebody else.
    pub(crate) fn is_stranger(&self) -> bool {
        start_time(self.pid).is_some_and(|started| started != self.started)
    }
}

fn start_time(pid: i32) -> Option<String> {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => from_stat(&stat),
        Err(_) if std::path::Path::new("/proc/self/stat").exists() => None,
        Err(_) => from_ps(pid),
    }
}

/// Field 22 of proc_pid_stat(5), clock ticks since boot. The second field may hold spaces and parentheses.
fn from_stat(stat: &str) -> Option<String> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned))?
}

fn from_ps(pid: i32) -> Option<String> {
    test_kill_process(Pid::from_raw(pid)?).ok()?;
    let output = std::process::Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
    let started = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!started.is_empty()).then_some(started)
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
