//! The analysis as a process of its own: the AWS SDK stays out of this program.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Options;
use crate::stand_in::StandIn;
use crate::{lambda, process, stack};

/// Bedrock has no model of this name, so an answer of the stand-in gets no price.
const STAND_IN: &str = "stand-in";
/// The name of the model where an OpenAI-compatible server has only one.
const ANY: &str = "default";
/// Variables that would lead the SDK past the stand-in, or give it the developer's own key.
const HIDDEN: [&str; 3] = ["AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];

/// The model that answers the analysis.
#[derive(Debug)]
pub(super) enum Answers {
    StandIn,
    /// A model or inference profile, with the credentials and the region of the environment.
    Bedrock(String),
    OpenAi {
        url: String,
        model: Option<String>,
    },
}

/// The program that analyses; its stand-in ends when this is dropped.
#[derive(Debug)]
pub(super) struct Engine {
    answers: Answers,
    program: PathBuf,
    /// Its URL, and what keeps it running.
    stand_in: Option<(String, StandIn)>,
}

/// The output of the analysis, one whole line for each conversation that was answered.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) lines: String,
    /// False where it ended before the last conversation.
    pub(super) complete: bool,
}

impl Engine {
    pub(super) async fn prepare(answers: Answers) -> anyhow::Result<Self> {
        eprintln!("building the analysis");
        let program = lambda::build_evaluate().await?;
        let stand_in = match &answers {
            Answers::Bedrock(_) => None,
            Answers::StandIn => Some(stand_in(&lambda::build_fakes(false).await?, None).await?),
            Answers::OpenAi { url, .. } => {
                let fakes = lambda::build_fakes(url.starts_with("https://")).await?;
                Some(stand_in(&fakes, Some((url, answers.model()))).await?)
            }
        };
        Ok(Self { answers, program, stand_in })
    }

    /// Gives the lines to the analysis and returns those it prints: what was answered is paid for, also where it fails
    /// then.
    pub(super) async fn analyse(&self, lines: &str, concurrency: NonZeroUsize) -> anyhow::Result<Printed> {
        let mut command = Command::new(&self.program);
        command.args(["--model", self.answers.model(), "--concurrency", &concurrency.to_string()]);
        if let Some((url, _)) = &self.stand_in {
            isolate(&mut command, url);
        }
        let output = process::capture(&mut command, lines).await?;
        Ok(Printed { lines: whole_lines(output.stdout), complete: output.success })
    }

    pub(super) fn name(&self) -> String {
        self.answers.name()
    }
}

/// Drops the last line if a process that was killed could not finish it.
fn whole_lines(mut printed: String) -> String {
    printed.truncate(printed.rfind('\n').map_or(0, |end| end + 1));
    printed
}

impl Answers {
    pub(super) fn of(options: &Options) -> Self {
        match (&options.bedrock, &options.llm.url) {
            (Some(model), _) => Self::Bedrock(model.clone()),
            (None, Some(url)) => Self::OpenAi { url: url.clone(), model: options.llm.model.clone() },
            (None, None) => Self::StandIn,
        }
    }

    fn model(&self) -> &str {
        match self {
            Self::StandIn => STAND_IN,
            Self::Bedrock(model) => model,
            Self::OpenAi { model, .. } => model.as_deref().unwrap_or(ANY),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::StandIn => "the stand-in for Bedrock, which only counts words".to_owned(),
            Self::Bedrock(model) => format!("{model} on Bedrock"),
            Self::OpenAi { url, .. } => format!("{} at {}", self.model(), without_userinfo(url)),
        }
    }
}

/// A URL as it may be printed and stored: a password in it stays out.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Whatever the developer has set for AWS must not reach a stand-in.
fn isolate(command: &mut Command, url: &str) {
    HIDDEN.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.envs([
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        // Their default profile can turn the endpoint off as well.
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]);
}

/// `behind` is the URL and the model of an OpenAI-compatible server.
async fn stand_in(fakes: &Path, behind: Option<(&str, &str)>) -> anyhow::Result<(String, StandIn)> {
    let [port] = stack::free_ports()?;
    let address = format!("127.0.0.1:{port}");
    let arguments = match behind {
        None => vec!["--bedrock".to_owned(), address.clone()],
        Some((url, model)) => {
            vec!["--bedrock".to_owned(), format!("{address}={url}"), "--llm-model".to_owned(), model.to_owned()]
        }
    };
    Ok((format!("http://{address}"), StandIn::start(fakes, arguments).await?))
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

    #[test]
    fn nothing_of_the_developers_aws_reaches_a_stand_in() {
        let mut command = Command::new("true");
        isolate(&mut command, "http://127.0.0.1:1");
        let set: Vec<_> = command.as_std().get_envs().collect();
        for name in HIDDEN {
            assert!(set.contains(&(name.as_ref(), None)), "{name}");
        }
        assert!(set.contains(&("AWS_ENDPOINT_URL_BEDROCK_RUNTIME".as_ref(), Some("http://127.0.0.1:1".as_ref()))));
    }

    #[test]
    fn a_run_is_named_without_punctuation_and_passwords() {
        let server = |url: &str| Answers::OpenAi { url: url.to_owned(), model: None }.name();
        assert_eq!(Answers::StandIn.name(), "the stand-in for Bedrock, which only counts words");
        assert_eq!(server("https://me:p%40ss@llm.example:8443/v1@2"), "default at https://llm.example:8443/v1@2");
        assert_eq!(server("https://me:p@ss@llm.example?key"), "default at https://llm.example?key");
        assert_eq!(server("http://llm.example/a@b"), "default at http://llm.example/a@b");
    }

    #[test]
    fn a_line_that_was_not_finished_is_left_out() {
        assert_eq!(whole_lines("{}\n{\"id".to_owned()), "{}\n");
        assert_eq!(whole_lines("{\"id".to_owned()), "");
    }
}
