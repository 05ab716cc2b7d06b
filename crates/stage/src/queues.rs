//! The queues a stage writes to.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::MessageAttributeValue;
use domain::id::{SessionId, TenantId};
use domain::step::{Code, Step};
use store::Store;
use store::steps::Unclaimed;

use crate::backoff::{MAX_VISIBILITY, whole_seconds};
use crate::config::{ConfigError, Env};

/// A message attribute of dead-letter copies: the code a step failed with. A message that carries it is a replay.
pub const ERROR_CODE: &str = "error.code";
/// A message attribute of dead-letter copies: the failure in words.
pub const ERROR_MESSAGE: &str = "error.message";
/// The longest delay that SQS takes for a message.
pub const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
/// SQS attribute values count towards the message's size, so that a longer text is cut.
const MAX_ERROR_MESSAGE_BYTES: usize = 1000;

/// A request to SQS that failed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("message to {queue} not sent")]
    Send {
        queue: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("visibility of a message in {queue} not changed")]
    Visibility {
        queue: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Messages of a session's steps that were not sent; sending them again is safe.
#[derive(Debug, thiserror::Error)]
pub enum PassOnError {
    #[error("database error")]
    Store(#[source] store::Error),
    #[error("message not queued")]
    Queue(#[source] QueueError),
}

/// Requests of a stage to its queues.
pub trait Queues {
    /// Sends a message, grouped by tenant so that one busy tenant does not delay the others.
    fn send(&self, queue_url: &str, tenant: &TenantId, body: &str) -> impl Future<Output = Result<(), QueueError>>;

    /// Sends a message that is received after `delay`, at most [`MAX_DELAY`], is over.
    fn send_later(
        &self,
        queue_url: &str,
        tenant: &TenantId,
        body: &str,
        delay: Duration,
    ) -> impl Future<Output = Result<(), QueueError>>;

    /// Puts a copy of a message into a dead-letter queue, with code and reason.
    fn dead_letter(
        &self,
        queue_url: &str,
        body: &str,
        code: Code,
        message: &str,
    ) -> impl Future<Output = Result<(), QueueError>>;

    /// Sends a message that runs a failed step again, with the code of the failure, as a message from a dead-letter
    /// queue does.
    fn replay(
        &self,
        queue_url: &str,
        tenant: &TenantId,
        body: &str,
        code: &str,
    ) -> impl Future<Output = Result<(), QueueError>>;

    /// Hides a received message for this long.
    fn hide(
        &self,
        queue_url: &str,
        receipt_handle: &str,
        wait: Duration,
    ) -> impl Future<Output = Result<(), QueueError>>;
}

/// Amazon SQS.
#[derive(Debug, Clone)]
pub struct Sqs(Client);

impl Sqs {
    pub fn new(aws: &aws_config::SdkConfig) -> Self {
        Self(Client::new(aws))
    }

    fn message(&self, queue_url: &str, tenant: &TenantId, body: &str) -> SendMessageFluentBuilder {
        self.0.send_message().queue_url(queue_url).message_group_id(tenant.as_ref()).message_body(body)
    }
}

impl Queues for Sqs {
    async fn send(&self, queue_url: &str, tenant: &TenantId, body: &str) -> Result<(), QueueError> {
        let request = self.message(queue_url, tenant, body);
        request.send().await.map(drop).map_err(|source| send_error(queue_url, source))
    }

    async fn send_later(
        &self,
        queue_url: &str,
        tenant: &TenantId,
        body: &str,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let request = self.message(queue_url, tenant, body).delay_seconds(whole_seconds(delay.min(MAX_DELAY)));
        request.send().await.map(drop).map_err(|source| send_error(queue_url, source))
    }

    async fn dead_letter(&self, queue_url: &str, body: &str, code: Code, message: &str) -> Result<(), QueueError> {
        let request = self
            .0
            .send_message()
            .queue_url(queue_url)
            .message_body(body)
            .message_attributes(ERROR_CODE, text_attribute(queue_url, code.as_str())?)
            .message_attributes(ERROR_MESSAGE, text_attribute(queue_url, bounded(message))?);
        request.send().await.map(drop).map_err(|source| send_error(queue_url, source))
    }

    async fn replay(&self, queue_url: &str, tenant: &TenantId, body: &str, code: &str) -> Result<(), QueueError> {
        let code = text_attribute(queue_url, bounded(code))?;
        let request = self.message(queue_url, tenant, body).message_attributes(ERROR_CODE, code);
        request.send().await.map(drop).map_err(|source| send_error(queue_url, source))
    }

    async fn hide(&self, queue_url: &str, receipt_handle: &str, wait: Duration) -> Result<(), QueueError> {
        let request = self.0.change_message_visibility().queue_url(queue_url).receipt_handle(receipt_handle);
        let result = request.visibility_timeout(whole_seconds(wait.min(MAX_VISIBILITY))).send().await;
        result.map(drop).map_err(|source| QueueError::Visibility { queue: name(queue_url), source: source.into() })
    }
}

fn send_error(queue_url: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> QueueError {
    QueueError::Send { queue: name(queue_url), source: source.into() }
}

fn text_attribute(queue_url: &str, value: &str) -> Result<MessageAttributeValue, QueueError> {
    let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    attribute.map_err(|source| send_error(queue_url, source))
}

/// SQS refuses an empty attribute value.
fn bounded(message: &str) -> &str {
    let end = message.floor_char_boundary(MAX_ERROR_MESSAGE_BYTES);
    if end == 0 { "-" } else { &message[..end] }
}

fn name(queue_url: &str) -> String {
    queue_url.rsplit('/').next().unwrap_or(queue_url).to_owned()
}

/// Queues for the messages that follow from a stage's steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// `None` for a stage whose steps are followed by events only.
    pub notify: Option<String>,
    pub crm_sync: String,
}

impl Routes {
    /// The routes of a stage whose steps are followed by other steps.
    pub fn of_steps(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { notify: Some(env.text("NOTIFY_QUEUE_URL")?), crm_sync: env.text("CRM_SYNC_QUEUE_URL")? })
    }

    /// The routes of a stage whose steps are followed by events only.
    pub fn of_events(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { notify: None, crm_sync: env.text("CRM_SYNC_QUEUE_URL")? })
    }

    /// Sends the messages of the session's steps that follow and have no claim yet.
    pub async fn pass_on<Q: Queues>(
        &self,
        store: &Store,
        queues: &Q,
        tenant: &TenantId,
        session: &SessionId,
    ) -> Result<(), PassOnError> {
        let planned = store.unclaimed_steps(tenant, session, self.unclaimed()).await.map_err(PassOnError::Store)?;
        for next in planned {
            let Some(queue_url) = self.queue_url(&next.step) else { continue };
            queues.send(queue_url, tenant, &next.message).await.map_err(PassOnError::Queue)?;
        }
        Ok(())
    }

    fn unclaimed(&self) -> Unclaimed {
        if self.notify.is_some() { Unclaimed::All } else { Unclaimed::Events }
    }

    /// `None` for a step that follows from none of the stage's.
    pub fn queue_url(&self, step: &Step) -> Option<&str> {
        match step {
            Step::Analyze { .. } => None,
            Step::Notify { .. } => self.notify.as_deref(),
            Step::CrmSync { .. } | Step::WebhookEvent { .. } => Some(&self.crm_sync),
        }
    }
}
