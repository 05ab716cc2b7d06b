//! Checks the model's scores for the visitor's turns, and the causes of their changes.

use std::collections::BTreeSet;

use domain::analysis::Feeling;
use domain::number::Score;
use domain::transcript::{Role, Turn};

use super::{Check, MAX_ITEMS, MAX_SENTENCE, MAX_WORDS};
use crate::answer;
use crate::normalize::says_something;
use crate::sentiment::ShiftCause;

/// The most turns that one problem names.
const MAX_NAMED: usize = 30;

impl Check<'_> {
    /// Returns the entries in the order of turns, and the number of visitor turns whose entry is missing.
    pub(super) fn timeline(&mut self, feelings: &[answer::RawTimelineEntry]) -> (Vec<Feeling>, usize) {
        let (own, transcript) = (self.scope.own.clone(), self.scope.spoken.transcript());
        let range = own.start.min(transcript.turns().len())..own.end.min(transcript.turns().len());
        let turns = transcript.turns().get(range.clone()).unwrap_or_default();
        let visitor_turns = range.zip(turns).filter(|(_, turn)| turn.role == Role::Visitor);
        let mut open: BTreeSet<usize> = visitor_turns.clone().map(|(index, _)| index).collect();
        let expects_some = visitor_turns.clone().any(|(_, turn)| says_something(&turn.text));
        let mut timeline: Vec<Feeling> = Vec::new();
        for (n, feeling) in feelings.iter().enumerate() {
            timeline.extend(self.feeling(n, feeling, &mut open));
        }
        timeline.sort_by_key(|feeling| feeling.turn);
        if timeline.is_empty() && expects_some {
            self.faults.add(|| "sentiment.timeline has no entry".to_owned());
        }
        // A turn without words, such as `…`, has no feeling to miss.
        let is_missing = |(index, turn): &(usize, &Turn)| open.contains(index) && says_something(&turn.text);
        let missing: Vec<usize> = visitor_turns.filter(is_missing).map(|(index, _)| index).collect();
        if !missing.is_empty() {
            self.shortcomings.add(|| {
                let (named, more) = missing.split_at(missing.len().min(MAX_NAMED));
                let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
                format!("sentiment.timeline has no entry for the visitor's turns {named:?}{more}")
            });
        }
        (timeline, missing.len())
    }

    fn feeling(&mut self, n: usize, feeling: &answer::RawTimelineEntry, open: &mut BTreeSet<usize>) -> Option<Feeling> {
        let turn = usize::try_from(feeling.turn).ok();
        let is_own = |turn: &usize| self.scope.own.contains(turn);
        if turn.is_some_and(|turn| self.scope.context.contains(&turn) && !is_own(&turn)) {
            return None;
        }
        let turn = turn.filter(|turn| open.remove(turn));
        let place = || format!("sentiment.timeline[{n}]");
        if turn.is_none() {
            self.faults.add(|| format!("{}.turn is not a visitor's turn, or has an entry already", place()));
        }
        let score = Score::try_from(feeling.score);
        if let Err(range) = score {
            self.faults.add(|| format!("{}.score {range}", place()));
        }
        let (turn, score) = (turn?, score.ok()?);
        Some(Feeling {
            turn,
            score,
            emotion: self.cleaned(&format!("{}.emotion", place()), &feeling.emotion, MAX_WORDS),
        })
    }

    /// Keeps the causes that have a text and turns.
    ///
    /// Code finds the shifts, so a cause without a shift is not worth another request.
    pub(super) fn causes(&mut self, shifts: &[answer::RawShift]) -> Vec<ShiftCause> {
        let mut causes = Vec::new();
        for (n, shift) in shifts.iter().take(MAX_ITEMS).enumerate() {
            let text = self.cleaned(&format!("sentiment.shifts[{n}].cause"), &shift.cause, MAX_SENTENCE);
            let (Ok(one), Ok(other)) = (usize::try_from(shift.from_turn), usize::try_from(shift.to_turn)) else {
                continue;
            };
            if !text.is_empty() {
                causes.push(ShiftCause { from_turn: one.min(other), to_turn: one.max(other), text });
            }
        }
        causes
    }
}
