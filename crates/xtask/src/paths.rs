//! Where things are in the checkout, and its files.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::Context;

/// Looked up at the start: `cargo test` replaces the file, and Linux then calls its path deleted.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| std::env::current_exe().unwrap_or_else(|_| "xtask".into()));

/// This program.
pub(crate) fn program() -> &'static Path {
    &PROGRAM
}

/// The checkout this binary was built from.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_owned()
}

/// The files that the commands leave behind: environments, packages, state of the local stacks.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Relative to the checkout where possible: shorter in messages.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

/// Writes a file, and makes its directory if needed.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, content)).with_context(|| format!("failed to write {}", path.display()))
}

/// Makes an empty directory, whatever was there.
pub(crate) fn empty(directory: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(directory),
    }
}

/// The variables of a file with a `NAME=value` a line, and comments.
pub(crate) fn variables(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='))
}
