//! A companion process that stops a stack when the command owning it was killed and could not stop it itself.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use super::{StateDir, down};
use crate::paths;
use crate::process::{self, Identity};

/// How often the owner is looked for.
const CHECK: Duration = Duration::from_millis(500);

/// Starts the companion for this process. It ends by itself once the stack is stopped or kept.
pub(super) fn start(dir: &StateDir) -> anyhow::Result<()> {
    let owner = std::process::id().to_string();
    let mut companion = Command::new(paths::program());
    companion.args(["guard", "--owner", &owner, "--state-dir"]).arg(&dir.path);
    process::start(&mut companion, &dir.log("guard"))?;
    Ok(())
}

/// The companion: waits for the owner's end, then stops what the directory still lists, unless the stack was kept.
pub(crate) fn guard(owner: i32, state_dir: PathBuf) {
    let dir = StateDir { path: state_dir };
    let Some(owner) = Identity::of(owner) else { return };
    while owner.is_alive() {
        std::thread::sleep(CHECK);
    }
    if dir.kept_file().exists() || dir.read_processes().is_none() {
        return;
    }
    // The owner held the lock. A command that has the lock now owns what the directory lists, or is stopping it.
    if let Ok(_lock) = dir.lock() {
        down(&dir);
    }
}
