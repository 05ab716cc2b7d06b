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

    /// True when the environment stands and was made from the present list.
    pub(crate) fn is_ready(self) -> bool {
        std::fs::read_to_string(self.path().join(STAMP)).is_ok_and(|stamp| stamp == self.requirements)
    }

    /// Makes the environment unless it is ready.
    pub(crate) async fn ensure(self) -> anyhow::Result<()> {
        if self.is_ready() {
            return Ok(());
        }
        let python = system_python().await?;
        if self.path().exists() {
            std::fs::remove_dir_all(self.path()).context("failed to remove the old Python environment")?;
        }
        std::fs::create_dir_all(paths::target())?;
        let list = paths::target().join(format!("{}.txt", self.name));
        std::fs::write(&list, self.requirements)?;
        self.install(&python, &list).await?;
        std::fs::write(self.path().join(STAMP), self.requirements)?;
        Ok(())
    }

    async fn install(self, python: &Path, list: &Path) -> anyhow::Result<()> {
        let log = paths::target().join(format!("{}.log", self.name));
        let venv = self.path();
        let made = process::logged(Command::new(python).args(["-m", "venv"]).arg(&venv), &log).await?;
        // Debian's Python comes without ensurepip: pip of the system or uv can fill the environment as well.
        let mut pip = if made {
            command(&self.python(), &["-m", "pip", "install"])
        } else {
            let _ = std::fs::remove_dir_all(&venv);
            let bare =
                process::logged(Command::new(python).args(["-m", "venv", "--without-pip"]).arg(&venv), &log).await?;
            ensure!(bare, "python3 can't make virtual environments; see {}", paths::shown(&log));
            self.pip_from_outside(python, &log).await?
        };
        pip.args(["--only-binary", ":all:", "--no-deps", "--requirement"]).arg(list);
        ensure!(
            process::logged(&mut pip, &log).await?,
            "failed to install the Python packages; see {}",
            paths::shown(&log)
        );
        Ok(())
    }

    async fn pip_from_outside(self, python: &Path, log: &Path) -> anyhow::Result<Command> {
        if process::logged(&mut command(python, &["-m", "pip", "--version"]), log).await? {
            let mut pip = command(python, &["-m", "pip", "--python"]);
            pip.arg(self.python()).arg("install");
            return Ok(pip);
        }
        let mut uv = Command::new("uv");
        if process::logged(uv.arg("--version"), log).await.unwrap_or(false) {
            let mut pip = command(Path::new("uv"), &["pip", "install", "--python"]);
            pip.arg(self.python());
            return Ok(pip);
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
        let Ok(output) = process::capture(Command::new(name).args(["-c", script]), "").await else { continue };
        match version(&output.stdout) {
            Some(version) if version >= OLDEST_PYTHON => return Ok(PathBuf::from(name)),
            Some((major, minor)) => found.push(format!("{name} is {major}.{minor}")),
            None => {}
        }
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
