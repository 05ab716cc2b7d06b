//! The visitor's sentiment: code computes average, label and shifts, and the model names the causes.

use domain::analysis::{Feeling, Sentiment, SentimentLabel, Shift};
use domain::number::Score;
use serde::{Deserialize, Serialize};

/// The least average of a positive conversation; its negative is the greatest average of a negative one.
pub const CLEAR: f64 = 0.25;
/// The score of a strong turn: a conversation with a strong positive and a strong negative turn is mixed.
pub const STRONG: f64 = 0.5;
/// The least difference of two extremes that makes a shift: a quarter of the scale.
pub const SHIFT_THRESHOLD: f64 = 0.5;
/// The most shifts; the largest ones are kept.
pub const MAX_SHIFTS: usize = 50;
/// A tolerance for decimals: 0.7 - 0.2 is a shift of 0.5, and less in binary numbers.
const ROUNDING: f64 = 1e-9;

/// The model's reason for a change of sentiment between two turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftCause {
    pub from_turn: usize,
    /// A turn not before `from_turn`.
    pub to_turn: usize,
    /// A cleaned text that is not empty.
    pub text: String,
}

/// Computes the sentiment of a timeline, which must be in the order of turns; `None` if the timeline is empty.
pub fn sentiment(timeline: Vec<Feeling>, causes: &[ShiftCause], patterns: Vec<String>) -> Option<Sentiment> {
    let average = Score::mean(timeline.iter().map(|feeling| feeling.score))?;
    let (label, shifts) = (label(average, &timeline), shifts(&timeline, causes));
    Some(Sentiment { average, label, timeline, shifts, patterns })
}

pub fn label(average: Score, timeline: &[Feeling]) -> SentimentLabel {
    let any = |test: fn(f64) -> bool| timeline.iter().any(|feeling| test(feeling.score.get()));
    if any(|score| score >= STRONG) && any(|score| score <= -STRONG) {
        return SentimentLabel::Mixed;
    }
    match average.get() {
        average if average >= CLEAR => SentimentLabel::Positive,
        average if average <= -CLEAR => SentimentLabel::Negative,
        _ => SentimentLabel::Neutral,
    }
}

/// Finds the swings from one extreme to the next of at least [`SHIFT_THRESHOLD`], in the order of turns.
///
/// A move back by less than the threshold does not end a swing. If a score is reached twice, a swing ends at the first
/// turn and the next swing begins at the last turn. Each cause belongs to the swing with which it shares most turns.
pub fn shifts(timeline: &[Feeling], causes: &[ShiftCause]) -> Vec<Shift> {
    let mut shifts = swings(timeline);
    shifts.sort_by(|one, other| size(other).total_cmp(&size(one)));
    shifts.truncate(MAX_SHIFTS);
    shifts.sort_by_key(|shift| shift.from_turn);
    let mut shared = vec![0; shifts.len()];
    for cause in causes {
        let overlaps = shifts.iter().map(|shift| overlap(shift, cause)).enumerate();
        // `max_by_key` returns the last of equal items: here that is the first swing.
        let Some((n, turns)) = overlaps.rev().max_by_key(|(_, turns)| *turns) else { break };
        if turns > shared[n] {
            shared[n] = turns;
            shifts[n].cause = Some(cause.text.clone());
        }
    }
    shifts
}

fn size(shift: &Shift) -> f64 {
    (shift.to.get() - shift.from.get()).abs()
}

/// Counts the steps between turns that both cover; a cause of one turn covers the step to this turn.
fn overlap(shift: &Shift, cause: &ShiftCause) -> usize {
    let is_one_turn = cause.from_turn == cause.to_turn;
    let from = cause.from_turn.saturating_sub(usize::from(is_one_turn));
    cause.to_turn.min(shift.to_turn).saturating_sub(from.max(shift.from_turn))
}

/// A score and the first and last turn that reached it.
#[derive(Clone, Copy)]
struct Extreme {
    score: f64,
    first: usize,
    last: usize,
}

impl Extreme {
    fn at(feeling: &Feeling) -> Self {
        Self { score: feeling.score.get(), first: feeling.turn, last: feeling.turn }
    }

    /// Moves the extreme if the score goes further up (`sign` 1) or down (-1).
    fn follow(&mut self, feeling: &Feeling, sign: f64) {
        let further = (feeling.score.get() - self.score) * sign;
        if further > 0.0 {
            *self = Self::at(feeling);
        } else if further == 0.0 {
            self.last = feeling.turn;
        }
    }
}

/// Finds swings: a swing ends at its extreme, once the score has come back by the threshold.
fn swings(timeline: &[Feeling]) -> Vec<Shift> {
    let Some(first) = timeline.first() else { return Vec::new() };
    let mut swings = Vec::new();
    let (mut low, mut high) = (Extreme::at(first), Extreme::at(first));
    // 1 while the score goes up from `low`, -1 while it goes down from `high`, 0 while neither is clear.
    let mut direction = 0.0;
    for feeling in timeline {
        let score = feeling.score.get();
        if direction >= 0.0 {
            high.follow(feeling, 1.0);
        }
        if direction <= 0.0 {
            low.follow(feeling, -1.0);
        }
        if direction <= 0.0 && score - low.score >= SHIFT_THRESHOLD - ROUNDING {
            swings.extend((direction < 0.0).then(|| swing(&high, &low)).flatten());
            (direction, high) = (1.0, Extreme::at(feeling));
        } else if direction >= 0.0 && high.score - score >= SHIFT_THRESHOLD - ROUNDING {
            swings.extend((direction > 0.0).then(|| swing(&low, &high)).flatten());
            (direction, low) = (-1.0, Extreme::at(feeling));
        }
    }
    swings.extend(match direction {
        up if up > 0.0 => swing(&low, &high),
        down if down < 0.0 => swing(&high, &low),
        _ => None,
    });
    swings
}

fn swing(from: &Extreme, to: &Extreme) -> Option<Shift> {
    let score = |extreme: &Extreme| Score::try_from(extreme.score).ok();
    let in_order = from.last < to.first;
    let (from_turn, to_turn) = (from.last, to.first);
    in_order.then_some(Shift { from_turn, to_turn, from: score(from)?, to: score(to)?, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(scores: &[f64]) -> Vec<Feeling> {
        let feeling = |(n, score): (usize, &f64)| Feeling {
            turn: 2 * n + 1,
            score: (*score).try_into().unwrap(),
            emotion: "x".into(),
        };
        scores.iter().enumerate().map(feeling).collect()
    }

    fn found(scores: &[f64]) -> Vec<(usize, usize)> {
        shifts(&timeline(scores), &[]).iter().map(|shift| (shift.from_turn, shift.to_turn)).collect()
    }

    #[test]
    fn the_label_follows_the_average_unless_both_ends_were_reached() {
        let label = |scores: &[f64]| sentiment(timeline(scores), &[], vec![]).unwrap().label;
        assert_eq!(label(&[0.25]), SentimentLabel::Positive);
        assert_eq!(label(&[0.2, -0.2]), SentimentLabel::Neutral);
        assert_eq!(label(&[-0.9, 0.1]), SentimentLabel::Negative);
        assert_eq!(label(&[-0.5, 0.9, 0.9]), SentimentLabel::Mixed);
        assert_eq!(sentiment(vec![], &[], vec![]), None);
    }

    #[test]
    fn shifts_go_from_extreme_to_extreme() {
        assert_eq!(found(&[0.0, -0.8, -0.2, 0.6]), [(1, 3), (3, 7)]);
        assert_eq!(found(&[-0.8, -0.6, -0.7, 0.1, 0.4]), [(1, 9)], "a small move back does not end a swing");
        assert_eq!(found(&[0.0, 0.4, 0.0, -0.09, 0.3]), []);
        assert_eq!(found(&[0.2, 0.7]), [(1, 3)]);
        assert_eq!(found(&[0.9, 0.9, 0.1, 0.1, 0.1, 0.9]), [(3, 5), (9, 11)], "flat stretches belong to no swing");
        assert_eq!((found(&[]), found(&[1.0])), (vec![], vec![]));
    }

    #[test]
    fn a_cause_goes_where_it_shares_the_most_turns() {
        let timeline = timeline(&[0.5, -0.5, 0.5]);
        let cause = |from_turn, to_turn, text: &str| ShiftCause { from_turn, to_turn, text: text.into() };
        let causes = |causes: &[ShiftCause]| shifts(&timeline, causes).into_iter().map(|s| s.cause).collect::<Vec<_>>();
        let (down, up) = (Some("down".to_owned()), Some("up".to_owned()));
        assert_eq!(causes(&[cause(1, 3, "down"), cause(3, 5, "up")]), [down.clone(), up.clone()]);
        assert_eq!(causes(&[cause(0, 2, "less"), cause(1, 3, "down"), cause(4, 4, "up")]), [down, up]);
        assert_eq!(causes(&[cause(5, 99, "later"), cause(0, 1, "earlier")]), [None, None]);
    }

    #[test]
    fn of_many_shifts_the_largest_are_kept_in_order() {
        let mut scores: Vec<f64> = (0..20_000).map(|n| if n % 2 == 0 { -0.3 } else { 0.3 }).collect();
        scores[7_000] = -1.0;
        let found = shifts(&timeline(&scores), &[]);
        assert_eq!(found.len(), MAX_SHIFTS);
        assert!(found.iter().any(|shift| shift.to_turn == 14_001 && shift.to.get() == -1.0));
        assert!(found.is_sorted_by_key(|shift| shift.from_turn));
    }
}
