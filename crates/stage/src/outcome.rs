//! What a handler says about a message.

use std::time::{Duration, Instant};

use domain::step::Code;
use store::steps::Claimed;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// There was nothing to do, for this reason.
    Skipped(Code),
    /// Another delivery, after this long or the usual back-off; `code` is recorded if there is none left.
    Retry {
        after: Option<Duration>,
        code: Code,
    },
    /// Another delivery, after this long, however long it is and whatever is left of this message's. Up to
    /// [`MAX_DELAY`](crate::queues::MAX_DELAY) a copy of the message waits in the queue; longer, the step waits outside
    /// of it, and `housekeep` sends the message again. `code` says for what.
    Wait {
        after: Duration,
        code: Code,
    },
    /// No delivery can help.
    Final(Code),
}

/// How a handler's error is to be treated.
pub trait Failure: std::error::Error + 'static {
    /// Whether another delivery can help. Exhaustive: a new variant has to decide.
    fn is_retryable(&self) -> bool;

    /// What is recorded when the step fails for good.
    fn code(&self) -> Code;

    /// How long the other side asked us to wait.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

impl Failure for store::Error {
    fn is_retryable(&self) -> bool {
        store::Error::is_retryable(self)
    }

    fn code(&self) -> Code {
        Code::new("database")
    }
}

/// What a handler may know about the delivery it works on.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub claimed: Claimed,
    /// The invocation and the claim's lease end here.
    pub deadline: Instant,
    /// After this one there is no other: what is then to be tried again has failed.
    pub is_last: bool,
}

impl Delivery {
    /// The time left for calls to others, less a reserve for recording what came of them.
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
