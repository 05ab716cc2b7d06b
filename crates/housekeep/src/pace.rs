//! Limits the work of one run.

use std::time::{Duration, Instant};

/// Time before the deadline in which nothing more begins: for a statement that is cancelled after the usual 5 s, and for
/// the answer.
pub(crate) const RESERVE: Duration = Duration::from_secs(8);

pub(crate) fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Rotates the items at random: a run that does not reach all of them leaves out others each time.
pub(crate) fn from_anywhere<T>(items: Vec<T>) -> Vec<T> {
    beginning_at(rand::random_range(0..items.len().max(1)), items)
}

fn beginning_at<T>(first: usize, mut items: Vec<T>) -> Vec<T> {
    items.rotate_left(first);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_out_and_everything_can_be_the_first() {
        let from_each: Vec<_> = (0..3).map(|first| beginning_at(first, vec!['a', 'b', 'c'])).collect();
        assert_eq!(from_each, [['a', 'b', 'c'], ['b', 'c', 'a'], ['c', 'a', 'b']]);
        let firsts: std::collections::BTreeSet<_> = (0..1000).map(|_| from_anywhere(vec![1, 2, 3])[0]).collect();
        assert_eq!(firsts.len(), 3);
        assert_eq!(from_anywhere(Vec::<u8>::new()), [0; 0]);
    }
}
