//! Waits of a mail while SES is busy.

use std::time::Duration;

use stage::backoff::Backoff;
use stage::queues::MAX_DELAY;

/// The longest wait after the first request: a burst of some hundred mails passes in it.
///
/// The first limit of an SES account is 14 mails a second.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// The most requests for one mail, and for each replay of it.
///
/// With the longest waits, of 15 minutes, they take more than two days. A daily quota is over by then, and a summary has
/// lost its use.
pub(crate) const MAX_REQUESTS: u32 = 500;

/// Returns waits that double with each request, up to `max` and the longest delay of SQS.
///
/// Each wait is spread from zero up, so that the mails of a burst do not come back together.
pub fn busy_waits(max: Duration) -> Backoff {
    Backoff { base: FIRST_WAIT, max: max.min(MAX_DELAY) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_stays_in_the_queue() {
        for max in [Duration::from_secs(60), Duration::from_secs(12 * 3600)] {
            let waits: Vec<_> = (1..=MAX_REQUESTS).map(|request| busy_waits(max).spread(request)).collect();
            assert!(waits[0] <= FIRST_WAIT && waits.iter().all(|wait| *wait <= MAX_DELAY.min(max)), "{waits:?}");
        }
    }
}
