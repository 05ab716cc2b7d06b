#![doc = include_str!("../README.md")]

mod event;
mod meaning;

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

use event::SesEvent;

/// The plain text that SES publishes once, when the event destination is created.
const TOPIC_VALIDATED: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

/// The function's configuration.
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    /// Queues of the steps that send events to webhooks.
    pub follow_ups: Routes,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        let store = stage::config::store(env, stage.queue.concurrency)?;
        Ok(Self { store, stage, follow_ups: Routes::of_events(env)? })
    }
}

/// Collaborators of the handler.
pub struct Context<Q> {
    pub store: Store,
    pub queues: Q,
    pub follow_ups: Routes,
    pub backoff: Backoff,
}

impl<Q: Queues> RecordHandler for Context<Q> {
    /// Records one event of SES, and queues the webhook events that follow from it.
    ///
    /// An event of an unknown mail is counted and acknowledged.
    async fn handle_record(&self, record: Record) -> Verdict {
        if record.body.trim() == TOPIC_VALIDATED {
            tracing::info!("topic validated by SES");
            return Verdict::Ack;
        }
        let event = match SesEvent::parse(&record.body) {
            Ok(event) => event,
            Err(error) => return unreadable(&error),
        };
        match event.origin() {
            Some((tenant_id, email_id)) => self.record(&event, &tenant_id, email_id, &record).await,
            None => {
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
        let meaning = event.meaning(tenant);
        match self.store.record_email_event(&event.for_store(tenant, email_id, &meaning)).await {
            Ok(EventRecord::Recorded { session_id, suppressed }) => {
                let status = meaning.status.as_str();
                tracing::info!(tenant.id = %tenant, email.id = %email_id, event.type = event.kind, status, suppressed, "mail event recorded");
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

    /// Queues the steps that were planned with the event and that no delivery has claimed yet.
    ///
    /// A message that comes back finds its event recorded, and continues here.
    async fn pass_on(&self, tenant: &TenantId, session: &SessionId, record: &Record) -> Verdict {
        match self.follow_ups.pass_on(&self.store, &self.queues, tenant, session).await {
            Ok(()) => Verdict::Ack,
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "webhook events not queued");
                Verdict::Retry(self.backoff.after(record.receive_count))
            }
        }
    }

    fn failed(&self, error: &store::Error, record: &Record) -> Verdict {
        let reason = error_chain(error);
        tracing::error!(error = reason, "mail event not recorded");
        match error.is_retryable() {
            true => Verdict::Retry(self.backoff.after(record.receive_count)),
            false => Verdict::DeadLetter { code: error.code(), reason },
        }
    }
}

/// Counts an event of a mail that we did not send, or whose log was removed: another delivery cannot help.
fn unknown_event(event: &SesEvent) {
    tracing::warn!(event.type = event.kind, "event of unknown mail skipped");
    stage::metrics::count(stage::metrics::UNKNOWN_EMAIL_EVENTS);
}
