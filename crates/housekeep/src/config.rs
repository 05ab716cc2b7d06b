//! Configuration of the function.

use std::time::Duration;

use domain::email_address::EmailAddress;
use domain::step::StageName;
use stage::{ConfigError, Env};

/// An invocation runs one statement at a time.
const CONNECTIONS: usize = 1;

/// The function's configuration.
pub struct Config {
    pub store: store::Config,
    pub queues: StepQueues,
    pub connectors: connectors::Config,
    /// A step that is overdue by this time has lost its message. Longer than any back-off and any lease.
    pub lost_after: Duration,
    /// Sender of alerts: never a tenant's own sender, which may be at fault.
    pub sender_address: EmailAddress,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            store: stage::config::store(env, CONNECTIONS)?,
            queues: StepQueues::from_env(env)?,
            connectors: connectors::Config::from_env(env)?,
            lost_after: env.seconds("LOST_AFTER_SECONDS")?,
            sender_address: env.parsed("SENDER_ADDRESS")?,
        })
    }
}

/// A queue with its dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePair {
    pub url: String,
    pub dead_letter_url: String,
}

/// The queues of all steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepQueues {
    pub analyze: QueuePair,
    pub notify: QueuePair,
    pub crm_sync: QueuePair,
}

impl StepQueues {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let pair = |url, dead_letter_url| -> Result<_, ConfigError> {
            Ok(QueuePair { url: env.text(url)?, dead_letter_url: env.text(dead_letter_url)? })
        };
        Ok(Self {
            analyze: pair("ANALYZE_QUEUE_URL", "ANALYZE_DEAD_LETTER_QUEUE_URL")?,
            notify: pair("NOTIFY_QUEUE_URL", "NOTIFY_DEAD_LETTER_QUEUE_URL")?,
            crm_sync: pair("CRM_SYNC_QUEUE_URL", "CRM_SYNC_DEAD_LETTER_QUEUE_URL")?,
        })
    }

    pub(crate) fn of(&self, stage: StageName) -> &QueuePair {
        match stage {
            StageName::Analyze => &self.analyze,
            StageName::Notify => &self.notify,
            StageName::CrmSync => &self.crm_sync,
        }
    }
}
