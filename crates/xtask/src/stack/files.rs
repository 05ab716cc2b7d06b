//! The files of a stack's directory: `stack.json` for its users, `processes.json` for the command that stops it.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::ports;
use crate::paths;
use crate::process::Identity;

/// A guard may just be stopping what a killed command left.
const LOCK_WAIT: Duration = Duration::from_secs(3);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// The stand-ins of a stack; those of SES and SQS are in front of MiniStack.
const FAKES: [&str; 6] = ["bedrock", "hubspot", "salesforce", "webhook", "ses", "sqs"];

/// The directory of one stack.
#[derive(Debug, Clone)]
pub(crate) struct StateDir {
    pub(crate) path: PathBuf,
}

/// Held while a command starts or owns the stack.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

impl StateDir {
    /// `target/local`: the stack of `cargo xtask local up`.
    pub(crate) fn local() -> Self {
        Self::named("local")
    }

    /// A directory under `target`.
    pub(crate) fn named(name: &str) -> Self {
        Self { path: paths::target().join(name) }
    }

    pub(crate) fn stack_file(&self) -> PathBuf {
        self.path.join("stack.json")
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }

    /// Fails when another command holds the directory for longer than stopping a stack takes.
    pub(crate) fn lock(&self) -> anyhow::Result<Lock> {
        std::fs::create_dir_all(paths::target())?;
        let file = File::create(self.path.with_extension("lock"))?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => bail!("{} is used by another command", paths::shown(&self.path)),
                Err(TryLockError::Error(error)) => return Err(error).context("failed to lock the stack's directory"),
            }
        }
    }

    /// The processes that run here, by role: `postgres`, `ministack`, `fakes`.
    pub(crate) fn read_processes(&self) -> Option<BTreeMap<String, Identity>> {
        read(&self.path.join("processes.json"))
    }

    /// Remembers a process as soon as it runs, so that it is stopped whatever happens next.
    pub(crate) fn record(&self, role: &str, process: Identity) -> anyhow::Result<()> {
        let mut processes = self.read_processes().unwrap_or_default();
        processes.insert(role.to_owned(), process);
        write(&self.path.join("processes.json"), &processes)
    }

    /// Forgets a stack that has been stopped. Its logs stay.
    pub(crate) fn forget(&self) {
        for file in [self.stack_file(), self.path.join("processes.json"), self.kept_file()] {
            let _ = std::fs::remove_file(file);
        }
    }

    /// Exists if the stack is to outlive the command that started it.
    pub(super) fn kept_file(&self) -> PathBuf {
        self.path.join("kept")
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
    pub(crate) pids: BTreeMap<String, Identity>,
    /// This directory.
    pub(crate) state_dir: PathBuf,
    /// This program: tests restart the database with `{xtask} postgres restart --state-dir {state_dir}`.
    pub(crate) xtask: PathBuf,
}

impl StackFile {
    /// The addresses of servers that are yet to start. What deploying finds out is added then.
    pub(super) fn new(dir: &StateDir, database_url: String) -> anyhow::Result<Self> {
        let [ministack, fakes @ ..] = ports::take::<{ 1 + FAKES.len() }>()?;
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        Ok(Self {
            signing_secret: format!("whsec_{}", secret()?),
            link_secret: secret()?,
            database_url,
            ministack_url: url(ministack),
            region: "us-east-1".to_owned(),
            secret_prefix: "post-session/local/".to_owned(),
            sender_address: "sessions@example.com".to_owned(),
            fakes: FAKES.into_iter().zip(fakes).map(|(name, port)| (name.to_owned(), url(port))).collect(),
            state_dir: dir.path.clone(),
            xtask: paths::program().to_owned(),
            ..Self::default()
        })
    }

    /// Base URL of a stand-in.
    pub(crate) fn fake(&self, name: &str) -> anyhow::Result<&str> {
        self.fakes.get(name).map(String::as_str).with_context(|| format!("the stack has no stand-in for {name}"))
    }

    /// URL of a deployed function, by its package.
    pub(crate) fn function_url(&self, package: &str) -> anyhow::Result<String> {
        let name = self.functions.get(package).with_context(|| format!("{package} is not deployed"))?;
        Ok(format!("{}/2015-03-31/functions/{name}", self.ministack_url))
    }

    /// Variables that send the AWS SDK to the stack. The functions do not read them, nor does the template set them.
    pub(crate) fn aws(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
            ("AWS_ENDPOINT_URL", &self.ministack_url),
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", self.fake("bedrock")?),
            ("AWS_ENDPOINT_URL_SESV2", self.fake("ses")?),
            ("AWS_ENDPOINT_URL_SQS", self.fake("sqs")?),
        ];
        Ok(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    /// True when every process of the stack is alive.
    pub(crate) fn is_running(&self) -> bool {
        !self.pids.is_empty() && self.pids.values().all(Identity::is_alive)
    }
}

/// Host and port of a URL of this machine.
pub(super) fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// 24 bytes from the system's generator in base64, as Standard Webhooks writes them.
fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 24];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}
