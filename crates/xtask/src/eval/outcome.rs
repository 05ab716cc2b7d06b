//! The result of each conversation: the analysis with its labels.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, ensure};
use domain::analysis::{Analysis, AnalysisStatus, CategoryLabel, IntentOutcome, Usage};
use serde::{Deserialize, Serialize};

use super::labelled::Labelled;
use crate::process::Output;

/// The `error` of a conversation that the analysis did not come to, or did not finish.
const NO_RESULT: &str = "no_result";

/// A line that the analysis prints.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Line {
    id: String,
    analysis: Option<Analysis>,
    /// The code of a failed analysis.
    error: Option<String>,
    first_try_valid: bool,
    seconds: f64,
    /// The tokens spent on a failed analysis.
    usage: Option<Usage>,
}

/// One conversation of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    #[serde(flatten)]
    pub(super) labelled: Labelled,
    pub(super) got: Labels,
    /// The analysis's; `None` with an `error`.
    pub(super) status: Option<AnalysisStatus>,
    /// Why an analysis is not `ok`.
    pub(super) code: Option<String>,
    /// The code of a failed analysis.
    pub(super) error: Option<String>,
    pub(super) first_try_valid: bool,
    pub(super) usage: Usage,
    pub(super) seconds: f64,
}

/// The labels of an analysis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Labels {
    pub(super) category: Option<CategoryLabel>,
    pub(super) sentiment: Option<f64>,
    pub(super) outcome: Option<IntentOutcome>,
}

impl Outcome {
    pub(super) fn is_correct(&self) -> bool {
        self.got.category == Some(self.labelled.expected.category)
    }

    pub(super) fn has_analysis(&self) -> bool {
        self.status.is_some()
    }

    pub(super) fn has_result(&self) -> bool {
        self.error.as_deref() != Some(NO_RESULT)
    }

    fn of(labelled: &Labelled, line: Line) -> Self {
        let Line { analysis, error, first_try_valid, seconds, usage, .. } = line;
        let mut usage = analysis.as_ref().map(|analysis| analysis.usage.clone()).or(usage).unwrap_or_default();
        if usage.attempts == 0 {
            usage.cost_usd = Some(0.0);
        }
        Self {
            labelled: labelled.clone(),
            got: analysis.as_ref().map(got).unwrap_or_default(),
            status: analysis.as_ref().map(|analysis| analysis.status),
            code: analysis.and_then(|analysis| analysis.code),
            error,
            first_try_valid,
            usage,
            seconds,
        }
    }

    /// A conversation whose cost is unknown.
    fn without_result(labelled: &Labelled) -> Self {
        let mut outcome = Self::of(labelled, Line { error: Some(NO_RESULT.to_owned()), ..Line::default() });
        outcome.usage.cost_usd = None;
        outcome
    }
}

fn got(analysis: &Analysis) -> Labels {
    Labels {
        category: analysis.category.as_ref().map(|category| category.label),
        sentiment: analysis.sentiment.as_ref().map(|sentiment| sentiment.average.get()),
        outcome: analysis.intent.as_ref().and_then(|intent| intent.outcome),
    }
}

/// Joins the printed lines, in any order, with the conversations; each must be there once, unless the analysis failed.
pub(super) fn join(labelled: &[Labelled], printed: &Output) -> anyhow::Result<Vec<Outcome>> {
    let mut lines = BTreeMap::new();
    for (number, text) in (1..).zip(printed.stdout.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let line: Line = serde_json::from_str(text).with_context(|| format!("result line {number}"))?;
        ensure!(line.analysis.is_some() != line.error.is_some(), "{} has neither analysis nor error, or both", line.id);
        let id = line.id.clone();
        ensure!(lines.insert(id.clone(), line).is_none(), "{id} has two results");
    }
    let outcome = |labelled: &Labelled| match lines.remove(&labelled.id) {
        Some(line) => Ok(Outcome::of(labelled, line)),
        None if printed.success => Err(anyhow!("{} has no result", labelled.id)),
        None => Ok(Outcome::without_result(labelled)),
    };
    let outcomes = labelled.iter().map(outcome).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(lines.is_empty(), "there are results of other conversations");
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::tests::samples;

    #[test]
    fn results_find_their_conversations_in_any_order() {
        let outcomes = samples::outcomes();
        let ids: Vec<_> = outcomes.iter().map(|outcome| outcome.labelled.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c", "d", "e"]);
        assert_eq!(outcomes[0].got.category, Some(CategoryLabel::ImmediateBuyer));
        assert_eq!((outcomes[0].usage.quotes_verified, outcomes[1].usage.cached_tokens), (4, 1000));
        assert_eq!((outcomes[4].error.as_deref(), outcomes[4].usage.attempts), (Some("model_refused"), 1));
    }

    #[test]
    fn results_that_do_not_fit_the_conversations_are_an_error() {
        let labelled = samples::labelled();
        let one = r#"{"id":"a","analysis":null,"error":"x","first_try_valid":false,"seconds":1}"#;
        let printed = |lines: &str| Output { stdout: lines.to_owned(), success: true };
        let error = |lines: &str, labelled: &[Labelled]| join(labelled, &printed(lines)).unwrap_err().to_string();
        assert_eq!(error(one, &labelled), "b has no result");
        assert_eq!(error(&format!("{one}\n{one}"), &labelled[..1]), "a has two results");
        assert_eq!(error(&one.replace("\"a\"", "\"z\""), &labelled[1..1]), "there are results of other conversations");
        assert!(error(&one.replace("\"x\"", "null"), &labelled[..1]).contains("neither"));
        assert!(join(&labelled[..1], &printed(one)).unwrap()[0].usage.cost_usd == Some(0.0));
    }

    #[test]
    fn what_was_answered_before_the_analysis_failed_is_kept() {
        let labelled = samples::labelled();
        let one = r#"{"id":"b","analysis":null,"error":"x","first_try_valid":false,"seconds":1}"#;
        let outcomes = join(&labelled, &Output { stdout: one.to_owned(), success: false }).unwrap();
        assert_eq!((outcomes.len(), outcomes[1].error.as_deref()), (5, Some("x")));
        assert_eq!((outcomes[0].error.as_deref(), outcomes[0].usage.cost_usd), (Some("no_result"), None));
        let with_result: Vec<_> = outcomes.iter().map(Outcome::has_result).collect();
        assert_eq!(with_result, [false, true, false, false, false]);
    }
}
