//! Why a task was not done.

use domain::id::{IntegrationId, TenantId};
use stage::queues::QueueError;
/// A task that was not done; the text completes "failed to …" and holds neither secrets nor what was synced.
#[derive(Debug, thiserror::Error)]
pub enum IntegrationError {
    #[error("find tenant {0}: there is none until its settings are saved")]
    UnknownTenant(TenantId),
    #[error("find integration {0}")]
    UnknownIntegration(IntegrationId),
    /// `path` as in the task.
    #[error("save the integration: {path}: {problem}")]
    Config { path: String, problem: String },
    #[error("{operation}: {}", .findings.join(" "))]
    NotWorking { operation: &'static str, findings: Vec<String> },
    #[error("check the integration")]
    Check(#[source] connectors::Error),
    #[error("replay: integration {0} is not on, so everything would wait; enable it first")]
    NotOn(IntegrationId),
    #[error("replay: name session_id, or from and to with from before to")]
    Range,
    #[error("show syncs: name from before to, and after without session_id")]
    Syncs,
    #[error("replay: send a message")]
    Queue(#[source] QueueError),
    #[error("use the database")]
    Store(#[source] store::Error),
}
