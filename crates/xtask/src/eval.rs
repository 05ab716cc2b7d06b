//! `cargo xtask eval`: how good the analysis is on labelled conversations.

mod compare;
mod engine;
mod figures;
mod labelled;
mod outcome;
mod run;
#[cfg(test)]
mod tests;
mod text;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::paths;
use crate::stack::Llm;
use compare::Comparison;
use engine::Engine;
use outcome::Outcome;
use run::{Run, Subject};

/// The conversations that come with the code.
const SHIPPED: &str = "crates/analyze/eval/synthetic.jsonl";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Analyse these labelled conversations instead of the shipped ones, one JSON object a line; see
    /// crates/analyze/eval/README.md.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Ask this model or inference profile on Bedrock, with the credentials and the region of the environment.
    #[arg(long, value_name = "MODEL_ID", conflicts_with = "url")]
    bedrock: Option<String>,
    #[command(flatten)]
    llm: Llm,
    /// Analyse only the first N conversations.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Analyse N conversations at the same time.
    #[arg(long, value_name = "N", default_value = "4")]
    concurrency: NonZeroUsize,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Analyse nothing: print what is different between two such documents.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["file", "bedrock", "url", "limit"])]
    compare: Option<Vec<PathBuf>>,
}

/// Evaluates, or compares two evaluations.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    match options.compare.as_deref() {
        Some([a, b]) => {
            let comparison = Comparison::of(&Run::read(a)?, &Run::read(b)?)?;
            print(&comparison, options.json, Comparison::render)
        }
        _ => evaluate(options).await,
    }
}

/// Analyses the conversations and prints the figures; progress goes to stderr.
async fn evaluate(options: &Options) -> anyhow::Result<()> {
    let file = options.file.clone().unwrap_or_else(|| paths::root().join(SHIPPED));
    let parsed = labelled::parse(&paths::read(&file)?, options.limit);
    let (labelled, lines) = parsed.with_context(|| format!("read {}", file.display()))?;
    let engine = Engine::prepare(options.bedrock.as_deref(), &options.llm).await?;
    let started = Instant::now();
    let printed = engine.analyse(&lines, options.concurrency).await?;
    let wall = started.elapsed().as_secs_f64();
    ensure!(printed.success || !printed.stdout.is_empty(), "the analysis failed before the first result");
    let outcomes = outcome::join(&labelled, &printed)?;
    let subject = Subject {
        file: paths::shown(&file),
        limit: options.limit,
        conversations: outcomes.len(),
        answered_by: engine.name,
    };
    let run = Run::new(subject, wall, outcomes);
    print(&run, options.json, text::render)?;
    worked(&run, printed.success)
}

/// Figures about nothing must not pass for a measurement.
fn worked(run: &Run, complete: bool) -> anyhow::Result<()> {
    let all = run.conversations.len();
    let missing = run.conversations.iter().filter(|outcome| !outcome.has_result()).count();
    ensure!(complete, "the analysis failed; {missing} of {all} conversations have no result");
    ensure!(run.conversations.iter().any(Outcome::has_analysis), "none of {all} conversations has an analysis");
    Ok(())
}

fn print<T: Serialize>(document: &T, json: bool, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
    let output = if json { serde_json::to_string_pretty(document)? + "\n" } else { text(document) };
    print!("{output}");
    Ok(())
}
