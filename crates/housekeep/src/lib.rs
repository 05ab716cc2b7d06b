#![doc = include_str!("../README.md")]

mod first_error;
mod reanalyze;
mod requeue;
mod resume;

use std::time::Duration;

use domain::id::{SessionId, TenantId};
use domain::step::Step;
use serde::{Deserialize, Serialize};
use stage::queues::{QueueError, Queues};
use stage::{ConfigError, Env};
use store::{MigrateError, Store};

use reanalyze::Wanted;
pub use requeue::Requeued;

/// One invocation works on one step at a time.
const CONNECTIONS: usize = 1;

/// What the function needs from its environment.
pub struct Config {
    pub store: store::Config,
    pub queues: StepQueues,
    /// A step that is overdue by this has lost its message. Longer than any back-off and any lease.
    pub lost_after: Duration,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            store: stage::config::store(env, CONNECTIONS)?,
            queues: StepQueues::from_env(env)?,
            lost_after: env.seconds("LOST_AFTER_SECONDS")?,
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

    fn of(&self, step: &Step) -> &QueuePair {
        match step {
            Step::Analyze { .. } => &self.analyze,
            Step::Notify { .. } => &self.notify,
            Step::CrmSync { .. } => &self.crm_sync,
        }
    }
}

/// What the function can be invoked with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// Send the messages of steps that are lost, or have waited long enough, again. The schedule asks for it.
    Requeue,
    /// Bring the database's schema up to date. A deployment asks for it.
    Migrate,
    /// Have a session that was analysed analysed once more. An operator asks for it.
    Reanalyze {
        tenant_id: TenantId,
        session_id: SessionId,
        /// In place of the tenant's model.
        #[serde(default)]
        model: Option<String>,
        /// Whether the new analysis is mailed and synced.
        #[serde(default)]
        follow_ups: bool,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Report {
    Requeued(Requeued),
    Migrated {
        applied: Vec<String>,
    },
    /// It is asked for; it is there when the session has completed.
    Reanalyzed {
        analysis_version: i32,
    },
}

/// A task that was not done to its end; where that can help, it can be invoked again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("find lost steps")]
    Find(#[source] store::Error),
    #[error("find steps that have waited")]
    FindDue(#[source] store::Error),
    #[error("queue step {step} of session {session_id} again")]
    Queue {
        session_id: String,
        step: String,
        #[source]
        source: QueueError,
    },
    /// It counts as sent, and is found as lost.
    #[error("put step {step} of session {session_id} back")]
    PutBack {
        session_id: String,
        step: String,
        #[source]
        source: store::Error,
    },
    #[error("record that a lost step has failed")]
    Fail(#[source] store::Error),
    #[error("find session {0}")]
    UnknownSession(SessionId),
    #[error("analyse session {0} again: it has no analysis yet")]
    NotAnalysed(SessionId),
    #[error("have version {version} made as asked for: it was asked for otherwise before and is still to be made")]
    UnderWay { version: i32 },
    #[error("plan another analysis")]
    Plan(#[source] store::Error),
    #[error("write the message")]
    Message(#[source] serde_json::Error),
    #[error("migrate the database")]
    Migrate(#[source] MigrateError),
}

/// What the tasks work with.
pub struct Context<Q> {
    pub store: Store,
    pub store_config: store::Config,
    pub queues: Q,
    pub step_queues: StepQueues,
    pub lost_after: Duration,
}

impl<Q: Queues> Context<Q> {
    pub fn new(config: Config, store: Store, queues: Q) -> Self {
        let Config { store: store_config, queues: step_queues, lost_after } = config;
        Self { store, store_config, queues, step_queues, lost_after }
    }
}

/// Does one task.
pub async fn handle<Q: Queues>(context: &Context<Q>, task: Task) -> Result<Report, Error> {
    match task {
        // Boxed: with the futures of the tasks inside, the function's is deeper than the compiler follows.
        Task::Requeue => Box::pin(requeue::requeue(context)).await.map(Report::Requeued),
        Task::Reanalyze { tenant_id, session_id, model, follow_ups } => {
            let wanted = Wanted { tenant_id, session_id, model, follow_ups };
            let analysis_version = Box::pin(reanalyze::reanalyze(context, wanted)).await?;
            Ok(Report::Reanalyzed { analysis_version })
        }
        Task::Migrate => {
            let applied = store::migrate(&context.store_config).await.map_err(Error::Migrate)?;
            tracing::info!(?applied, "migrated");
            Ok(Report::Migrated { applied })
        }
    }
}
