//! Python environments under `target/`, made from pinned lists and made again when a list changes.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use tokio::process::Command;

use crate::{paths, process};

/// A virtual environment and the packages in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Venv {
    name: &'static str,
    requirements: &'static str,
}

/// The AWS emulator and the PostgreSQL server.
pub(crate) const STACK: Venv = Venv { name: "venv", requirements: include_str!("../python/stack.txt") };
/// The checkers of `template.yaml`: apart, because a demo does not need them.
pub(crate) const CHECK: Venv = Venv { name: "venv-check", requirements: include_str!("../python/check.txt") };
/// The clients of HubSpot, Salesforce and Standard Webhooks: apart, because only a check needs them.
pub(crate) const VENDORS: Venv = Venv { name: "venv-vendors", requirements: include_str!("../python/vendors.txt") };

/// Exits successfully if the Python is new enough for MiniStack.
const IS_NEW: &str = "import sys; sys.exit(sys.version_info < (3, 10))";
/// Holds the list an environment was made from; written last, so that a half-made one is made again.
const STAMP: &str = "made-from.txt";

impl Venv {
    pub(crate) fn path(self) -> PathBuf {
        paths::target().join(self.name)
    }

    /// A program of the environment.
    pub(crate) fn program(self, name: &str) -> PathBuf {
        self.path().join("bin").join(name)
    }

    pub(crate) fn python(self) -> PathBuf {
        self.program("python")
    }

    /// The directory of the installed packages.
    pub(crate) fn site_packages(self) -> anyhow::Result<PathBuf> {
        let lib = self.path().join("lib");
        let entries = std::fs::read_dir(&lib).with_context(|| format!("failed to read {}", lib.display()))?;
        let mut found = entries.flatten().map(|entry| entry.path().join("site-packages"));
        found.find(|path| path.is_dir()).with_context(|| format!("no packages in {}", lib.display()))
    }

    /// Makes the environment unless it stands and was made from the present list.
    pub(crate) async fn ensure(self) -> anyhow::Result<()> {
        let stamp = self.path().join(STAMP);
        if std::fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == self.requirements) {
            return Ok(());
        }
        let python = system_python().await?;
        let [list, log] = ["txt", "log"].map(|ending| self.path().with_extension(ending));
        paths::write(&list, self.requirements)?;
        let mut script = Command::new(python);
        script.arg("-c").arg(include_str!("../python/environment.py")).args([self.path(), list]);
        let made = process::logged(&mut script, &log).await?;
        ensure!(made, "{} is incomplete; see {}:\n{}", self.name, paths::shown(&log), process::end_of(&log, 3));
        paths::write(&stamp, self.requirements)
    }
}

/// The first Python that is new enough: `python3`, then versions by name, newest first.
async fn system_python() -> anyhow::Result<&'static str> {
    for name in ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"] {
        let check = process::capture(Command::new(name).args(["-c", IS_NEW]), "").await;
        if check.is_ok_and(|check| check.success) {
            return Ok(name);
        }
    }
    bail!("the local stack needs Python 3.10 or newer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_python_package_is_pinned_to_one_version() {
        for line in [STACK, CHECK, VENDORS].iter().flat_map(|venv| venv.requirements.lines()) {
            assert!(line.starts_with('#') || line.contains("=="), "{line} is not pinned");
        }
    }

    #[tokio::test]
    async fn a_python_before_3_10_is_too_old() {
        let python = system_python().await.unwrap();
        for (version, is_new) in [("(3, 9, 18)", false), ("(3, 10, 0)", true), ("(3, 14, 1)", true)] {
            let script = IS_NEW.replace("sys.version_info", version);
            let check = process::capture(Command::new(python).args(["-c", &script]), "").await.unwrap();
            assert_eq!(check.success, is_new, "{version}");
        }
    }
}
