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
mod resume;
mod save;
mod task;

use std::time::{Duration, Instant};

use connectors::{Connectors, SetupError};
use domain::email_address::EmailAddress;
use mail::{Sender, TemplateSource};
use serde_json::Value;
use stage::queues::Queues;
use stage::{Clock, SdkConfig};
use store::Store;

pub use alerts::Alerted;
pub use config::{Config, QueuePair, StepQueues};
pub use erase::{ErasedVisitor, Record};
pub use error::Error;
pub use purge::Purged;
pub use requeue::Requeued;
pub use task::{Report, Task, read};

/// What the tasks work with.
pub struct Context<Q> {
    pub store: Store,
    pub store_config: store::Config,
    pub queues: Q,
    pub step_queues: StepQueues,
    pub connectors: Connectors,
    pub lost_after: Duration,
    pub sender: Sender,
    pub sender_address: EmailAddress,
    /// Where the queues' pages are in the AWS console.
    pub region: String,
    pub clock: Clock,
}

impl<Q: Queues> Context<Q> {
    pub fn new(config: Config, aws: &SdkConfig, store: Store, queues: Q) -> Result<Self, SetupError> {
        let Config { store: store_config, queues: step_queues, connectors, lost_after, sender_address } = config;
        let connectors = Connectors::new(&connectors, aws, store.clone())?;
        // Without a configuration set: events of mails to admins are of no mail in the log.
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
}

/// Reads a task and does it.
pub async fn invoke<Q: Queues>(context: &Context<Q>, payload: Value, deadline: Instant) -> Result<Report, Error> {
    handle(context, task::read(payload)?, deadline).await
}

/// Does one task. Those that take long stop in time before `deadline`, where the invocation ends.
pub async fn handle<Q: Queues>(context: &Context<Q>, task: Task, deadline: Instant) -> Result<Report, Error> {
    // Boxed: with the futures of the tasks inside, the function's is deeper than the compiler follows.
    match task {
        Task::Integration(task) => {
            let Context { connectors, queues, step_queues, .. } = context;
            let done = integrations::administer(connectors, queues, &step_queues.crm_sync.url, task, deadline);
            Box::pin(done).await.map(Report::Integration).map_err(Error::Integration)
        }
        Task::Requeue => Box::pin(requeue::requeue(context)).await.map(Report::Requeued),
        Task::Alerts => Box::pin(alerts::alerts(context, deadline)).await.map(Report::Alerted),
        Task::Purge => Box::pin(purge::purge(context, deadline)).await.map(Report::Purged),
        Task::Migrate => {
            let applied = store::migrate(&context.store_config).await.map_err(Error::Migrate)?;
            tracing::info!(?applied, "migrated");
            Ok(Report::Migrated { applied })
        }
        Task::Reanalyze { tenant_id, session_id, model, follow_ups } => {
            let wanted = reanalyze::Wanted { tenant_id, session_id, model, follow_ups };
            let analysis_version = Box::pin(reanalyze::reanalyze(context, wanted)).await?;
            Ok(Report::Reanalyzed { analysis_version })
        }
        Task::EraseVisitor { tenant_id, email } => {
            let erased = erase::erase_visitor(context, &tenant_id, &email, deadline);
            Box::pin(erased).await.map(Report::ErasedVisitor)
        }
        Task::SaveSettings { tenant_id, name, settings } => {
            let settings_version = Box::pin(save::save_settings(context, &tenant_id, &name, settings)).await?;
            Ok(Report::SettingsSaved { settings_version })
        }
        Task::SaveTemplate { tenant_id, name, locale, subject, text, html } => {
            let wanted = save::Wanted { tenant_id, name, locale, source: TemplateSource { subject, text, html } };
            let version = Box::pin(save::save_template(context, &wanted)).await?;
            Ok(Report::TemplateSaved { template: wanted.name, locale: wanted.locale, version })
        }
    }
}
