//! SES's sending rate: a number of mails per second, and unused ones up to a burst.

use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use axum::response::Response;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::aws_error;

/// As it is posted to `/_throttle`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    per_second: u32,
    /// Mails at once after a while without any; `per_second` unless given.
    #[serde(default)]
    burst: Option<u32>,
}

/// `None` inside: every mail is taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Throttle(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    bucket: Option<Bucket>,
    refused: u64,
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
    pub(crate) fn set(&self, rate: Rate, now: Instant) -> Result<(), String> {
        let burst = rate.burst.unwrap_or(rate.per_second);
        if burst == 0 {
            return Err("with a burst of 0 no mail is ever taken".to_owned());
        }
        let (per_second, burst) = (f64::from(rate.per_second), f64::from(burst));
        self.0.lock().bucket = Some(Bucket { per_second, burst, tokens: burst, filled_at: now });
        Ok(())
    }

    pub(crate) fn remove(&self) {
        self.0.lock().bucket = None;
    }

    /// How many mails it has refused.
    pub(crate) fn refused(&self) -> u64 {
        self.0.lock().refused
    }

    /// SES's answer where the rate is exceeded.
    pub(crate) fn refusal(&self, now: Instant) -> Option<Response> {
        let mut counted = self.0.lock();
        if counted.bucket.as_mut().is_none_or(|bucket| bucket.take(now)) {
            return None;
        }
        counted.refused += 1;
        let status = StatusCode::TOO_MANY_REQUESTS;
        Some(aws_error::response(status, "TooManyRequestsException", "Maximum sending rate exceeded."))
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

    fn taken(throttle: &Throttle, tries: u32, now: Instant) -> usize {
        (0..tries).filter(|_| throttle.refusal(now).is_none()).count()
    }

    #[test]
    fn a_rate_takes_a_burst_and_then_so_many_in_each_second() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        assert_eq!(taken(&throttle, 100, start), 100);
        throttle.set(Rate { per_second: 14, burst: None }, start).unwrap();
        assert_eq!(taken(&throttle, 100, start), 14);
        assert_eq!(taken(&throttle, 100, start + Duration::from_millis(500)), 7);
        assert_eq!(taken(&throttle, 100, start + Duration::from_secs(60)), 14);
        assert_eq!(throttle.refused(), 86 + 93 + 86);
        throttle.remove();
        assert_eq!(taken(&throttle, 100, start), 100);
    }

    #[test]
    fn a_burst_is_bounded_apart_from_the_rate() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        throttle.set(Rate { per_second: 14, burst: Some(2) }, start).unwrap();
        assert_eq!(taken(&throttle, 100, start), 2);
        assert_eq!(taken(&throttle, 100, start + Duration::from_secs(1)), 2);
        assert!(throttle.set(Rate { per_second: 0, burst: None }, start).is_err());
    }
}
