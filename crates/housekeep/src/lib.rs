#![doc = include_str!("../README.md")]

mod alerts;
mod config;
mod erase;
mod error;
mod first_error;
pub mod integrations;
mod pace;
mod purge;
mod reanalyze;
mod requeue;
mod save;
mod task;

use std::time::{Duration, Instant};

use connectors::{Connectors, SetupError};
use domain::email_address::EmailAddress;
use domain::step::StepKey;
use mail::Sender;
use serde_json::Value;
use stage::queues::Queues;
use stage::{Clock, SdkConfig};
use store::Store;

pub use config::{Config, QueuePair, StepQueues};
pub use error::Error;
pub use task::*;

/// Collaborators of the handler.
pub struct Context<Q> {
    pub store: Store,
    pub store_config: store::Config,
    pub queues: Q,
    pub step_queues: StepQueues,
    pub connectors: Connectors,
    pub lost_after: Duration,
    pub sender: Sender,
    pub sender_address: EmailAddress,
    /// AWS region, which links to the queues' pages in the console need.
    pub region: String,
    pub clock: Clock,
}

impl<Q: Queues> Context<Q> {
    pub fn new(config: Config, aws: &SdkConfig, store: Store, queues: Q) -> Result<Self, SetupError> {
        let Config { store: store_config, queues: step_queues, connectors, lost_after, sender_address } = config;
        let connectors = Connectors::new(&connectors, aws, store.clone())?;
        // Without a configuration set: mails to admins are not in the log, so their events would match no mail.
        let sender = Sender::new(aws, None);
        let region = aws.region().map(ToString::to_string).unwrap_or_default();
        let clock = chrono::Utc::now;
        Ok(Self {
            store,
            store_config,
            queues,
            step_queues,
            connectors,
            lost_after,
            sender,
            sender_address,
            region,
            clock,
        })
    }

    /// Sends a step's message to its queue.
    pub(crate) async fn send(&self, key: &StepKey, message: &str) -> Result<(), Error> {
        let sent = self.queues.send(&self.step_queues.of(key.step.stage()).url, &key.tenant_id, message).await;
        sent.map_err(|source| Error::Queue { key: Box::new(key.clone()), source })
    }
}

/// Reads a task and does it.
pub async fn invoke<Q: Queues>(context: &Context<Q>, payload: Value, deadline: Instant) -> Result<TaskReport, Error> {
    handle(context, task::read(payload)?, deadline).await
}

/// Does one task. Long tasks stop in time before `deadline`, the end of the invocation.
pub async fn handle<Q: Queues>(
    context: &Context<Q>,
    task: HousekeepTask,
    deadline: Instant,
) -> Result<TaskReport, Error> {
    // Boxed: with the tasks' futures inside, this future is deeper than the compiler follows.
    match task {
        HousekeepTask::Requeue => Box::pin(requeue::requeue(context, deadline)).await.map(TaskReport::Requeue),
        HousekeepTask::Alerts => Box::pin(alerts::alerts(context, deadline)).await.map(TaskReport::Alerts),
        HousekeepTask::Purge => Box::pin(purge::purge(context, deadline)).await.map(TaskReport::Purge),
        HousekeepTask::Migrate => {
            let applied = store::migrate(&context.store_config).await.map_err(Error::Migrate)?;
            tracing::info!(?applied, "database migrated");
            Ok(TaskReport::Migrate(MigrateReport { applied }))
        }
        HousekeepTask::Reanalyze(request) => {
            Box::pin(reanalyze::reanalyze(context, &request)).await.map(TaskReport::Reanalyze)
        }
        HousekeepTask::EraseVisitor(request) => {
            Box::pin(erase::erase_visitor(context, &request, deadline)).await.map(TaskReport::EraseVisitor)
        }
        HousekeepTask::SaveSettings(request) => {
            Box::pin(save::save_settings(context, request)).await.map(TaskReport::SaveSettings)
        }
        HousekeepTask::SaveTemplate(request) => {
            Box::pin(save::save_template(context, request)).await.map(TaskReport::SaveTemplate)
        }
        HousekeepTask::Integration(task) => {
            let Context { connectors, queues, step_queues, .. } = context;
            let report = integrations::administer(connectors, queues, &step_queues.crm_sync.url, task, deadline);
            Box::pin(report).await.map(TaskReport::Integration)
        }
    }
}
