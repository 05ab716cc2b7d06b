//! When a mail comes back that SES has no room for.

use std::time::Duration;

use stage::backoff::Backoff;
use stage::queues::MAX_DELAY;

/// The longest wait after the first request. At SES's 14 mails a second, the first limit of an account, a burst of some
/// hundreds has passed by then.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// Requests for one mail, and as many again for each replay of it. With the longest waits, of 15 minutes, this takes
/// more than two days: longer than a daily quota lasts, and long enough for a summary to be of no use any more.
pub(crate) const MAX_REQUESTS: u32 = 500;

/// Waits that double with each request for a mail, spread from nothing up, so that the mails of a burst do not come
/// back together; `max` bounds them, and so does the longest delay of SQS.
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
