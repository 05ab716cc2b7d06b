//! Queues in memory, for tests of functions: SQS cannot be made to refuse a message.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use domain::id::TenantId;
use domain::step::Code;

use crate::queues::{QueueError, Queues};

/// Records every message.
#[derive(Debug, Default)]
pub struct MemoryQueues {
    /// Queue URL and body.
    pub sent: RefCell<Vec<(String, String)>>,
    /// Queue URL, body and delay of messages sent with a delay.
    pub delayed: RefCell<Vec<(String, String, Duration)>>,
    /// Body, code and error message.
    pub dead: RefCell<Vec<(String, Code, String)>>,
    /// Body and code of replayed messages.
    pub replayed: RefCell<Vec<(String, String)>>,
    pub hidden: RefCell<Vec<Duration>>,
    /// While set, every send fails.
    pub refuses: Cell<bool>,
}

impl MemoryQueues {
    fn check(&self, queue: &str) -> Result<(), QueueError> {
        let refused = || QueueError::Send { queue: queue.to_owned(), source: "refused".into() };
        if self.refuses.get() { Err(refused()) } else { Ok(()) }
    }
}

impl Queues for MemoryQueues {
    async fn send(&self, queue_url: &str, _: &TenantId, body: &str) -> Result<(), QueueError> {
        self.check(queue_url)?;
        self.sent.borrow_mut().push((queue_url.to_owned(), body.to_owned()));
        Ok(())
    }

    async fn send_later(&self, queue_url: &str, _: &TenantId, body: &str, delay: Duration) -> Result<(), QueueError> {
        self.check(queue_url)?;
        self.delayed.borrow_mut().push((queue_url.to_owned(), body.to_owned(), delay));
        Ok(())
    }

    async fn dead_letter(&self, queue_url: &str, body: &str, code: Code, message: &str) -> Result<(), QueueError> {
        self.check(queue_url)?;
        self.dead.borrow_mut().push((body.to_owned(), code, message.to_owned()));
        Ok(())
    }

    async fn replay(&self, queue_url: &str, _: &TenantId, body: &str, code: &str) -> Result<(), QueueError> {
        self.check(queue_url)?;
        self.replayed.borrow_mut().push((body.to_owned(), code.to_owned()));
        Ok(())
    }

    async fn hide(&self, _: &str, _: &str, wait: Duration) -> Result<(), QueueError> {
        self.hidden.borrow_mut().push(wait);
        Ok(())
    }
}
