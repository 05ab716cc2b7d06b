//! The process that an id means.

use serde::{Deserialize, Serialize};

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
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned))?
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
