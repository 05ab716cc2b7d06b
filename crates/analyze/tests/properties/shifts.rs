use analyze::sentiment::{MAX_SHIFTS, SHIFT_THRESHOLD, ShiftCause, shifts};
use domain::analysis::Feeling;
use proptest::prelude::*;

proptest! {
    #[test]
    fn shifts_join_turns_of_the_timeline_in_order_and_are_large_enough(
        scores in prop::collection::vec(-10i32..=10, 0..200),
        causes in prop::collection::vec((0usize..250, 0usize..9), 0..20)
    ) {
        let feeling = |(n, tenths): (usize, &i32)| Feeling {
            turn: n + n % 2, score: (f64::from(*tenths) / 10.0).try_into().unwrap(), emotion: String::new(),
        };
        let mut timeline: Vec<_> = scores.iter().enumerate().map(feeling).collect();
        timeline.dedup_by_key(|feeling| feeling.turn);
        let cause = |(from_turn, turns): (usize, usize)| ShiftCause { from_turn, to_turn: from_turn + turns, text: "c".into() };
        let causes: Vec<_> = causes.into_iter().map(cause).collect();
        let found = shifts(&timeline, &causes);
        let score = |turn| timeline.iter().find(|feeling| feeling.turn == turn).map(|feeling| feeling.score);
        let mut last = 0;
        for shift in &found {
            prop_assert!(last <= shift.from_turn && shift.from_turn < shift.to_turn);
            prop_assert_eq!((score(shift.from_turn), score(shift.to_turn)), (Some(shift.from), Some(shift.to)));
            prop_assert!((shift.to.get() - shift.from.get()).abs() >= SHIFT_THRESHOLD - 1e-9);
            last = shift.to_turn;
        }
        prop_assert!(found.len() <= MAX_SHIFTS);
        let is_steep = timeline.windows(2).any(|pair| (pair[0].score.get() - pair[1].score.get()).abs() >= 0.51);
        prop_assert!(!is_steep || !found.is_empty());
    }
}
