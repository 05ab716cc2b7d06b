#![doc = include_str!("../README.md")]

mod event;
mod reading;

use std::time::Duration;

use domain::id::{SessionId, TenantId};
use stage::backoff::Backoff;
use stage::batch::{Record, RecordHandler, Verdict};
use stage::queues::{Queues, Routes};
use stage::step::{StageConfig, unreadable};
use stage::{ConfigError, Env, Failure, error_chain};
use store::Store;
use store::email_events::EventRecord;
use uuid::Uuid;

use event::{SesEvent, Subject};

/// What SES publishes once, as plain text, when the event destination is made.
const TOPIC_VALIDATED: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

/// What the function needs from its environment.
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    /// Where webhooks are told of what became of mails.
    pub follow_ups: Routes,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        let store = stage::config::store(env, stage.queue.concurrency)?;
        Ok(Self { store, stage, follow_ups: Routes::of_events(env)? })
    }
}

/// What the handler works with.
pub struct Context<Q> {
    pub store: Store,
    pub queues: Q,
    pub follow_ups: Routes,
    pub backoff: Backoff,
}

impl<Q: Queues> RecordHandler for Context<Q> {
    /// Records one SES event and has webhooks told what it changes. One of a mail that we did not send, or no longer
    /// know, is counted and done with.
    async fn handle_record(&self, record: Record) -> Verdict {
        if record.body.trim() == TOPIC_VALIDATED {
            tracing::info!("SES can publish to the topic");
            return Verdict::Ack;
        }
        let event: SesEvent = match serde_json::from_str(&record.body) {
            Ok(event) => event,
            Err(error) => return unreadable(&error),
        };
        match event.subject() {
            Subject::Email { tenant_id, email_id } => self.record(&event, &tenant_id, email_id, &record).await,
            Subject::Foreign => {
                unknown_event(&event);
                Verdict::Ack
            }
        }
    }

    fn retry_after_panic(&self, receive_count: u32) -> Duration {
        self.backoff.after(receive_count)
    }
}

impl<Q: Queues> Context<Q> {
    async fn record(&self, event: &SesEvent, tenant: &TenantId, email_id: Uuid, record: &Record) -> Verdict {
        let detail = event.detail();
        let reading = event.reading(tenant, &detail);
        match self.store.record_email_event(&event.for_store(tenant, email_id, &detail, &reading)).await {
            Ok(EventRecord::Recorded { session_id, suppressed }) => {
                let status = reading.status.as_str();
                tracing::info!(tenant.id = %tenant, email.id = %email_id, event.type = event.kind, status, suppressed, "recorded");
                self.pass_on(tenant, &session_id, record).await
            }
            Ok(EventRecord::Repeated { session_id }) => self.pass_on(tenant, &session_id, record).await,
            Ok(EventRecord::UnknownEmail) => {
                unknown_event(event);
                Verdict::Ack
            }
            Err(error) => self.failed(&error, record),
        }
    }

    /// A message that comes back finds its event recorded, and what was planned with it still unclaimed.
    async fn pass_on(&self, tenant: &TenantId, session: &SessionId, record: &Record) -> Verdict {
        match self.follow_ups.pass_on(&self.store, &self.queues, tenant, session).await {
            Ok(()) => Verdict::Ack,
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "could not have webhooks told");
                Verdict::Retry(self.backoff.after(record.receive_count))
            }
        }
    }

    fn failed(&self, error: &store::Error, record: &Record) -> Verdict {
        let reason = error_chain(error);
        tracing::error!(error = reason, "could not record an event");
        match error.is_retryable() {
            true => Verdict::Retry(self.backoff.after(record.receive_count)),
            false => Verdict::DeadLetter { code: error.code(), message: reason },
        }
    }
}

/// An event of a mail that we did not send, or whose log is gone: no other delivery can help.
fn unknown_event(event: &SesEvent) {
    tracing::warn!(event.type = event.kind, "an event of an unknown mail");
    stage::metrics::unknown_email_event();
}
