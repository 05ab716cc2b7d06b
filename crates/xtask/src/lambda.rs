//! Builds the Lambda functions once and zips them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::table::table;
use crate::{paths, process, venv};

/// The deployed functions: package, binary and archive have the same name.
pub(crate) const FUNCTIONS: [&str; 6] = ["ingest", "analyze", "notify", "crm-sync", "track-delivery", "housekeep"];

/// Bytes. A larger binary takes visibly longer to start cold.
const LARGEST_BINARY: u64 = 10 * 1024 * 1024;
/// Bytes, loaded before the first cold start; `housekeep` with the clients of third parties has 4.2 million.
const LARGEST_ARCHIVE: u64 = 4_500_000;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// A function ready to be deployed.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) archive: PathBuf,
    pub(crate) binary: PathBuf,
}

impl Package {
    /// Bytes of the binary and the archive. Fails when one is larger than its limit.
    fn sizes(&self) -> anyhow::Result<[u64; 2]> {
        let (name, binary, archive) = (self.name, self.binary.metadata()?.len(), self.archive.metadata()?.len());
        ensure!(binary <= LARGEST_BINARY, "{name}'s binary has {binary} bytes");
        ensure!(archive <= LARGEST_ARCHIVE, "{name}'s archive has {archive} bytes");
        Ok([binary, archive])
    }

    fn is_stale(&self) -> bool {
        let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
        modified(&self.archive) <= modified(&self.binary)
    }
}

/// Builds all functions in one go, as for deployment, and zips each. Fails when one is larger than its limit.
pub(crate) async fn build() -> anyhow::Result<Vec<Package>> {
    let functions = FUNCTIONS.iter().flat_map(|name| ["--package", name]);
    let binaries = binaries(&["--release"].into_iter().chain(functions).collect::<Vec<_>>()).await?;
    std::fs::create_dir_all(paths::target().join("lambda"))?;
    let package = |name| anyhow::Ok(Package { name, archive: archive(name), binary: named(&binaries, name)? });
    let packages: Vec<_> = FUNCTIONS.into_iter().map(package).collect::<Result<_, _>>()?;
    let stale: Vec<_> = packages.iter().filter(|package| package.is_stale()).collect();
    if !stale.is_empty() {
        let mut zip = Command::new(venv::STACK.python());
        zip.arg("-c").arg(include_str!("../python/package.py"));
        zip.args(stale.iter().map(|one| format!("{}={}", one.archive.display(), one.binary.display())));
        ensure!(process::capture(&mut zip, "").await?.success, "failed to zip the functions");
    }
    packages.iter().try_for_each(|package| package.sizes().map(drop))?;
    Ok(packages)
}

/// Lays out the sizes of packages, a line for each.
pub(crate) fn sizes(packages: &[Package]) -> anyhow::Result<String> {
    let row = |package: &Package| {
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        let [binary, archive] = package.sizes()?.map(|bytes| format!("{:.2}", bytes as f64 / MEBIBYTE));
        anyhow::Ok([package.name.to_owned(), binary, archive])
    };
    let rows: Vec<_> = packages.iter().map(row).collect::<Result<_, _>>()?;
    Ok(table(&["function", "binary MiB", "zip MiB"], &rows))
}

/// Builds the stand-ins of the outside world and returns the path of their binary. Of the whole workspace, as the tests
/// are: both share what they depend on.
pub(crate) async fn build_fakes() -> anyhow::Result<PathBuf> {
    named(&binaries(&["--workspace", "--bin", "fakes"]).await?, "fakes")
}

/// Builds the program that analyses the conversations of an evaluation and returns its path.
pub(crate) async fn build_evaluate() -> anyhow::Result<PathBuf> {
    named(&binaries(&["--workspace", "--example", "evaluate"]).await?, "evaluate")
}

/// Builds the function that does nothing, as the others are built, and returns the path of its binary.
pub(crate) async fn build_noop() -> anyhow::Result<PathBuf> {
    named(&binaries(&["--release", "--package", "stage", "--example", "noop"]).await?, "noop")
}

/// The name of a function's resource in `template.yaml`: `CrmSyncFunction` for `crm-sync`.
pub(crate) fn logical_id(function: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    };
    function.split('-').map(word).collect::<String>() + "Function"
}

/// Where a function's archive is.
pub(crate) fn archive(name: &str) -> PathBuf {
    paths::target().join("lambda").join(format!("{name}.zip"))
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Returns the executables of a build, as cargo reports them.
async fn binaries(arguments: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let log = paths::target().join("build.log");
    std::fs::create_dir_all(paths::target())?;
    let mut cargo = Command::new(cargo());
    cargo.current_dir(paths::root()).args(["build", "--message-format=json-render-diagnostics"]).args(arguments);
    cargo.stderr(Stdio::from(std::fs::File::create(&log)?));
    let output = process::capture(&mut cargo, "").await?;
    ensure!(output.success, "cargo build failed:\n{}", std::fs::read_to_string(&log).unwrap_or_default());
    let messages = output.stdout.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    Ok(messages.filter_map(|message| message.executable).collect())
}

fn named(binaries: &[PathBuf], name: &str) -> anyhow::Result<PathBuf> {
    let found = binaries.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
    found.cloned().with_context(|| format!("the build made no binary named {name}"))
}

/// The cargo that runs this command, so that a toolchain override holds.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
