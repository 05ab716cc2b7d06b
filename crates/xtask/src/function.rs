//! One way to invoke a function: the local stack's, or a deployed one.

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde_json::Value;
use tokio::process::Command;

use crate::process;
use crate::stack::{StackFile, StateDir};

pub(crate) enum Function {
    /// The URL that invokes the function.
    Local(String),
    /// The name of the function, in the account and region of the environment.
    Deployed(String),
}

impl Function {
    /// A function of a local stack, by its package.
    pub(crate) fn of_stack(stack: &StackFile, package: &str) -> anyhow::Result<Self> {
        Ok(Self::Local(format!("{}/invocations", stack.function_url(package)?)))
    }

    /// The deployed function of this name; without a name, the `housekeep` of the local stack.
    pub(crate) fn housekeep(name: Option<&str>) -> anyhow::Result<Self> {
        if let Some(name) = name {
            return Ok(Self::Deployed(name.to_owned()));
        }
        let stack = StateDir::local().read_stack().filter(StackFile::is_running);
        let stack =
            stack.context("no local stack is running: start it with `cargo xtask local up`, or give --function")?;
        Self::of_stack(&stack, "housekeep")
    }

    /// Returns the answer; an `Err` says in the function's words why it failed.
    pub(crate) async fn invoke(&self, event: &impl Serialize) -> anyhow::Result<Value> {
        let event = serde_json::to_value(event)?;
        let (answer, failed) = match self {
            Self::Local(url) => local(url, &event).await?,
            Self::Deployed(name) => deployed("aws", name, &event).await?,
        };
        done(answer, failed)
    }
}

/// A client for this machine's ports, which a proxy of the environment could not reach.
pub(crate) fn local_http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy()
}

async fn local(url: &str, event: &Value) -> anyhow::Result<(Value, bool)> {
    let answer = local_http().build()?.post(url).json(event).send().await.context("failed to reach the local stack")?;
    let failed = answer.headers().contains_key("x-amz-function-error");
    Ok((answer.json().await.context("the function did not answer with JSON")?, failed))
}

async fn deployed(aws: &str, name: &str, event: &Value) -> anyhow::Result<(Value, bool)> {
    let mut command = Command::new(aws);
    command.args(["lambda", "invoke", "--function-name", name, "--cli-binary-format", "raw-in-base64-out"]);
    // After a minute it would give up and invoke once more, while the function still works.
    command.args(["--cli-read-timeout", "0", "--payload", "file:///dev/stdin"]);
    command.args(["--query", "FunctionError", "--output", "text", "/dev/stdout"]);
    let output = process::capture(&mut command, &event.to_string()).await;
    let output = output.context("a deployed function is invoked with Amazon's command line: install the AWS CLI")?;
    ensure!(output.success, "`{aws} lambda invoke` failed");
    split(&output.stdout)
}

/// The answer, and after it whether it is an error: `None` if not.
fn split(stdout: &str) -> anyhow::Result<(Value, bool)> {
    let mut values = serde_json::Deserializer::from_str(stdout).into_iter::<Value>();
    let answer = values.next().and_then(Result::ok).context("the function did not answer with JSON")?;
    let rest = stdout.get(values.byte_offset()..).unwrap_or_default();
    Ok((answer, rest.trim() != "None"))
}

fn done(answer: Value, failed: bool) -> anyhow::Result<Value> {
    if failed {
        bail!("{}", answer["errorMessage"].as_str().unwrap_or("the function failed without a message"));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_follows_the_answer_says_whether_it_is_an_error() {
        assert_eq!(split("{\"ok\":true}None\n").unwrap(), (json!({ "ok": true }), false));
        let (answer, failed) = split("{\"errorMessage\":\"failed to find tenant x\"}\nUnhandled\n").unwrap();
        assert_eq!(done(answer, failed).unwrap_err().to_string(), "failed to find tenant x");
        assert!(split("").is_err());
    }

    #[tokio::test]
    async fn amazons_command_line_waits_as_long_as_the_function_works() {
        use std::os::unix::fs::PermissionsExt;
        let directory = std::env::temp_dir().join(format!("integrations-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let aws = directory.join("aws");
        std::fs::write(&aws, "#!/bin/sh\nprintf '{\"asked\":\"%s\",\"task\":%s}None\\n' \"$*\" \"$(cat)\"\n").unwrap();
        std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o700)).unwrap();
        let (answer, failed) = deployed(aws.to_str().unwrap(), "dev-housekeep", &json!({ "task": "x" })).await.unwrap();
        let asked = answer["asked"].as_str().unwrap();
        assert!(asked.starts_with("lambda invoke --function-name dev-housekeep "), "{asked}");
        assert!(asked.contains(" --cli-read-timeout 0 "), "{asked}");
        assert_eq!((&answer["task"], failed), (&json!({ "task": "x" }), false));
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[tokio::test]
    async fn without_amazons_command_line_the_error_says_to_install_it() {
        let error = deployed("no-such-aws", "dev-housekeep", &json!({})).await.unwrap_err();
        assert!(error.to_string().contains("install the AWS CLI"), "{error:?}");
    }
}
