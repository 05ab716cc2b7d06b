//! The analysis as a process of its own: the AWS SDK stays out of this program.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{lambda, process, stack};

/// Until the stand-in listens.
const START: Duration = Duration::from_secs(20);
/// The stand-in is asked for a model that is none of Bedrock's, so that nothing it says gets a price.
const STAND_IN: &str = "stand-in";
/// For an OpenAI-compatible server that has one model only.
const ANY: &str = "default";

/// Who answers the analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answers {
    StandIn,
    /// A model or inference profile, with the credentials and the region of the environment.
    Bedrock(String),
    OpenAi {
        url: String,
        model: Option<String>,
    },
}

/// What is needed to analyse; a stand-in ends when this is dropped.
#[derive(Debug)]
pub(super) struct Engine {
    answers: Answers,
    program: PathBuf,
    stand_in: Option<StandIn>,
}

#[derive(Debug)]
struct StandIn {
    url: String,
    _process: Child,
}

impl Engine {
    pub(super) async fn prepare(answers: &Answers) -> anyhow::Result<Self> {
        eprintln!("building the analysis");
        let program = lambda::build_evaluate().await?;
        let stand_in = match answers {
            Answers::Bedrock(_) => None,
            Answers::StandIn => Some(StandIn::start(&lambda::build_fakes(false).await?, None).await?),
            Answers::OpenAi { url, .. } => {
                let fakes = lambda::build_fakes(url.starts_with("https://")).await?;
                Some(StandIn::start(&fakes, Some((url, answers.model()))).await?)
            }
        };
        Ok(Self { answers: answers.clone(), program, stand_in })
    }

    /// Gives the lines to the analysis and returns those it prints.
    pub(super) async fn analyse(&self, lines: &str, concurrency: NonZeroUsize) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["--model", self.answers.model(), "--concurrency", &concurrency.to_string()]);
        if let Some(stand_in) = &self.stand_in {
            command.envs(environment(&stand_in.url));
        }
        let output = process::capture(&mut command, lines).await?;
        ensure!(output.success, "the analysis did not run to its end");
        Ok(output.stdout)
    }

    pub(super) fn name(&self) -> String {
        match &self.answers {
            Answers::StandIn => "the stand-in for Bedrock, which only counts words,".to_owned(),
            Answers::Bedrock(model) => format!("{model} on Bedrock"),
            Answers::OpenAi { url, .. } => format!("{} at {url}", self.answers.model()),
        }
    }
}

impl Answers {
    fn model(&self) -> &str {
        match self {
            Self::StandIn => STAND_IN,
            Self::Bedrock(model) => model,
            Self::OpenAi { model, .. } => model.as_deref().unwrap_or(ANY),
        }
    }
}

/// Whatever the developer has set for AWS must not reach a stand-in.
fn environment(url: &str) -> [(&'static str, &str); 6] {
    [
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
}

impl StandIn {
    /// `behind` is the URL and the model of an OpenAI-compatible server.
    async fn start(fakes: &Path, behind: Option<(&str, &str)>) -> anyhow::Result<Self> {
        let [port] = stack::free_ports()?;
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(fakes);
        match behind {
            None => command.args(["--bedrock", &address]),
            Some((url, model)) => command.args(["--bedrock", &format!("{address}={url}"), "--llm-model", model]),
        };
        command.args(["--parent-pid", &std::process::id().to_string()]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().context("the stand-in has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(START, lines.next_line()).await;
        let ready = ready.context("the stand-in did not start in time")??;
        ensure!(ready.as_deref() == Some("ready"), "the stand-in did not start");
        Ok(Self { url: format!("http://{address}"), _process: child })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bedrock_gets_the_name_of_one_of_its_models() {
        let server = |model: Option<&str>| Answers::OpenAi { url: String::new(), model: model.map(str::to_owned) };
        assert_eq!(server(Some("qwen")).model(), "qwen");
        assert_eq!(server(None).model(), "default");
        assert_eq!(Answers::StandIn.model(), "stand-in");
        assert_eq!(Answers::Bedrock("eu.amazon.nova-lite-v1:0".to_owned()).model(), "eu.amazon.nova-lite-v1:0");
    }
}
