//! How much of the work is done in one run.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// What is left of an invocation when it begins nothing more: a statement that is cancelled after the usual 5 s, and the
/// answer.
pub(crate) const RESERVE: Duration = Duration::from_secs(8);

pub(crate) fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// The same items, beginning with those whose turn it is: if a run does `per_run` of them, all have had theirs after as many
/// periods as it takes.
pub(crate) fn in_turn<T>(mut items: Vec<T>, now: DateTime<Utc>, period: Duration, per_run: usize) -> Vec<T> {
    if items.len() > per_run {
        let periods = u64::try_from(now.timestamp()).unwrap_or(0) / period.as_secs().max(1);
        let first = periods.wrapping_mul(per_run as u64) % items.len() as u64;
        items.rotate_left(first as usize);
    }
    items
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_item_has_its_turn_within_as_many_runs_as_it_takes() {
        for items in [1_usize, 9, 10, 11, 25, 97] {
            let runs = items.div_ceil(10);
            let begin = 1_795_341_600;
            let seen: BTreeSet<_> = (0..runs as i64)
                .flat_map(|run| {
                    let now = DateTime::from_timestamp(begin + run * 60, 0).unwrap();
                    in_turn((0..items).collect(), now, Duration::from_secs(60), 10).into_iter().take(10)
                })
                .collect();
            assert_eq!(seen.len(), items);
        }
    }
}
