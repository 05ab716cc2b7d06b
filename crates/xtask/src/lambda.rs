//! Builds the Lambda functions once and zips them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::{paths, process, venv};

/// The deployed functions: package, binary and archive have the same name.
pub(crate) const FUNCTIONS: [&str; 6] = ["ingest", "analyze", "notify", "crm-sync", "track-delivery", "housekeep"];

/// Bytes. A larger binary takes visibly longer to start cold.
const LARGEST_BINARY: u64 = 12 * 1024 * 1024;
/// Bytes, loaded before the first cold start; `housekeep` with the clients of third parties has 5.02 MiB.
const LARGEST_ARCHIVE: u64 = 5 * 1024 * 1024 + 512 * 1024;

/// A function ready to be deployed.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) archive: PathBuf,
    pub(crate) binary: PathBuf,
    pub(crate) binary_bytes: u64,
    pub(crate) archive_bytes: u64,
}

impl Package {
    /// Name and sizes in columns.
    pub(crate) fn sizes(&self) -> String {
        const MEBIBYTE: f64 = 1024.0 * 1024.0;
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        let [binary, archive] = [self.binary_bytes, self.archive_bytes].map(|bytes| bytes as f64 / MEBIBYTE);
        format!("{:<16} {binary:>5.2} MiB {archive:>5.2} MiB", self.name)
    }
}

/// Builds all functions in one go, as for deployment, and zips each. Fails when one is larger than its limit.
pub(crate) async fn build() -> anyhow::Result<Vec<Package>> {
    let packages = FUNCTIONS.iter().flat_map(|name| ["--package", name]);
    let binaries = binaries(&["--release"].into_iter().chain(packages).collect::<Vec<_>>()).await?;
    std::fs::create_dir_all(paths::lambda())?;
    let mut stale = Vec::new();
    for name in FUNCTIONS {
        let binary = binaries.path(name)?;
        let archive = archive(name);
        if modified(&archive) <= modified(&binary) {
            let mut argument = archive.into_os_string();
            argument.push("=");
            argument.push(binary);
            stale.push(argument);
        }
    }
    if !stale.is_empty() {
        let mut zip = Command::new(venv::STACK.python());
        zip.arg("-c").arg(include_str!("../python/package.py")).args(stale);
        ensure!(process::capture(&mut zip, "").await?.success, "failed to zip the functions");
    }
    FUNCTIONS.into_iter().map(|name| measured(name, binaries.path(name)?)).collect()
}

/// Builds the stand-ins of the outside world and tells where their binary is. With TLS they take longer to build.
pub(crate) async fn build_fakes(tls: bool) -> anyhow::Result<PathBuf> {
    let features: &[_] = if tls { &["--features", "tls"] } else { &[] };
    binaries(&[&["--package", "fakes"], features].concat()).await?.path("fakes")
}

/// Builds the program that analyses the conversations of an evaluation and tells where it is.
pub(crate) async fn build_evaluate() -> anyhow::Result<PathBuf> {
    binaries(&["--package", "analyze", "--example", "evaluate"]).await?.path("evaluate")
}

/// Builds the function that does nothing, as the others are built, and tells where its binary is.
pub(crate) async fn build_noop() -> anyhow::Result<PathBuf> {
    binaries(&["--release", "--package", "stage", "--example", "noop"]).await?.path("noop")
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
    paths::lambda().join(format!("{name}.zip"))
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|data| data.modified()).ok()
}

fn measured(name: &'static str, binary: PathBuf) -> anyhow::Result<Package> {
    let archive = archive(name);
    let (binary_bytes, archive_bytes) = (binary.metadata()?.len(), archive.metadata()?.len());
    let package = Package { name, archive, binary, binary_bytes, archive_bytes };
    ensure!(package.binary_bytes <= LARGEST_BINARY, "{name}'s binary has {} bytes", package.binary_bytes);
    ensure!(package.archive_bytes <= LARGEST_ARCHIVE, "{name}'s archive has {} bytes", package.archive_bytes);
    Ok(package)
}

/// The executables of a build, as cargo reports them.
struct Binaries(Vec<PathBuf>);

impl Binaries {
    fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        let found = self.0.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
        found.cloned().with_context(|| format!("the build made no binary named {name}"))
    }
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

async fn binaries(arguments: &[&str]) -> anyhow::Result<Binaries> {
    let log = paths::target().join("build.log");
    std::fs::create_dir_all(paths::target())?;
    let mut cargo = Command::new(cargo());
    cargo.current_dir(paths::root()).args(["build", "--message-format=json-render-diagnostics"]).args(arguments);
    cargo.stderr(Stdio::from(std::fs::File::create(&log)?));
    let output = process::capture(&mut cargo, "").await?;
    ensure!(output.success, "cargo build failed:\n{}", std::fs::read_to_string(&log).unwrap_or_default());
    let messages = output.stdout.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    Ok(Binaries(messages.filter_map(|message| message.executable).collect()))
}

/// The cargo that runs this command, so that a toolchain override holds.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
