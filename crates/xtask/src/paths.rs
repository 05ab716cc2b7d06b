//! Where things are in the checkout.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

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

/// The packages of the Lambda functions.
pub(crate) fn lambda() -> PathBuf {
    target().join("lambda")
}

/// Relative to the checkout where possible: shorter in messages.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Makes an empty directory, whatever was there.
pub(crate) fn empty(directory: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(directory),
    }
}
