//! How long a message waits before its next delivery.

use std::time::Duration;

use rand::RngExt;

use crate::config::{ConfigError, Env};

/// The longest wait: SQS allows 12 hours from the receive, of which the longest function time-out, 15 minutes, may be
/// gone already.
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 3600 - 15 * 60);

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

    /// Doubles with each receive up to `max`; the actual wait is between half of that and all of it.
    pub fn after(&self, receive_count: u32) -> Duration {
        let doublings = receive_count.saturating_sub(1).min(16);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.max);
        ceiling.mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

/// Whole seconds for SQS, rounded up.
pub(crate) fn visibility_seconds(wait: Duration) -> i32 {
    let seconds = wait.min(MAX_VISIBILITY).as_secs_f64().ceil();
    seconds as i32
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
    fn a_wait_is_rounded_up_and_fits_sqs() {
        assert_eq!(visibility_seconds(Duration::from_millis(1200)), 2);
        assert_eq!(visibility_seconds(Duration::from_secs(1_000_000)), 42_300);
    }
}
