//! The files of a stack's directory: `stack.json` for its users, `processes.json` for the command that stops it.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::ports::Ports;
use crate::paths;
use crate::process::Identity;

/// A guard may just be stopping what a killed command left.
const LOCK_WAIT: Duration = Duration::from_secs(3);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// The directory of one stack.
#[derive(Debug, Clone)]
pub(crate) struct StateDir(PathBuf);

/// Held while a command starts or owns the stack.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

/// The processes of a stack, by role: `postgres`, `ministack`, `fakes`.
pub(crate) type Processes = BTreeMap<String, Identity>;

impl StateDir {
    /// `target/local`: the stack of `cargo xtask local up`.
    pub(crate) fn local() -> Self {
        Self::named("local")
    }

    /// A directory under `target`.
    pub(crate) fn named(name: &str) -> Self {
        Self(paths::target().join(name))
    }

    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn stack_file(&self) -> PathBuf {
        self.0.join("stack.json")
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.log"))
    }

    /// Fails when another command holds the directory for longer than stopping a stack takes.
    pub(crate) fn lock(&self) -> anyhow::Result<Lock> {
        std::fs::create_dir_all(&self.0)?;
        let file = File::create(self.0.join("lock"))?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => bail!("{} is used by another command", paths::shown(&self.0)),
                Err(TryLockError::Error(error)) => return Err(error).context("failed to lock the stack's directory"),
            }
        }
    }

    /// Removes all but the lock.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            match path.file_name() {
                Some(name) if name == "lock" => {}
                _ if path.is_dir() => std::fs::remove_dir_all(&path)?,
                _ => std::fs::remove_file(&path)?,
            }
        }
        Ok(())
    }

    pub(crate) fn read_processes(&self) -> Option<Processes> {
        read(&self.0.join("processes.json"))
    }

    /// Remembers a process as soon as it runs, so that it is stopped whatever happens next.
    pub(crate) fn record(&self, role: &str, process: Identity) -> anyhow::Result<()> {
        let mut processes = self.read_processes().unwrap_or_default();
        processes.insert(role.to_owned(), process);
        write(&self.0.join("processes.json"), &processes)
    }

    /// Forgets a stack that has been stopped. Its logs stay.
    pub(crate) fn forget(&self) {
        let _ = std::fs::remove_file(self.stack_file());
        let _ = std::fs::remove_file(self.0.join("processes.json"));
        let _ = std::fs::remove_file(self.0.join("kept"));
    }

    /// Marks the stack to outlive the command that started it.
    pub(crate) fn mark_kept(&self) -> anyhow::Result<()> {
        std::fs::write(self.0.join("kept"), "").context("failed to mark the stack as kept")
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.join("kept").exists()
    }

    pub(crate) fn read_stack(&self) -> Option<StackFile> {
        read(&self.stack_file())
    }

    pub(crate) fn write_stack(&self, file: &StackFile) -> anyhow::Result<()> {
        write(&self.stack_file(), file)
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Replaces the file in one step, so that no reader sees half of it.
fn write<T: Serialize>(path: &Path, value: &T) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, serde_json::to_vec_pretty(value)?)?;
    std::fs::rename(&new, path).with_context(|| format!("failed to write {}", path.display()))
}

/// `stack.json`: where everything is. URLs have no slash at the end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StackFile {
    /// Notifications are posted to `{api_url}/v1/sessions/completed`.
    pub(crate) api_url: String,
    pub(crate) api_key: String,
    /// Standard Webhooks secret, `whsec_…`.
    pub(crate) signing_secret: String,
    /// Signs the links in mails.
    pub(crate) link_secret: String,
    pub(crate) database_url: String,
    pub(crate) ministack_url: String,
    pub(crate) region: String,
    /// URL by stage: analyze, notify, crm-sync, email-events.
    pub(crate) queues: BTreeMap<String, String>,
    pub(crate) dead_letter_queues: BTreeMap<String, String>,
    /// Deployed name by package.
    pub(crate) functions: BTreeMap<String, String>,
    /// ARN of the SNS topic SES publishes its events to.
    pub(crate) email_events_topic: String,
    /// Secrets of tenants are named with this in front.
    pub(crate) secret_prefix: String,
    pub(crate) sender_address: String,
    /// Base URL by stand-in: bedrock, hubspot, salesforce, webhook, ses, sqs.
    pub(crate) fakes: BTreeMap<String, String>,
    pub(crate) pids: Processes,
    /// This directory.
    pub(crate) state_dir: PathBuf,
    /// This program: tests restart the database with `{xtask} postgres restart --state-dir {state_dir}`.
    pub(crate) xtask: PathBuf,
}

impl StackFile {
    pub(super) fn new(ports: &Ports, database_url: String, dir: &StateDir) -> anyhow::Result<Self> {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let fakes = [
            ("bedrock", ports.bedrock),
            ("hubspot", ports.hubspot),
            ("salesforce", ports.salesforce),
            ("webhook", ports.webhook),
            ("ses", ports.ses),
            ("sqs", ports.sqs),
        ];
        Ok(Self {
            signing_secret: format!("whsec_{}", secret()?),
            link_secret: secret()?,
            database_url,
            ministack_url: url(ports.ministack),
            fakes: fakes.map(|(name, port)| (name.to_owned(), url(port))).into(),
            pids: dir.read_processes().unwrap_or_default(),
            state_dir: dir.0.clone(),
            xtask: paths::program().to_owned(),
            ..Self::default()
        })
    }

    /// Base URL of a stand-in.
    pub(crate) fn fake(&self, name: &str) -> anyhow::Result<&str> {
        self.fakes.get(name).map(String::as_str).with_context(|| format!("the stack has no stand-in for {name}"))
    }

    /// True when every process of the stack is alive.
    pub(crate) fn is_running(&self) -> bool {
        !self.pids.is_empty() && self.pids.values().all(Identity::is_alive)
    }
}

/// 24 bytes from the system's generator in base64, as Standard Webhooks writes them.
fn secret() -> anyhow::Result<String> {
    use std::io::Read;
    let mut bytes = [0; 24];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}
