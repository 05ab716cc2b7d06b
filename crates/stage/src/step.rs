//! One step of one session: claim it, have it handled, record the outcome, pass on what follows.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::message::StepMessage;
use domain::step::{Code, Step, StepKey};
use futures_util::FutureExt;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use store::Store;
use store::reanalysis::Reanalysis;
use store::steps::{Claim, Claimed, Ending};
use tracing::Instrument;

use crate::backoff::Backoff;
use crate::batch::{QueueConfig, Record, RecordHandler, Verdict, dead_letter, handle_batch};
use crate::config::{ConfigError, Env};
use crate::error_chain::error_chain;
use crate::metrics;
use crate::outcome::{Delivery, Failure, Outcome};
use crate::queues::{MAX_DELAY, PassOnError, Queues, Routes};

/// The body is not a message of this queue.
pub const UNREADABLE_MESSAGE: Code = Code::new("unreadable_message");
/// No session has planned the step that the message asks for.
pub const UNKNOWN_STEP: Code = Code::new("unknown_step");
/// The message asks for a version of the analysis that there is already, or that cannot be next.
pub const ANALYSIS_VERSION_TAKEN: Code = Code::new("analysis_version_taken");
/// The message asks for another analysis of a session that has none yet.
pub const NOT_ANALYSED: Code = Code::new("not_analysed");
/// The session's transcript was removed before it was analysed, or analysed again.
pub const TRANSCRIPT_PURGED: Code = Code::new("transcript_purged");
/// The reason of [`TRANSCRIPT_PURGED`].
pub const WITHOUT_TRANSCRIPT: &str = "the transcript was removed, by retention or an erasure";

/// The handler panicked in every delivery.
pub const PANIC: Code = Code::new("panic");

const UNPLANNED: &str = "no session planned this step";

/// A copy that came before the step was given back would find it claimed, and come back with that claim's lease.
const MIN_DELAY: Duration = Duration::from_secs(1);

/// Judges an unreadable body; its content is not quoted.
pub fn unreadable(error: &serde_json::Error) -> Verdict {
    let message = format!("{:?} error in line {}, column {}", error.classify(), error.line(), error.column());
    Verdict::DeadLetter { code: UNREADABLE_MESSAGE, reason: message }
}

fn dead(code: Code, message: &str) -> Verdict {
    Verdict::DeadLetter { code, reason: message.to_owned() }
}

fn given_back(result: Result<(), store::Error>) {
    if let Err(error) = result {
        tracing::warn!(error = error_chain(&error), "claim not given back");
    }
}

/// A stage's work on a message.
pub trait Stage {
    type Message: StepMessage + DeserializeOwned;
    type Error: Failure;

    /// Works on a step that is claimed, as the message in its row asks; an unreadable one is replaced by the message
    /// of this delivery. [`Failure::next`] says what follows an `Err`.
    fn handle(&self, message: Self::Message, delivery: &Delivery)
    -> impl Future<Output = Result<Outcome, Self::Error>>;
}

/// The configuration all stages share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageConfig {
    pub queue: QueueConfig,
    pub backoff: Backoff,
}

impl StageConfig {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { queue: QueueConfig::from_env(env)?, backoff: Backoff::from_env(env)? })
    }
}

/// Runs a stage's messages.
pub struct StepRunner<S, Q> {
    pub stage: S,
    pub store: Store,
    pub queues: Q,
    pub config: StageConfig,
    pub follow_ups: Routes,
}

impl<S: Stage, Q: Queues> StepRunner<S, Q> {
    /// Serves SQS events until Lambda ends the process.
    pub async fn serve(self) -> Result<(), lambda_runtime::Error> {
        let runner = &self;
        lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
            Ok::<_, lambda_runtime::Error>(runner.handle_batch(event).await)
        }))
        .await
    }

    /// Handles one SQS event, as [`Self::serve`] does with each.
    pub async fn handle_batch(&self, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
        handle_batch(&self.config.queue, &self.queues, self, event).await
    }

    async fn run(&self, record: &Record) -> Verdict {
        let message: S::Message = match serde_json::from_str(&record.body) {
            Ok(message) => message,
            Err(error) => return unreadable(&error),
        };
        let key = message.step_key();
        let span =
            tracing::info_span!("step", tenant.id = %key.tenant_id, session.id = %key.session_id, step = %key.step);
        self.run_step(key, message, record).instrument(span).await
    }

    async fn run_step(&self, key: StepKey, message: S::Message, record: &Record) -> Verdict {
        let claim = match self.claim(&key, record).await {
            Ok(Claim::Unknown) if message.plans_itself() => match self.plan(&key, record).await {
                Ok(()) => self.claim(&key, record).await,
                Err(verdict) => return verdict,
            },
            claim => claim,
        };
        match claim {
            Ok(Claim::Run(claimed, planned)) => {
                // What waits in a queue may be older than the row, and came from outside where it planned itself.
                let planned =
                    serde_json::from_str(&planned).ok().filter(|planned: &S::Message| planned.step_key() == key);
                self.handle(claimed, planned.unwrap_or(message), record).await
            }
            // An earlier delivery may have ended before it queued what follows.
            Ok(Claim::AlreadyDone) => self.pass_on(&key, record).await,
            // Only the copy in the dead-letter queue runs a failed step again.
            Ok(Claim::AlreadyFailed) => Verdict::Ack,
            // A little later than the end of the lease, so that the claim has ended by then.
            Ok(Claim::Busy(lease)) => Verdict::Retry(lease + self.config.backoff.base),
            Ok(Claim::Unknown) => dead(UNKNOWN_STEP, UNPLANNED),
            Err(error) => self.database_failed(&error, record),
        }
    }

    async fn claim(&self, key: &StepKey, record: &Record) -> Result<Claim, store::Error> {
        // No code of this delivery runs after the deadline: a longer lease would only hold up the next delivery.
        let lease = record.deadline.saturating_duration_since(Instant::now());
        self.store.claim_step(key, lease, record.is_replay).await
    }

    /// Plans the step of a message that came to the queue by itself; `Err` where that cannot be.
    async fn plan(&self, key: &StepKey, record: &Record) -> Result<(), Verdict> {
        let (tenant, session) = (&key.tenant_id, &key.session_id);
        let Step::Analyze { version } = key.step else { return Err(dead(UNKNOWN_STEP, UNPLANNED)) };
        match self.store.plan_reanalysis(tenant, session, version, &record.body).await {
            Ok(Reanalysis::Planned | Reanalysis::AlreadyPlanned { .. }) => Ok(()),
            Ok(Reanalysis::NotNext { next }) => {
                Err(dead(ANALYSIS_VERSION_TAKEN, &format!("the next version of this analysis is {next}")))
            }
            Ok(Reanalysis::NotAnalysed) => Err(dead(NOT_ANALYSED, "the session has no analysis yet")),
            Ok(Reanalysis::TranscriptPurged) => Err(dead(TRANSCRIPT_PURGED, WITHOUT_TRANSCRIPT)),
            Ok(Reanalysis::Unknown) => Err(dead(UNKNOWN_STEP, "unknown session")),
            Err(error) => Err(self.database_failed(&error, record)),
        }
    }

    async fn handle(&self, claimed: Claimed, message: S::Message, record: &Record) -> Verdict {
        let delivery = Delivery { claimed, deadline: record.deadline, is_last: record.is_last };
        let started = Instant::now();
        let handled = AssertUnwindSafe(self.stage.handle(message, &delivery)).catch_unwind().await;
        let (outcome, error) = match handled {
            Ok(Ok(outcome)) => (outcome, None),
            Ok(Err(error)) => (Outcome::of(&error), Some(error_chain(&error))),
            Err(_) => (Outcome::Retry { after: None, code: PANIC, reason: "the handler panicked".to_owned() }, None),
        };
        let (duration_ms, attempt) = (started.elapsed().as_millis() as u64, delivery.claimed.attempt);
        match &outcome {
            Outcome::Done | Outcome::Skipped(_) | Outcome::Wait { .. } => {
                tracing::info!(?outcome, error, duration_ms, attempt, "step handled");
            }
            Outcome::Retry { code, reason, .. } | Outcome::Final { code, reason } => {
                let retryable = matches!(outcome, Outcome::Retry { .. });
                tracing::warn!(code = code.as_str(), error = reason, retryable, duration_ms, attempt, "step not done");
            }
        }
        self.record(delivery.claimed, outcome, record).await
    }

    async fn record(&self, claimed: Claimed, outcome: Outcome, record: &Record) -> Verdict {
        match outcome {
            Outcome::Done => self.finish(claimed, Ending::Done, record).await,
            Outcome::Skipped(code) => self.finish(claimed, Ending::Skipped(code), record).await,
            Outcome::Final { code, reason } => self.fail(claimed, code, &reason, record).await,
            Outcome::Wait { after, code } if after <= MAX_DELAY => self.delay(claimed, after, code, record).await,
            Outcome::Wait { after, code } => self.set_waiting(claimed, after, code, record).await,
            // The redrive policy would move the message without a code, and leave its step unfinished.
            Outcome::Retry { code, reason, .. } if record.is_last => self.fail(claimed, code, &reason, record).await,
            Outcome::Retry { after, .. } => {
                let wait = after.unwrap_or_else(|| self.config.backoff.after(record.receive_count));
                // The claim goes back before the message does, or the next delivery would find the step busy.
                self.release(&claimed, wait).await;
                Verdict::Retry(wait)
            }
        }
    }

    /// A copy is received for the first time, so the wait uses up none of the message's deliveries. It is sent before
    /// this message goes and before the step is given back: whatever fails, one of the two brings the step back.
    async fn delay(&self, claimed: Claimed, after: Duration, code: Code, record: &Record) -> Verdict {
        let (tenant, queue_url) = (&claimed.key.tenant_id, &self.config.queue.queue_url);
        let after = after.max(MIN_DELAY);
        if let Err(error) = self.queues.send_later(queue_url, tenant, &record.body, after).await {
            tracing::warn!(error = error_chain(&error), "delayed copy not sent");
            // A retry now would end in the dead-letter queue, although nothing has failed.
            if record.is_last {
                return self.set_waiting(claimed, after, code, record).await;
            }
            self.release(&claimed, after).await;
            return Verdict::Retry(after);
        }
        tracing::info!(code = code.as_str(), wait_s = after.as_secs(), "message delayed");
        given_back(self.store.postpone_step(&claimed, after).await);
        Verdict::Ack
    }

    async fn release(&self, claimed: &Claimed, after: Duration) {
        given_back(self.store.release_step(claimed, after).await);
    }

    /// Lets the step wait. The message may go: the row keeps the message that asks for the step.
    async fn set_waiting(&self, claimed: Claimed, after: Duration, code: Code, record: &Record) -> Verdict {
        match self.store.set_waiting(&claimed, after, code).await {
            Ok(true) => tracing::info!(code = code.as_str(), wait_s = after.as_secs(), "step set to waiting"),
            Ok(false) => tracing::warn!("claim lost before the step was set to waiting"),
            Err(error) => return self.database_failed(&error, record),
        }
        Verdict::Ack
    }

    async fn finish(&self, claimed: Claimed, ending: Ending, record: &Record) -> Verdict {
        match self.store.finish_step(&claimed, ending).await {
            Ok(Some(session)) => tracing::info!(session.status = session.as_str(), "step finished"),
            Ok(None) => tracing::warn!("claim lost before the step was finished"),
            Err(error) => return self.database_failed(&error, record),
        }
        // A lost claim is no obstacle: only steps that no delivery has claimed are sent.
        self.pass_on(&claimed.key, record).await
    }

    /// The message is in the dead-letter queue before its step counts as failed, so that no failure is without one.
    async fn fail(&self, claimed: Claimed, code: Code, reason: &str, record: &Record) -> Verdict {
        if !dead_letter(&self.config.queue, &self.queues, &record.body, code, reason).await {
            return Verdict::Retry(self.config.backoff.after(record.receive_count));
        }
        match self.store.finish_step(&claimed, Ending::Failed(code)).await {
            Ok(ended) => {
                if ended.is_some() {
                    metrics::step_failed(&claimed.key, code);
                }
                // A failure can plan events, too: webhooks may ask for `session.failed`.
                self.pass_on(&claimed.key, record).await
            }
            Err(error) => self.database_failed(&error, record),
        }
    }

    /// Sends the messages of the steps that follow and have no claim yet.
    async fn pass_on(&self, key: &StepKey, record: &Record) -> Verdict {
        // Nothing follows from the delivery of an event.
        if let Step::WebhookEvent { .. } = key.step {
            return Verdict::Ack;
        }
        let StepKey { tenant_id, session_id, .. } = key;
        match self.follow_ups.pass_on(&self.store, &self.queues, tenant_id, session_id).await {
            Ok(()) => Verdict::Ack,
            Err(PassOnError::Store(error)) => self.database_failed(&error, record),
            Err(PassOnError::Queue(error)) => {
                tracing::warn!(error = error_chain(&error), "following steps not queued");
                Verdict::Retry(self.config.backoff.after(record.receive_count))
            }
        }
    }

    fn database_failed(&self, error: &store::Error, record: &Record) -> Verdict {
        tracing::error!(error = error_chain(error), "database statement failed");
        // No failure can be recorded without the database, so the last receive is left to the redrive policy.
        Verdict::Retry(self.config.backoff.after(record.receive_count))
    }
}

impl<S: Stage, Q: Queues> RecordHandler for StepRunner<S, Q> {
    async fn handle_record(&self, record: Record) -> Verdict {
        // Boxed: with the stage's futures inside, the batch's would be deeper than the compiler follows.
        Box::pin(self.run(&record)).await
    }

    fn retry_after_panic(&self, receive_count: u32) -> Duration {
        self.config.backoff.after(receive_count)
    }
}
