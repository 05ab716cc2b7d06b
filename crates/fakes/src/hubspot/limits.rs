//! How many requests a portal takes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue};
use chrono::NaiveDate;
use serde::Deserialize;

use crate::faults::HubSpotLimit;

/// Over which requests are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// Requests in ten seconds and in a day.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    ten_secondly: usize,
    daily: usize,
}

/// More than any test sends: HubSpot's own are 100 to 250, and 250,000 to 1,000,000.
impl Default for Limits {
    fn default() -> Self {
        Self { ten_secondly: 100_000, daily: 1_000_000 }
    }
}

/// Counts a portal's requests. Refused requests do not count towards the limits.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) limits: Limits,
    /// When the requests of the last ten seconds were taken, the oldest first.
    window: VecDeque<Instant>,
    day: Option<NaiveDate>,
    taken_today: usize,
    /// All requests, including refused ones.
    pub(crate) requests: u64,
    /// Requests beyond a limit.
    pub(crate) violations: u64,
}

impl Meter {
    /// Takes a request, or says which limit it goes beyond.
    pub(crate) fn take(&mut self, now: Instant, today: NaiveDate) -> Result<(), HubSpotLimit> {
        self.requests += 1;
        if self.day != Some(today) {
            (self.day, self.taken_today) = (Some(today), 0);
        }
        while self.window.front().is_some_and(|taken| now.duration_since(*taken) >= WINDOW) {
            self.window.pop_front();
        }
        let limit = if self.taken_today >= self.limits.daily {
            HubSpotLimit::Daily
        } else if self.window.len() >= self.limits.ten_secondly {
            HubSpotLimit::TenSecondlyRolling
        } else {
            self.taken_today += 1;
            self.window.push_back(now);
            return Ok(());
        };
        self.violations += 1;
        Err(limit)
    }

    /// Shows what is left after the last request; HubSpot shows OAuth apps nothing of the day.
    pub(crate) fn show(&self, headers: &mut HeaderMap, shows_day: bool) {
        let Limits { ten_secondly, daily } = self.limits;
        let mut set = |name: &'static str, value: usize| headers.insert(name, HeaderValue::from(value));
        set("x-hubspot-ratelimit-max", ten_secondly);
        set("x-hubspot-ratelimit-remaining", ten_secondly.saturating_sub(self.window.len()));
        set("x-hubspot-ratelimit-interval-milliseconds", 10_000);
        if shows_day {
            set("x-hubspot-ratelimit-daily", daily);
            set("x-hubspot-ratelimit-daily-remaining", daily.saturating_sub(self.taken_today));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: NaiveDate = NaiveDate::MIN;

    #[test]
    fn the_window_rolls_and_what_was_refused_is_not_in_it() {
        let mut meter = Meter { limits: Limits { ten_secondly: 2, daily: 9 }, ..Meter::default() };
        let start = Instant::now();
        let mut at = |seconds: u64| meter.take(start + Duration::from_secs(seconds), TODAY);
        assert_eq!((at(0), at(4)), (Ok(()), Ok(())));
        assert_eq!((at(5), at(9)), (Err(HubSpotLimit::TenSecondlyRolling), Err(HubSpotLimit::TenSecondlyRolling)));
        assert_eq!((at(10), at(11)), (Ok(()), Err(HubSpotLimit::TenSecondlyRolling)));
        assert_eq!((at(14), meter.requests, meter.violations), (Ok(()), 7, 3));
    }

    #[test]
    fn the_day_ends_the_daily_limit() {
        let mut meter = Meter { limits: Limits { ten_secondly: 9, daily: 1 }, ..Meter::default() };
        let (now, tomorrow) = (Instant::now(), TODAY.succ_opt().unwrap());
        assert_eq!((meter.take(now, TODAY), meter.take(now, TODAY)), (Ok(()), Err(HubSpotLimit::Daily)));
        let mut headers = HeaderMap::new();
        meter.show(&mut headers, true);
        assert_eq!(
            (&headers["x-hubspot-ratelimit-remaining"], &headers["x-hubspot-ratelimit-daily-remaining"]),
            (&HeaderValue::from(8), &HeaderValue::from(0))
        );
        assert_eq!(meter.take(now, tomorrow), Ok(()));
    }
}
