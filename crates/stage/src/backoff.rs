//! Waits of messages before their next delivery.

use std::time::Duration;

use rand::RngExt;

use crate::config::{ConfigError, Env};

/// The longest wait: SQS allows 12 hours from the receive, and a function may have used up to 15 minutes of them.
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 3600 - 15 * 60);

/// Doublings of the base, at most: 65,536 times any base is beyond `max`, and the product does not overflow.
const MAX_DOUBLINGS: u32 = 16;

/// Exponential back-off with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first receive.
    pub base: Duration,
    pub max: Duration,
}

impl Backoff {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { base: env.seconds("RETRY_BASE_SECONDS")?, max: env.seconds("RETRY_MAX_SECONDS")? })
    }

    /// Returns a random wait between half of the ceiling and all of it; the ceiling doubles with each receive up to `max`.
    pub fn after(&self, receive_count: u32) -> Duration {
        // Never less than half: a service that has just failed gets time to recover.
        self.ceiling(receive_count).mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Returns a random wait between zero and the ceiling: messages that wait for the same resource must not all come
    /// back together.
    pub fn spread(&self, attempt: u32) -> Duration {
        self.ceiling(attempt).mul_f64(rand::rng().random_range(0.0..=1.0))
    }

    fn ceiling(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(MAX_DOUBLINGS);
        self.base.saturating_mul(1 << doublings).min(self.max)
    }
}

/// Rounds up to whole seconds for SQS.
pub(crate) fn whole_seconds(wait: Duration) -> i32 {
    wait.as_secs_f64().ceil() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum_and_are_spread() {
        let backoff = Backoff { base: Duration::from_secs(30), max: Duration::from_secs(100) };
        for (receives, ceiling) in [(1, 30), (2, 60), (3, 100), (50, 100)] {
            let waits: Vec<_> = (0..100).map(|_| backoff.after(receives)).collect();
            let (half, whole) = (Duration::from_secs(ceiling) / 2, Duration::from_secs(ceiling));
            assert!(waits.iter().all(|wait| (half..=whole).contains(wait)), "{receives}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "no jitter");
        }
    }

    #[test]
    fn waits_for_the_same_are_spread_from_nothing_up() {
        let backoff = Backoff { base: Duration::from_secs(30), max: Duration::from_secs(100) };
        let waits: Vec<_> = (0..1000).map(|_| backoff.spread(3)).collect();
        let share = |from: u64, to: u64| {
            let range = Duration::from_secs(from)..=Duration::from_secs(to);
            waits.iter().filter(|wait| range.contains(*wait)).count()
        };
        assert_eq!(share(0, 100), 1000);
        assert!(share(0, 25) > 150 && share(75, 100) > 150, "{waits:?}");
    }

    #[test]
    fn a_wait_is_rounded_up_and_fits_sqs() {
        assert_eq!(whole_seconds(Duration::from_millis(1200)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(1_000_000).min(MAX_VISIBILITY)), 42_300);
    }
}
