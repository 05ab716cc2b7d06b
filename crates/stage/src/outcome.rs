//! Outcomes of a step, as its handler decides them.

use std::time::{Duration, Instant};

use domain::step::Code;
use store::steps::Claimed;

use crate::error_chain::error_chain;

/// Outcomes of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// There was nothing to do, for this reason.
    Skipped(Code),
    /// Another delivery, after this long or the usual back-off. If none is left, the step fails with this code, and its
    /// message goes to the dead-letter queue with this reason.
    Retry {
        after: Option<Duration>,
        code: Code,
        reason: String,
    },
    /// Another delivery, after this long, however long it is and whatever is left of this message's. Up to
    /// [`MAX_DELAY`](crate::queues::MAX_DELAY) a copy of the message waits in the queue; longer, the step waits outside
    /// of it, and `housekeep` sends the message again. `code` says for what.
    Wait {
        after: Duration,
        code: Code,
    },
    /// Another delivery cannot help: the step fails, and its message goes to the dead-letter queue with this reason.
    Final {
        code: Code,
        reason: String,
    },
}

impl Outcome {
    /// Turns a handler's error into an outcome.
    pub fn of(failure: &impl Failure) -> Self {
        let (code, reason) = (failure.code(), error_chain(failure));
        match failure.next() {
            NextDelivery::None => Self::Final { code, reason },
            NextDelivery::Retry { after } => Self::Retry { after, code, reason },
            NextDelivery::Wait { after } => Self::Wait { after, code },
        }
    }
}

/// The delivery that follows an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextDelivery {
    /// Another delivery cannot help.
    None,
    /// One of the message's deliveries, after this long or the usual back-off.
    Retry { after: Option<Duration> },
    /// A delivery after this long, which uses up none of the message's.
    Wait { after: Duration },
}

impl NextDelivery {
    pub fn retry_if(is_retryable: bool) -> Self {
        if is_retryable { Self::Retry { after: None } } else { Self::None }
    }
}

/// Errors of handlers, each of which says what follows.
pub trait Failure: std::error::Error + 'static {
    /// The delivery that follows. Implementations match every variant.
    fn next(&self) -> NextDelivery;

    /// The code that is recorded when the step fails.
    fn code(&self) -> Code;

    /// Whether another delivery can help.
    fn is_retryable(&self) -> bool {
        self.next() != NextDelivery::None
    }
}

impl Failure for store::Error {
    fn next(&self) -> NextDelivery {
        NextDelivery::retry_if(store::Error::is_retryable(self))
    }

    fn code(&self) -> Code {
        Code::new("database")
    }
}

/// The delivery that a handler works on.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub claimed: Claimed,
    /// The invocation and the claim's lease end here.
    pub deadline: Instant,
    /// No delivery follows this one: a retry fails the step.
    pub is_last: bool,
}

impl Delivery {
    /// The time left for calls to others, less a reserve for recording the outcome.
    pub fn remaining(&self) -> Duration {
        remaining(self.deadline)
    }
}

/// The time left for calls to others in an invocation that ends at `deadline`; see [`Delivery::remaining`].
pub fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).saturating_sub(RECORDING_RESERVE)
}

/// Recording an outcome takes a few statements of milliseconds each, and one reconnection at worst.
pub const RECORDING_RESERVE: Duration = Duration::from_millis(1000);
