//! A run as one document: what `--json` prints and `--compare` reads.

use std::path::Path;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::outcome::Outcome;
use crate::paths;

/// The version of this document.
const VERSION: u32 = 2;

/// The conversations of a run, and who answered them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) file: String,
    /// The number of conversations that were read of the file; `None`: all.
    pub(super) limit: Option<usize>,
    pub(super) conversations: usize,
    /// The model or stand-in.
    pub(super) answered_by: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    version: u32,
    pub(super) subject: Subject,
    /// From the first request to the last answer.
    pub(super) wall_seconds: f64,
    pub(super) figures: Figures,
    pub(super) conversations: Vec<Outcome>,
}

impl Run {
    pub(super) fn new(subject: Subject, wall_seconds: f64, conversations: Vec<Outcome>) -> Self {
        Self { version: VERSION, subject, wall_seconds, figures: Figures::of(&conversations), conversations }
    }

    pub(super) fn conversation(&self, id: &str) -> Option<&Outcome> {
        self.conversations.iter().find(|outcome| outcome.labelled.id == id)
    }

    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let run: Self = serde_json::from_str(&paths::read(path)?)
            .with_context(|| format!("{} is not a document of `cargo xtask eval --json`", path.display()))?;
        ensure!(run.version == VERSION, "{} has version {}, not {VERSION}", path.display(), run.version);
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::tests::samples;

    #[test]
    fn a_document_is_read_as_it_was_written() {
        let run = Run::new(samples::subject("small"), 12.5, samples::outcomes());
        let text = serde_json::to_string_pretty(&run).unwrap();
        assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
    }
}
