//! An operator, who asks for tasks.

use std::time::{Duration, Instant};

use housekeep::integrations::administer;
use serde_json::Value;
use stage::error_chain;
use stage::testing::MemoryQueues;

use crate::world::World;

impl World {
    pub(crate) async fn ask(&self, task: Value) -> Result<Value, String> {
        self.ask_of(&MemoryQueues::default(), task).await
    }

    /// A task that sends messages to these queues; the answer, or the error as the operator reads it.
    pub(crate) async fn ask_of(&self, queues: &MemoryQueues, task: Value) -> Result<Value, String> {
        self.ask_within(queues, task, Duration::from_secs(60)).await
    }

    /// Invokes the function with an invocation that ends after `time`.
    pub(crate) async fn ask_within(&self, queues: &MemoryQueues, task: Value, time: Duration) -> Result<Value, String> {
        let task = serde_json::from_value(task).unwrap();
        let report = administer(&self.context.connectors, queues, "crm-sync", task, Instant::now() + time).await;
        report.map(|report| serde_json::to_value(report).unwrap()).map_err(|error| error_chain(&error))
    }
}
