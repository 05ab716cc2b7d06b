//! The figures of a run, from its conversations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use super::outcome::{Outcome, Quotes, Tokens};

/// A rate or mean is `None` where there is nothing to divide by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) conversations: usize,
    /// Conversations whose first answer was valid, of all that were sent to a model.
    pub(super) first_try_valid: Share,
    pub(super) attempts: Attempts,
    pub(super) quotes: Quotes,
    /// Quotes that stand where the model says, of all it gave.
    pub(super) verified_quotes: Option<f64>,
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
    pub(super) hits: usize,
    pub(super) of: usize,
    pub(super) rate: Option<f64>,
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

impl Share {
    fn new(hits: usize, of: usize) -> Self {
        Self { hits, of, rate: mean(hits as f64, of) }
    }

    fn correct<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        let (mut hits, mut of) = (0, 0);
        for outcome in outcomes {
            of += 1;
            hits += usize::from(outcome.is_correct());
        }
        Self::new(hits, of)
    }
}

impl Figures {
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let asked: Vec<_> = outcomes.iter().filter(|outcome| outcome.attempts > 0).collect();
        let valid = asked.iter().filter(|outcome| outcome.first_try_valid).count();
        let attempts = asked.iter().map(|outcome| f64::from(outcome.attempts)).sum();
        let quotes = sum_quotes(outcomes);
        let confusion = Confusion::of(outcomes);
        Self {
            conversations: outcomes.len(),
            first_try_valid: Share::new(valid, asked.len()),
            attempts: Attempts {
                mean: mean(attempts, asked.len()),
                max: asked.iter().map(|outcome| outcome.attempts).max().unwrap_or_default(),
            },
            quotes,
            verified_quotes: rate(quotes.verified, quotes.verified + quotes.dropped),
            category: Share::correct(outcomes.iter()),
            macro_f1: confusion.macro_f1(),
            confusion,
            by_language: correct_by(outcomes, |outcome| &outcome.language),
            by_channel: correct_by(outcomes, |outcome| outcome.channel.as_str()),
            by_difficulty: correct_by(outcomes, |outcome| &outcome.difficulty),
            sentiment_error: sentiment_error(outcomes),
            outcome: achieved(outcomes),
            failures: count(outcomes.iter().filter_map(|outcome| outcome.error.as_deref())),
            limited: count(outcomes.iter().filter_map(|outcome| outcome.code.as_deref())),
            tokens: sum_tokens(outcomes),
            cost_usd: outcomes.iter().map(|outcome| outcome.cost_usd).sum(),
            seconds: seconds(outcomes),
        }
    }
}

fn mean(sum: f64, of: usize) -> Option<f64> {
    (of > 0).then(|| sum / of as f64)
}

fn rate(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

fn correct_by<'a>(outcomes: &'a [Outcome], group: impl Fn(&'a Outcome) -> &'a str) -> BTreeMap<String, Share> {
    let mut groups = BTreeMap::<&str, Vec<&Outcome>>::new();
    for outcome in outcomes {
        groups.entry(group(outcome)).or_default().push(outcome);
    }
    groups.into_iter().map(|(name, of)| (name.to_owned(), Share::correct(of.into_iter()))).collect()
}

fn sentiment_error(outcomes: &[Outcome]) -> Option<f64> {
    let errors = outcomes.iter().filter_map(|one| Some((one.got.sentiment? - one.expected.sentiment?).abs()));
    let errors: Vec<_> = errors.collect();
    mean(errors.iter().sum(), errors.len())
}

fn achieved(outcomes: &[Outcome]) -> Share {
    let labelled = || outcomes.iter().filter(|outcome| outcome.expected.outcome.is_some());
    Share::new(labelled().filter(|one| one.got.outcome == one.expected.outcome).count(), labelled().count())
}

fn count<'a>(codes: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for code in codes {
        *counts.entry(code.to_owned()).or_default() += 1;
    }
    counts
}

fn sum_quotes(outcomes: &[Outcome]) -> Quotes {
    outcomes.iter().fold(Quotes::default(), |sum, one| Quotes {
        verified: sum.verified + one.quotes.verified,
        dropped: sum.dropped + one.quotes.dropped,
    })
}

fn sum_tokens(outcomes: &[Outcome]) -> Tokens {
    outcomes.iter().fold(Tokens::default(), |sum, one| Tokens {
        input: sum.input + one.tokens.input,
        output: sum.output + one.tokens.output,
        cached: sum.cached + one.tokens.cached,
        written: sum.written + one.tokens.written,
    })
}

fn seconds(outcomes: &[Outcome]) -> Seconds {
    let mut seconds: Vec<_> = outcomes.iter().map(|outcome| outcome.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let middle = |at: usize| seconds.get(at).copied();
    let p50 = match seconds.len() {
        0 => None,
        even if even % 2 == 0 => middle(even / 2 - 1).zip(middle(even / 2)).map(|(low, high)| (low + high) / 2.0),
        odd => middle(odd / 2),
    };
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
        assert!(close(figures.verified_quotes, 8.0 / 10.0));
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
    fn accuracy_is_told_by_group() {
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
        assert_eq!((figures.verified_quotes, figures.sentiment_error), (None, None));
        assert_eq!(Figures::of(&samples::outcomes()[..2]).seconds.p50, Some(6.0));
    }
}
