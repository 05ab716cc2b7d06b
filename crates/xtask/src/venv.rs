//! Python environments under `target/`, made from pinned lists and made again when a list changes.

use std::path::{Path, PathBuf};

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

/// MiniStack needs it.
const OLDEST_PYTHON: (u32, u32) = (3, 10);
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
        paths::empty(&self.path()).context("failed to remove the old Python environment")?;
        let list = paths::target().join(format!("{}.txt", self.name));
        std::fs::write(&list, self.requirements)?;
        self.install(&python, &list).await?;
        Ok(std::fs::write(stamp, self.requirements)?)
    }

    async fn install(self, python: &Path, list: &Path) -> anyhow::Result<()> {
        let log = paths::target().join(format!("{}.log", self.name));
        let make = async |options: &[&str]| {
            process::logged(Command::new(python).args(["-m", "venv"]).args(options).arg(self.path()), &log).await
        };
        let mut pip = if make(&["--clear"]).await? {
            command(&self.python(), &["-m", "pip", "install"])
        } else {
            // Debian's Python comes without ensurepip: pip of the system or uv can fill the environment as well.
            let made = make(&["--clear", "--without-pip"]).await?;
            ensure!(made, "python3 can't make virtual environments; see {}", paths::shown(&log));
            self.pip_from_outside(python, &log).await?
        };
        pip.args(["--only-binary", ":all:", "--no-deps", "--requirement"]).arg(list);
        let installed = process::logged(&mut pip, &log).await?;
        ensure!(installed, "failed to install the Python packages; see {}", paths::shown(&log));
        Ok(())
    }

    async fn pip_from_outside(self, python: &Path, log: &Path) -> anyhow::Result<Command> {
        let own = self.python();
        let own = own.to_str().context("the path of the checkout is not UTF-8")?;
        let pips = [
            (python, vec!["-m", "pip", "--version"], vec!["-m", "pip", "--python", own, "install"]),
            (Path::new("uv"), vec!["--version"], vec!["pip", "install", "--python", own]),
        ];
        for (program, version, install) in pips {
            if process::logged(&mut command(program, &version), log).await.unwrap_or(false) {
                return Ok(command(program, &install));
            }
        }
        bail!("python3 has neither ensurepip nor pip: install python3-venv (Debian, Ubuntu), or uv")
    }
}

fn command(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    command
}

/// The first Python that is new enough: `python3`, then versions by name, newest first.
async fn system_python() -> anyhow::Result<PathBuf> {
    let mut found = Vec::new();
    for name in ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"] {
        let script = "import sys; print(sys.version_info[0], sys.version_info[1])";
        let output = process::capture(Command::new(name).args(["-c", script]), "").await;
        let Some((major, minor)) = output.ok().and_then(|output| version(&output.stdout)) else { continue };
        if (major, minor) >= OLDEST_PYTHON {
            return Ok(PathBuf::from(name));
        }
        found.push(format!("{name} is {major}.{minor}"));
    }
    let found = if found.is_empty() { "none found".to_owned() } else { found.join(", ") };
    bail!("the local stack needs Python {}.{} or newer ({found})", OLDEST_PYTHON.0, OLDEST_PYTHON.1)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
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

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("3 14\n") > version("3 9"));
    }
}
