//! Errors of tasks about integrations.

use domain::id::IntegrationId;
use stage::queues::QueueError;

/// A task that was not done. The texts hold neither secrets nor content of sessions.
#[derive(Debug, thiserror::Error)]
pub enum IntegrationError {
    #[error("unknown integration {0}")]
    UnknownIntegration(IntegrationId),
    /// `path` as in the task.
    #[error("integration not saved: {path}: {problem}")]
    Config { path: String, problem: String },
    #[error("{operation}: {}", .findings.join(" "))]
    NotWorking { operation: &'static str, findings: Vec<String> },
    #[error("integration not checked")]
    Check(#[source] connectors::Error),
    #[error("replay refused: integration {0} is not on, so everything would wait; enable it first")]
    NotOn(IntegrationId),
    #[error("replay refused: name session_id, or from and to with from before to")]
    Range,
    #[error("syncs not shown: name from before to, and after without session_id")]
    Syncs,
    #[error("replay message not sent")]
    Queue(#[source] QueueError),
}
