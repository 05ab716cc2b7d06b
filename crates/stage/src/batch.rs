//! The batch loop: handles records independently, a limited number at a time, and answers with partial batch failures.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::step::Code;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_runtime::LambdaEvent;
use tracing::Instrument;

use crate::config::{ConfigError, Env};
use crate::error_chain::error_chain;
use crate::queues::{ERROR_CODE, Queues};

/// A queue and how its records are handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueConfig {
    pub queue_url: String,
    pub dead_letter_queue_url: String,
    /// Records handled at a time.
    pub concurrency: usize,
    /// The redrive policy's `maxReceiveCount`.
    pub max_receive_count: u32,
}

impl QueueConfig {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            queue_url: env.text("QUEUE_URL")?,
            dead_letter_queue_url: env.text("DEAD_LETTER_QUEUE_URL")?,
            concurrency: env.parsed("BATCH_CONCURRENCY")?,
            max_receive_count: env.parsed("MAX_RECEIVE_COUNT")?,
        })
    }
}

/// One received message.
#[derive(Debug, Clone)]
pub struct Record {
    pub body: String,
    /// 1 for the first delivery.
    pub receive_count: u32,
    /// Whether the redrive policy removes the message after this delivery.
    pub is_last: bool,
    /// Whether the message was replayed from a dead-letter queue.
    pub is_replay: bool,
    /// The end of the invocation.
    pub deadline: Instant,
}

/// The decision about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Delete the message: it is handled.
    Ack,
    /// Deliver the message again after this time.
    Retry(Duration),
    /// Move the message to the dead-letter queue, with the reason: no other delivery can help.
    DeadLetter { code: Code, reason: String },
}

/// Handles single records.
pub trait RecordHandler {
    fn handle_record(&self, record: Record) -> impl Future<Output = Verdict>;

    /// Returns the wait of a record whose handling panicked.
    fn retry_after_panic(&self, receive_count: u32) -> Duration;
}

/// Handles all records of an event and reports the records to deliver again.
pub async fn handle_batch<H: RecordHandler, Q: Queues>(
    config: &QueueConfig,
    queues: &Q,
    handler: &H,
    event: LambdaEvent<SqsEvent>,
) -> SqsBatchResponse {
    let deadline = deadline(&event.context);
    let failed: Vec<Option<String>> = stream::iter(event.payload.records)
        .map(|message| async move {
            // SQS gives each message an id; Lambda reads an empty id as a failure of the whole batch.
            let id = message.message_id.clone().unwrap_or_default();
            let span = tracing::info_span!("message", "message.id" = id);
            let acked = handle_message(config, queues, handler, message, deadline).instrument(span).await;
            (!acked).then_some(id)
        })
        // A limit of 0 would start no record, and the batch would hang until its time-out.
        .buffer_unordered(config.concurrency.max(1))
        .collect()
        .await;
    let mut response = SqsBatchResponse::default();
    failed.into_iter().flatten().for_each(|id| response.add_failure(id));
    response
}

/// Returns whether the message can be deleted.
async fn handle_message<H: RecordHandler, Q: Queues>(
    config: &QueueConfig,
    queues: &Q,
    handler: &H,
    message: SqsMessage,
    deadline: Instant,
) -> bool {
    let record = read(config, &message, deadline);
    let (body, receive_count) = (record.body.clone(), record.receive_count);
    // One message that makes the code panic must not fail its neighbours.
    let verdict = AssertUnwindSafe(handler.handle_record(record)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("handler panicked");
        Verdict::Retry(handler.retry_after_panic(receive_count))
    });
    match verdict {
        Verdict::Ack => true,
        Verdict::Retry(wait) => {
            let receipt = message.receipt_handle.unwrap_or_default();
            // A message that was not hidden is delivered again when its visibility timeout ends: late, but not lost.
            if let Err(error) = queues.hide(&config.queue_url, &receipt, wait).await {
                tracing::warn!(error = error_chain(&error), "visibility timeout not changed");
            }
            false
        }
        Verdict::DeadLetter { code, reason } => dead_letter(config, queues, &body, code, &reason).await,
    }
}

/// Returns whether the copy is in the dead-letter queue; if not, the redrive policy will move the message.
pub(crate) async fn dead_letter<Q: Queues>(
    config: &QueueConfig,
    queues: &Q,
    body: &str,
    code: Code,
    reason: &str,
) -> bool {
    match queues.dead_letter(&config.dead_letter_queue_url, body, code, reason).await {
        Ok(()) => {
            tracing::error!(code = code.as_str(), reason, "message moved to the dead-letter queue");
            true
        }
        Err(error) => {
            tracing::error!(
                error = error_chain(&error),
                code = code.as_str(),
                "message not moved to the dead-letter queue"
            );
            false
        }
    }
}

fn read(config: &QueueConfig, message: &SqsMessage, deadline: Instant) -> Record {
    let received = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    // A guess that is too high would dead-letter a message that has deliveries left.
    let receive_count = received.unwrap_or(1);
    Record {
        body: message.body.clone().unwrap_or_default(),
        receive_count,
        is_last: receive_count >= config.max_receive_count,
        is_replay: message.message_attributes.contains_key(ERROR_CODE),
        deadline,
    }
}

/// Returns the end of the invocation.
pub fn deadline(context: &lambda_runtime::Context) -> Instant {
    // Time-outs need a monotonic clock, and Lambda gives the deadline in wall-clock time.
    let until = SystemTime::UNIX_EPOCH + Duration::from_millis(context.deadline);
    Instant::now() + until.duration_since(SystemTime::now()).unwrap_or_default()
}
