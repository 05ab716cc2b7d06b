//! The files that the rules read.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders with content that is not ours.
const SKIPPED: [&str; 4] = ["target", ".git", ".aws-sam", "node_modules"];

/// Crates that are never deployed, so that their names may repeat those of the services they imitate.
const WORKSHOP: [&str; 2] = ["fakes", "xtask"];

pub(crate) struct File {
    /// Path from the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Reads all files of the repository with this ending, in the order of their paths.
pub(crate) fn with_ending(ending: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    collect(&root, ending, &mut paths);
    paths.sort();
    let read = |path: PathBuf| File {
        text: fs::read_to_string(&path).expect("readable text"),
        path: path.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/"),
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, ending: &str, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_ref()) {
                collect(&path, ending, paths);
            }
        } else if name.ends_with(ending) {
            paths.push(path);
        }
    }
}

/// Reads the product code of the deployed crates: `src` without tests.
pub(crate) fn deployed() -> Vec<File> {
    let is_deployed = |file: &File| {
        let mut parts = file.path.split('/');
        (parts.next(), parts.next().is_some_and(|name| !WORKSHOP.contains(&name)), parts.next())
            == (Some("crates"), true, Some("src"))
            && parts.all(|part| !matches!(part, "tests" | "tests.rs" | "testing" | "testing.rs"))
    };
    let mut files = with_ending(".rs");
    files.retain(is_deployed);
    for file in &mut files {
        file.text = without_test_modules(&file.text);
    }
    files
}

/// Removes `#[cfg(test)] mod … { … }` with what it holds; the lines stay, so that places are right.
fn without_test_modules(text: &str) -> String {
    let mut is_test = false;
    let mut lines: Vec<&str> = text.lines().collect();
    for at in 0..lines.len() {
        let is_start = at > 0 && lines[at - 1] == "#[cfg(test)]" && lines[at].ends_with('{');
        is_test |= is_start && lines[at].contains("mod ");
        let is_end = lines[at] == "}";
        if is_test {
            lines[at] = "";
        }
        is_test &= !is_end;
    }
    lines.join("\n")
}
