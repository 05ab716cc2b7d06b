//! The content of `stack.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// The running stack; see `cargo xtask local up`.
#[derive(Debug, Clone, Deserialize)]
pub struct Stack {
    pub api_url: String,
    pub api_key: String,
    pub signing_secret: String,
    pub database_url: String,
    pub ministack_url: String,
    pub queues: BTreeMap<String, String>,
    pub dead_letter_queues: BTreeMap<String, String>,
    pub functions: BTreeMap<String, String>,
    pub email_events_topic: String,
    pub secret_prefix: String,
    pub fakes: BTreeMap<String, String>,
    pub state_dir: PathBuf,
    pub xtask: PathBuf,
}

impl Stack {
    /// # Panics
    /// If `STACK_JSON` names no running stack.
    #[expect(clippy::disallowed_methods, reason = "tests have no function configuration")]
    pub fn from_env() -> Self {
        let path = std::env::var("STACK_JSON").expect("STACK_JSON is not set: run these tests with `cargo xtask test`");
        let text = std::fs::read(&path).expect("STACK_JSON names a file");
        serde_json::from_slice(&text).expect("stack.json is as documented")
    }

    /// The controls of a stand-in.
    pub fn fake(&self, name: &str) -> fakes::Control {
        fakes::Control::new(&self.fakes[name])
    }

    /// A call of an AWS service with the JSON protocol.
    pub async fn aws(&self, target: &str, body: Value) -> Value {
        let service = target.split('.').next().unwrap_or_default().to_lowercase().replace("amazon", "");
        let credential = format!("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request");
        let request = reqwest::Client::new()
            .post(&self.ministack_url)
            .header("authorization", format!("{credential}, SignedHeaders=host, Signature=none"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .body(body.to_string());
        let response = request.send().await.expect("MiniStack answers");
        let (status, text) = (response.status(), response.text().await.expect("MiniStack answers to the end"));
        assert!(status.is_success(), "{target} was answered with {status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Invokes a deployed function and returns its answer and whether it is an error.
    pub async fn invoke(&self, package: &str, event: &Value) -> (Value, bool) {
        let url = format!("{}/2015-03-31/functions/{}/invocations", self.ministack_url, self.functions[package]);
        let response = reqwest::Client::new().post(url).json(event).send().await.expect("MiniStack answers");
        let failed = response.headers().contains_key("x-amz-function-error");
        (response.json().await.expect("the function answers with JSON"), failed)
    }

    /// Sets a property of a deployed function's configuration, by its JSON pointer, and returns what it was.
    pub async fn configure(&self, package: &str, pointer: &str, value: Value) -> Value {
        let url = format!("{}/2015-03-31/functions/{}/configuration", self.ministack_url, self.functions[package]);
        let http = reqwest::Client::new();
        let answer = http.get(&url).send().await.expect("MiniStack answers");
        let mut configuration: Value = answer.json().await.expect("MiniStack answers with JSON");
        let property = configuration.pointer_mut(pointer).expect("the function has this property");
        let before = std::mem::replace(property, value);
        let property = pointer.split('/').nth(1).expect("a pointer begins with /");
        let update = serde_json::json!({ property: configuration[property] });
        let answer = http.put(&url).json(&update).send().await.expect("MiniStack answers");
        assert!(answer.status().is_success(), "{} was answered with {}", url, answer.status());
        before
    }

    /// The most memory that a process of this function has had, in MiB; 0 if none runs.
    pub fn peak_memory_mib(&self, package: &str) -> u64 {
        let processes = std::fs::read_dir("/proc").expect("Linux lists processes").flatten();
        let peak = |process: std::fs::DirEntry| {
            let environment = std::fs::read(process.path().join("environ")).ok()?;
            let name = format!("AWS_LAMBDA_FUNCTION_NAME={}", self.functions[package]);
            environment.split(|byte| *byte == 0).find(|variable| *variable == name.as_bytes())?;
            let status = std::fs::read_to_string(process.path().join("status")).ok()?;
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            peak.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        processes.filter_map(peak).max().unwrap_or_default().div_ceil(1024)
    }

    /// Reads the functions' log. MiniStack writes lines of its own between theirs, which no AWS account has.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.state_dir.join("ministack.log")).expect("MiniStack has a log");
        let is_ours = |line: &&str| !line.contains(" INFO [") && !line.contains(" DEBUG [");
        String::from_utf8_lossy(&log).lines().filter(is_ours).collect::<Vec<_>>().join("\n")
    }
}
