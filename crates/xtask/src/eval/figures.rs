//! The figures of a run, from its conversations.

use std::collections::BTreeMap;

use domain::analysis::{CategoryLabel, Usage};
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::table::median;

/// Stands for the category of an analysis without a category.
pub(super) const NONE: &str = "none";

/// A rate or mean is `None` where there is nothing to divide by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) conversations: usize,
    /// Conversations whose first answer was valid, of all that were sent to a model.
    pub(super) first_try_valid: Share,
    pub(super) attempts: Attempts,
    /// Quotes that stand where the model says, of all it gave.
    pub(super) quotes: Share,
    /// A conversation without an analysis, or without a category in it, counts as wrong.
    pub(super) category: Share,
    pub(super) macro_f1: f64,
    pub(super) confusion: Confusion,
    pub(super) by_language: BTreeMap<String, Share>,
    pub(super) by_channel: BTreeMap<String, Share>,
    pub(super) by_difficulty: BTreeMap<String, Share>,
    /// Mean absolute difference to the label, where there are both.
    pub(super) sentiment_error: Option<f64>,
    /// The visitor's achievement, where the conversation is labelled with it.
    pub(super) outcome: Share,
    /// Conversations without an analysis, by code.
    pub(super) failures: BTreeMap<String, usize>,
    /// Analyses that are not `ok`, by code.
    pub(super) limited: BTreeMap<String, usize>,
    pub(super) tokens: Tokens,
    /// `None` where the price of one conversation is not known.
    pub(super) cost_usd: Option<f64>,
    pub(super) seconds: Seconds,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) hits: u64,
    pub(super) of: u64,
    pub(super) rate: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tokens {
    /// Neither read from nor written to the prompt cache.
    pub(super) input: u64,
    pub(super) output: u64,
    /// Read from the prompt cache.
    pub(super) cached: u64,
    /// Written to the prompt cache.
    pub(super) written: u64,
}

/// Over the conversations about which a model was asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Attempts {
    pub(super) mean: Option<f64>,
    pub(super) max: u32,
}

/// Per conversation; the sum is longer than the run where several are analysed at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Seconds {
    pub(super) total: f64,
    pub(super) p50: Option<f64>,
    pub(super) max: Option<f64>,
}

/// Conversations by expected category, then by given category; every cell exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Confusion(BTreeMap<String, BTreeMap<String, usize>>);

impl Confusion {
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let row = || categories().map(|name| (name.to_owned(), 0)).collect::<BTreeMap<_, _>>();
        let mut rows = BTreeMap::from(CategoryLabel::ALL.map(|label| (label.as_str().to_owned(), row())));
        for outcome in outcomes {
            let given = outcome.got.category.map_or(NONE, CategoryLabel::as_str);
            let row = rows.entry(outcome.labelled.expected.category.as_str().to_owned()).or_default();
            *row.entry(given.to_owned()).or_default() += 1;
        }
        Self(rows)
    }

    pub(super) fn cell(&self, expected: &str, given: &str) -> usize {
        self.0.get(expected).and_then(|row| row.get(given)).copied().unwrap_or_default()
    }

    /// The mean of the F1 of all five categories. A category that was never given, or never rightly, has 0.
    pub(super) fn macro_f1(&self) -> f64 {
        let labels = CategoryLabel::ALL.map(CategoryLabel::as_str);
        labels.iter().map(|label| self.f1(label)).sum::<f64>() / 5.0
    }

    /// Twice the hits, divided by how often the category was expected and how often it was given.
    #[expect(clippy::cast_precision_loss, reason = "counts of conversations")]
    fn f1(&self, label: &str) -> f64 {
        let hits = self.cell(label, label);
        let expected: usize = categories().map(|name| self.cell(label, name)).sum();
        let given: usize = CategoryLabel::ALL.iter().map(|row| self.cell(row.as_str(), label)).sum();
        if hits == 0 { 0.0 } else { 2.0 * hits as f64 / (expected + given) as f64 }
    }
}

/// The possible answers: the categories, and none.
pub(super) fn categories() -> impl Iterator<Item = &'static str> {
    CategoryLabel::ALL.into_iter().map(CategoryLabel::as_str).chain([NONE])
}

impl Share {
    fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>, is_hit: impl Fn(&Outcome) -> bool) -> Self {
        let hits: Vec<_> = outcomes.into_iter().map(is_hit).collect();
        let (hits, of) = (hits.iter().filter(|hit| **hit).count() as u64, hits.len() as u64);
        Self { hits, of, rate: ratio(hits as f64, of as f64) }
    }
}

impl Figures {
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let asked = || outcomes.iter().filter(|one| one.usage.attempts > 0);
        let sum = |part: fn(&Usage) -> u64| outcomes.iter().map(|one| part(&one.usage)).sum::<u64>();
        let verified = sum(|usage| usage.quotes_verified.into());
        let quotes = verified + sum(|usage| usage.quotes_dropped.into());
        let confusion = Confusion::of(outcomes);
        Self {
            conversations: outcomes.len(),
            first_try_valid: Share::of(asked(), |one| one.first_try_valid),
            attempts: Attempts {
                mean: mean(asked().map(|one| one.usage.attempts.into())),
                max: asked().map(|one| one.usage.attempts).max().unwrap_or_default(),
            },
            quotes: Share { hits: verified, of: quotes, rate: ratio(verified as f64, quotes as f64) },
            category: Share::of(outcomes, Outcome::is_correct),
            macro_f1: confusion.macro_f1(),
            confusion,
            by_language: correct_by(outcomes, |one| &one.labelled.language),
            by_channel: correct_by(outcomes, |one| one.labelled.channel.as_str()),
            by_difficulty: correct_by(outcomes, |one| &one.labelled.difficulty),
            sentiment_error: mean(outcomes.iter().filter_map(sentiment_error)),
            outcome: Share::of(outcomes.iter().filter(|one| one.labelled.expected.outcome.is_some()), |one| {
                one.got.outcome == one.labelled.expected.outcome
            }),
            failures: count(outcomes.iter().filter_map(|one| one.error.as_deref())),
            limited: count(outcomes.iter().filter_map(|one| one.code.as_deref())),
            tokens: Tokens {
                input: sum(|usage| usage.input_tokens),
                output: sum(|usage| usage.output_tokens),
                cached: sum(|usage| usage.cached_tokens),
                written: sum(|usage| usage.cache_write_tokens),
            },
            cost_usd: outcomes.iter().map(|one| one.usage.cost_usd).sum(),
            seconds: seconds(outcomes),
        }
    }
}

fn ratio(part: f64, of: f64) -> Option<f64> {
    (of > 0.0).then(|| part / of)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<_> = values.collect();
    ratio(values.iter().sum(), values.len() as f64)
}

fn correct_by<'a>(outcomes: &'a [Outcome], group: impl Fn(&'a Outcome) -> &'a str) -> BTreeMap<String, Share> {
    let mut groups = BTreeMap::<&str, Vec<&Outcome>>::new();
    for outcome in outcomes {
        groups.entry(group(outcome)).or_default().push(outcome);
    }
    groups.into_iter().map(|(name, of)| (name.to_owned(), Share::of(of, Outcome::is_correct))).collect()
}

fn sentiment_error(outcome: &Outcome) -> Option<f64> {
    Some((outcome.got.sentiment? - outcome.labelled.expected.sentiment?.get()).abs())
}

fn count<'a>(codes: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for code in codes {
        *counts.entry(code.to_owned()).or_default() += 1;
    }
    counts
}

fn seconds(outcomes: &[Outcome]) -> Seconds {
    let mut seconds: Vec<_> = outcomes.iter().map(|outcome| outcome.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let p50 = (!seconds.is_empty()).then(|| median(&seconds));
    Seconds { total: seconds.iter().sum(), p50, max: seconds.last().copied() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::tests::samples;

    fn close(left: Option<f64>, right: f64) -> bool {
        left.is_some_and(|left| (left - right).abs() < 1e-12)
    }

    #[test]
    fn the_figures_are_those_computed_by_hand() {
        let figures = Figures::of(&samples::outcomes());
        assert_eq!(figures.first_try_valid, Share { hits: 3, of: 5, rate: Some(0.6) });
        assert!(close(figures.attempts.mean, 7.0 / 5.0) && figures.attempts.max == 3);
        assert!(close(figures.quotes.rate, 8.0 / 10.0));
        assert_eq!(figures.category, Share { hits: 3, of: 5, rate: Some(0.6) });
        // |0.4 - 0.5|, |0.2 - 0.2|, |-0.8 + 0.5|, |0.4 - 0.0|; the refused one has none.
        assert!(close(figures.sentiment_error, 0.8 / 4.0), "{:?}", figures.sentiment_error);
        assert_eq!((figures.outcome.hits, figures.outcome.of), (2, 5));
        assert_eq!(figures.tokens, Tokens { input: 2500, output: 500, cached: 1000, written: 50 });
        assert_eq!(figures.seconds, Seconds { total: 20.0, p50: Some(3.0), max: Some(10.0) });
        assert_eq!(figures.failures, BTreeMap::from([("model_refused".to_owned(), 1)]));
        assert_eq!(figures.limited, BTreeMap::from([("category_without_evidence".to_owned(), 1)]));
    }

    #[test]
    fn accuracy_is_given_by_group() {
        let figures = Figures::of(&samples::outcomes());
        assert_eq!(figures.by_language["en"], Share { hits: 2, of: 2, rate: Some(1.0) });
        assert_eq!(figures.by_language["de"], Share { hits: 1, of: 2, rate: Some(0.5) });
        assert_eq!(figures.by_difficulty["hard"].hits, 1);
        assert_eq!(figures.by_channel["text"], Share { hits: 1, of: 3, rate: Some(1.0 / 3.0) });
    }

    #[test]
    fn a_cost_is_known_only_if_all_are() {
        let outcomes = samples::outcomes();
        assert_eq!(Figures::of(&outcomes).cost_usd, None);
        assert!(close(Figures::of(&outcomes[..3]).cost_usd, 0.06));
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        let figures = Figures::of(&[]);
        assert_eq!((figures.category.rate, figures.attempts.mean, figures.seconds.p50), (None, None, None));
        assert_eq!((figures.quotes.rate, figures.sentiment_error), (None, None));
        assert_eq!(Figures::of(&samples::outcomes()[..2]).seconds.p50, Some(6.0));
    }

    #[test]
    fn every_conversation_is_in_one_cell() {
        let confusion = Confusion::of(&samples::outcomes());
        assert_eq!(confusion.cell("facing_issue", "facing_issue"), 1);
        assert_eq!(confusion.cell("facing_issue", "immediate_buyer"), 1);
        assert_eq!(confusion.cell("others", NONE), 1);
        let all: usize = confusion.0.values().flat_map(BTreeMap::values).sum();
        assert_eq!(all, 5);
    }

    #[test]
    fn macro_f1_is_the_mean_over_five_classes_and_a_missing_one_counts_as_nothing() {
        // immediate_buyer 2·1/(1+2), potential_buyer 2·1/(1+1), facing_issue 2·1/(2+1); the other two have no hit.
        let expected = (2.0 / 3.0 + 1.0 + 2.0 / 3.0) / 5.0;
        assert!((Confusion::of(&samples::outcomes()).macro_f1() - expected).abs() < 1e-12);
        assert_eq!(Confusion::of(&[]).macro_f1(), 0.0);
    }
}
