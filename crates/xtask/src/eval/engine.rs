//! The analysis as a process of its own: the AWS SDK stays out of this program.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use tokio::process::Command;

use crate::lambda;
use crate::process::{self, Output};
use crate::stack::{Llm, Owned};

/// The program that analyses, and the model it asks.
#[derive(Debug)]
pub(super) struct Engine {
    program: PathBuf,
    model: String,
    /// As a run is named.
    pub(super) name: String,
    /// Its URL; it ends when this is dropped.
    stand_in: Option<(String, Owned)>,
}

impl Engine {
    /// Has a model on Bedrock answer, with the credentials and the region of the environment, or a stand-in.
    pub(super) async fn prepare(bedrock: Option<&str>, llm: &Llm) -> anyhow::Result<Self> {
        eprintln!("building the analysis");
        let program = lambda::build_evaluate().await?;
        let (model, name) = match bedrock {
            Some(model) => (model.to_owned(), format!("{model} on Bedrock")),
            None => (llm.model().to_owned(), llm.name()),
        };
        let stand_in = match bedrock {
            Some(_) => None,
            None => Some(stand_in(&Llm { model: llm.url.as_ref().map(|_| model.clone()), ..llm.clone() }).await?),
        };
        Ok(Self { program, model, name, stand_in })
    }

    /// Gives the lines to the analysis and returns those it prints, one for each conversation that was answered. Answers
    /// are paid for, also where the analysis then fails.
    pub(super) async fn analyse(&self, lines: &str, concurrency: NonZeroUsize) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(["--model", &self.model, "--concurrency", &concurrency.to_string()]);
        if let Some((url, _)) = &self.stand_in {
            isolate(&mut command, url);
        }
        let Output { success, stdout } = process::capture(&mut command, lines).await?;
        Ok(Output { success, stdout: whole_lines(stdout) })
    }
}

/// Drops the last line if a process that was killed could not finish it.
fn whole_lines(mut printed: String) -> String {
    printed.truncate(printed.rfind('\n').map_or(0, |end| end + 1));
    printed
}

/// Whatever the developer has set for AWS must not reach a stand-in.
fn isolate(command: &mut Command, url: &str) {
    command.env_clear().envs([
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
}

async fn stand_in(llm: &Llm) -> anyhow::Result<(String, Owned)> {
    let owned = Owned::take("eval")?;
    let [url] = owned.stand_ins(["bedrock"], llm).await?;
    Ok((url, owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_of_the_developers_aws_reaches_a_stand_in() {
        let mut command = Command::new("env");
        command.env("AWS_PROFILE", "mine");
        isolate(&mut command, "http://127.0.0.1:1");
        let set = process::capture(&mut command, "").await.unwrap().stdout;
        let names: Vec<_> = set.lines().filter_map(|line| line.split('=').next()).collect();
        assert!(names.iter().all(|name| name.starts_with("AWS_")) && names.len() == 4, "{names:?}");
        assert!(set.contains("AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:1\n"), "{set}");
    }

    #[test]
    fn a_line_that_was_not_finished_is_left_out() {
        assert_eq!(whole_lines("{}\n{\"id".to_owned()), "{}\n");
        assert_eq!(whole_lines("{\"id".to_owned()), "");
    }
}
