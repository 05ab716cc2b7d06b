//! `cargo xtask eval`: how good the analysis is on labelled conversations.

mod compare;
mod engine;
mod figures;
mod labelled;
mod outcome;
#[cfg(test)]
mod tests;
mod text;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::paths;
use crate::stack::Llm;
use compare::Comparison;
use engine::Engine;
use figures::Figures;
use outcome::Outcome;

/// The conversations that come with the code.
const SHIPPED: &str = "crates/analyze/eval/synthetic.jsonl";

/// The version of a run's document.
const VERSION: u32 = 2;

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

/// The conversations of a run, and who answered them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Subject {
    file: String,
    /// The number of conversations that were read of the file; `None`: all.
    limit: Option<usize>,
    conversations: usize,
    /// The model or stand-in.
    answered_by: String,
}

/// A run as one document: what `--json` prints and `--compare` reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Run {
    version: u32,
    subject: Subject,
    /// From the first request to the last answer.
    wall_seconds: f64,
    figures: Figures,
    conversations: Vec<Outcome>,
}

impl Run {
    fn new(subject: Subject, wall_seconds: f64, conversations: Vec<Outcome>) -> Self {
        Self { version: VERSION, subject, wall_seconds, figures: Figures::of(&conversations), conversations }
    }

    fn conversation(&self, id: &str) -> Option<&Outcome> {
        self.conversations.iter().find(|outcome| outcome.labelled.id == id)
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let run: Self = serde_json::from_str(&paths::read(path)?)
            .with_context(|| format!("{} is not a document of `cargo xtask eval --json`", path.display()))?;
        ensure!(run.version == VERSION, "{} has version {}, not {VERSION}", path.display(), run.version);
        Ok(run)
    }
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
