//! SES's sending rate: a number of mails per second, and unused ones up to a burst.

use std::time::Instant;

use serde::Deserialize;

/// The body of `PUT /_throttle`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    per_second: u32,
    /// Mails at once after a while without any; `per_second` unless given.
    burst: Option<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// `None`: every mail is taken.
    bucket: Option<Bucket>,
    /// How many mails were refused.
    pub(crate) refused: u64,
}

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled_at: Instant,
}

impl Throttle {
    /// Starts with a full burst; `Err` says why a rate makes no sense.
    pub(crate) fn set(&mut self, rate: Rate, now: Instant) -> Result<(), String> {
        let burst = rate.burst.unwrap_or(rate.per_second);
        if burst == 0 {
            return Err("with a burst of 0 no mail is ever taken".to_owned());
        }
        let (per_second, burst) = (f64::from(rate.per_second), f64::from(burst));
        self.bucket = Some(Bucket { per_second, burst, tokens: burst, filled_at: now });
        Ok(())
    }

    pub(crate) fn remove(&mut self) {
        self.bucket = None;
    }

    /// Whether the rate allows one more mail.
    pub(crate) fn takes(&mut self, now: Instant) -> bool {
        let takes = self.bucket.as_mut().is_none_or(|bucket| bucket.take(now));
        self.refused += u64::from(!takes);
        takes
    }
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        self.filled_at = now;
        let takes = self.tokens >= 1.0;
        if takes {
            self.tokens -= 1.0;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(throttle: &mut Throttle, tries: u32, now: Instant) -> usize {
        (0..tries).filter(|_| throttle.takes(now)).count()
    }

    #[test]
    fn a_rate_takes_a_burst_and_then_so_many_in_each_second() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        assert_eq!(taken(&mut throttle, 100, start), 100);
        throttle.set(Rate { per_second: 14, burst: None }, start).unwrap();
        assert_eq!(taken(&mut throttle, 100, start), 14);
        assert_eq!(taken(&mut throttle, 100, start + Duration::from_millis(500)), 7);
        assert_eq!(taken(&mut throttle, 100, start + Duration::from_secs(60)), 14);
        assert_eq!(throttle.refused, 86 + 93 + 86);
        throttle.remove();
        assert_eq!(taken(&mut throttle, 100, start), 100);
    }

    #[test]
    fn a_burst_is_bounded_apart_from_the_rate() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        throttle.set(Rate { per_second: 14, burst: Some(2) }, start).unwrap();
        assert_eq!(taken(&mut throttle, 100, start), 2);
        assert_eq!(taken(&mut throttle, 100, start + Duration::from_secs(1)), 2);
        assert!(throttle.set(Rate { per_second: 0, burst: None }, start).is_err());
    }
}
