//! `cargo xtask eval`: how good the analysis is on labelled conversations.

mod compare;
mod confusion;
mod engine;
mod figures;
mod labelled;
mod outcome;
mod run;
#[cfg(test)]
mod samples;
mod text;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::paths;
use compare::Comparison;
use outcome::Outcome;
use run::Run;

pub(crate) use engine::Answers;

/// The conversations that come with the code.
const SHIPPED: &str = "crates/analyze/eval/synthetic.jsonl";

/// What to evaluate.
#[derive(Debug)]
pub(crate) struct Options {
    /// Labelled conversations instead of the shipped ones.
    pub(crate) file: Option<PathBuf>,
    pub(crate) answers: Answers,
    /// Of the conversations, the first so many.
    pub(crate) limit: Option<usize>,
    /// Conversations that are analysed at the same time.
    pub(crate) concurrency: NonZeroUsize,
    pub(crate) json: bool,
}

/// Analyses the conversations and prints the figures; progress goes to stderr.
pub(crate) async fn evaluate(options: &Options) -> anyhow::Result<()> {
    let file = options.file.clone().unwrap_or_else(|| paths::root().join(SHIPPED));
    let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let parsed = labelled::parse(&text, options.limit);
    let (labelled, lines) = parsed.with_context(|| format!("read {}", file.display()))?;
    let engine = engine::Engine::prepare(&options.answers).await?;
    let started = Instant::now();
    let printed = engine.analyse(&lines, options.concurrency).await?;
    let wall = started.elapsed().as_secs_f64();
    ensure!(printed.complete || !printed.lines.is_empty(), "the analysis failed before the first result");
    let outcomes = outcome::join(&labelled, &printed)?;
    let run = Run::new(&paths::shown(&file), &engine.name(), options.limit, wall, outcomes);
    print(&run, options.json, || text::render(&run))?;
    worked(&run, printed.complete)
}

/// Figures about nothing must not pass for a measurement.
fn worked(run: &Run, complete: bool) -> anyhow::Result<()> {
    let all = run.conversations.len();
    let missing = run.conversations.iter().filter(|outcome| !outcome.has_result()).count();
    ensure!(complete, "the analysis failed; {missing} of {all} conversations have no result");
    ensure!(run.conversations.iter().any(Outcome::has_analysis), "none of {all} conversations has an analysis");
    Ok(())
}

/// Prints what is different between two runs.
pub(crate) fn compare(a: &Path, b: &Path, json: bool) -> anyhow::Result<()> {
    let comparison = Comparison::of(&Run::read(a)?, &Run::read(b)?)?;
    print(&comparison, json, || comparison.render())
}

fn print(document: &impl Serialize, json: bool, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    let output = if json { serde_json::to_string_pretty(document)? + "\n" } else { text() };
    print!("{output}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_any_analysis_or_with_results_missing_is_a_failure() {
        let outcomes = samples::outcomes();
        let run = |outcomes: &[Outcome]| Run::new("five.jsonl", "small", None, 1.0, outcomes.to_vec());
        assert!(worked(&run(&outcomes), true).is_ok());
        let failed = run(&outcomes[4..]);
        assert_eq!(worked(&failed, true).unwrap_err().to_string(), "none of 1 conversations has an analysis");
        assert!(worked(&run(&outcomes), false).unwrap_err().to_string().starts_with("the analysis failed"));
    }
}
