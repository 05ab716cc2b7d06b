//! The `housekeep` function: the local stack's, or a deployed one.

use std::io::ErrorKind;

use anyhow::{Context, bail};
use housekeep::integrations::IntegrationTask;
use serde_json::Value;
use tokio::process::Command;

use crate::process;
use crate::stack::StateDir;

const PACKAGE: &str = "housekeep";
/// Amazon's command line.
const AWS: &str = "aws";

pub(super) enum Function {
    /// By the URL that invokes it.
    Local(String),
    /// By name, in the account and region of the environment.
    Deployed(String),
}

impl Function {
    pub(super) fn find(name: Option<&str>) -> anyhow::Result<Self> {
        if let Some(name) = name {
            return Ok(Self::Deployed(name.to_owned()));
        }
        let stack = StateDir::local().read_stack().filter(crate::stack::StackFile::is_running);
        let stack =
            stack.context("no local stack is running: start it with `cargo xtask local up`, or give --function")?;
        let name = stack.functions.get(PACKAGE).with_context(|| format!("{PACKAGE} is not deployed"))?;
        Ok(Self::Local(format!("{}/2015-03-31/functions/{name}/invocations", stack.ministack_url)))
    }

    /// `Err` says why the task was not done, in the function's words.
    pub(super) async fn invoke(&self, task: &IntegrationTask) -> anyhow::Result<Value> {
        let task = serde_json::to_value(task)?;
        match self {
            Self::Local(url) => local(url, &task).await,
            Self::Deployed(name) => deployed(AWS, name, &task).await,
        }
    }
}

async fn local(url: &str, task: &Value) -> anyhow::Result<Value> {
    // A proxy of the environment could not reach this machine's ports.
    let http = reqwest::Client::builder().no_proxy().build()?;
    let answer = http.post(url).json(task).send().await.context("failed to reach the local stack")?;
    let failed = answer.headers().contains_key("x-amz-function-error");
    let answer = answer.json().await.context("the function did not answer with JSON")?;
    done(answer, failed)
}

async fn deployed(aws: &str, name: &str, task: &Value) -> anyhow::Result<Value> {
    let mut command = Command::new(aws);
    command.args(["lambda", "invoke", "--function-name", name, "--cli-binary-format", "raw-in-base64-out"]).args([
        // After a minute it would give up and invoke once more, while the function still works.
        "--cli-read-timeout",
        "0",
        "--payload",
        "file:///dev/stdin",
        "--query",
        "FunctionError",
        "--output",
        "text",
        "/dev/stdout",
    ]);
    let output = process::capture(&mut command, &task.to_string()).await.map_err(|error| {
        match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
            Some(ErrorKind::NotFound) => anyhow::anyhow!(
                "a deployed function is invoked with Amazon's command line, but there is no `{aws}`: install the AWS CLI"
            ),
            _ => error,
        }
    })?;
    if !output.success {
        bail!("`{aws} lambda invoke` failed");
    }
    let (answer, failed) = split(&output.stdout)?;
    done(answer, failed)
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
        let answer = deployed(aws.to_str().unwrap(), "dev-housekeep", &json!({ "task": "x" })).await.unwrap();
        let asked = answer["asked"].as_str().unwrap();
        assert!(asked.starts_with("lambda invoke --function-name dev-housekeep "), "{asked}");
        assert!(asked.contains(" --cli-read-timeout 0 "), "{asked}");
        assert_eq!(answer["task"], json!({ "task": "x" }));
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[tokio::test]
    async fn without_amazons_command_line_one_is_told_to_install_it() {
        let error = deployed("no-such-aws", "dev-housekeep", &json!({})).await.unwrap_err();
        assert!(error.to_string().contains("install the AWS CLI"), "{error:?}");
    }
}
