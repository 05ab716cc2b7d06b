//! What an operator can ask for, and what is answered.

mod error;
pub(crate) mod problem;

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::{Connection, IntegrationConfig};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use store::syncs::{ShownStatus, SyncPlace};

pub use error::TaskError;

/// What the function can be invoked with besides messages of its queue. Each is about one tenant.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// How the integrations are configured, and how they fare.
    ShowIntegrations { tenant_id: TenantId },
    /// Add an integration or change it, once a check has found that it will work. One that the service has disabled, or
    /// that was removed, is on again.
    SaveIntegration {
        tenant_id: TenantId,
        integration_id: IntegrationId,
        /// Read later, for an error that names the place.
        config: Value,
        secret_name: String,
        /// `false` saves it switched off.
        #[serde(default = "yes")]
        enabled: bool,
    },
    /// Ask the third party whether the integration works.
    TestIntegration { tenant_id: TenantId, integration_id: IntegrationId },
    /// Switch it on, once a check has found that it works: sessions that have waited are synced.
    EnableIntegration { tenant_id: TenantId, integration_id: IntegrationId },
    /// Switch it off: sessions are not synced, and do not wait.
    DisableIntegration { tenant_id: TenantId, integration_id: IntegrationId },
    /// Forget it; what was synced stays in the third party, and in the log.
    RemoveIntegration { tenant_id: TenantId, integration_id: IntegrationId },
    /// Sync again what has failed: of one session, or from `from` on and before `to`.
    ReplayIntegration {
        tenant_id: TenantId,
        integration_id: IntegrationId,
        #[serde(default)]
        session_id: Option<SessionId>,
        #[serde(default)]
        from: Option<DateTime<Utc>>,
        #[serde(default)]
        to: Option<DateTime<Utc>>,
        /// Of a webhook: only what it has not been told.
        #[serde(default)]
        failed_only: bool,
        /// Where the call before has ended: its `next`.
        #[serde(default)]
        after: Option<SessionId>,
    },
    /// What has become of its syncs, those that changed last first.
    ShowSyncs {
        tenant_id: TenantId,
        integration_id: IntegrationId,
        #[serde(default)]
        session_id: Option<SessionId>,
        /// As in the log: `failed`.
        #[serde(default, deserialize_with = "status")]
        status: Option<ShownStatus>,
        /// That changed last from then on,
        #[serde(default)]
        from: Option<DateTime<Utc>>,
        /// and before.
        #[serde(default)]
        to: Option<DateTime<Utc>>,
        /// At most, and never more than an answer holds.
        #[serde(default)]
        limit: Option<u32>,
        /// Where the call before has ended: its `next`.
        #[serde(default)]
        after: Option<SyncPlace>,
    },
    /// The latest requests to a webhook, with what came back.
    ShowAttempts {
        tenant_id: TenantId,
        integration_id: IntegrationId,
        #[serde(default)]
        session_id: Option<SessionId>,
    },
}

fn yes() -> bool {
    true
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ShownStatus>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let status = ShownStatus::parse(&text);
    status
        .map(Some)
        .ok_or_else(|| D::Error::custom("status must be pending, writing, waiting, done, skipped or failed"))
}

/// Reads a task from what the function was invoked with.
pub(crate) fn read(payload: Value) -> Result<Task, TaskError> {
    serde_json::from_value(payload).map_err(|error| TaskError::Task(problem::of(&error)))
}

/// What was done or found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    Shown { integrations: Vec<ShownIntegration> },
    Saved(Saved),
    Tested(Tested),
    Switched { integration_id: IntegrationId, state: &'static str },
    Replayed(Replayed),
    Attempts { attempts: Vec<ShownAttempt> },
    Syncs(Syncs),
}

/// An integration that is saved, or switched on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Saved {
    pub integration_id: IntegrationId,
    pub state: &'static str,
    /// In words; none of them keeps it from working.
    pub findings: Vec<String>,
    pub connection: Connection,
    /// Steps that have waited and go on.
    pub woken: u64,
}

/// What a test has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tested {
    pub ok: bool,
    /// In words; without `ok` the first of them says why.
    pub findings: Vec<String>,
    pub connection: Connection,
}

/// What is sent again, or, of a webhook, planned for `housekeep` to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    pub replayed: u32,
    /// `after` of the next call; `None`: nothing is left.
    pub next: Option<SessionId>,
}

/// An integration as it is configured and fares. The secret is named, never shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownIntegration {
    pub integration_id: IntegrationId,
    pub state: &'static str,
    /// Why the service has disabled it.
    pub disabled: Option<ShownDisabled>,
    /// Without path and query of a webhook's URL.
    pub config: IntegrationConfig,
    pub secret_name: String,
    pub connection: Connection,
    pub checked_at: Option<DateTime<Utc>>,
    pub last_success_at: Option<DateTime<Utc>>,
    /// In a row.
    pub failures: i32,
    pub failing_since: Option<DateTime<Utc>>,
    /// Nobody asks the third party before.
    pub resting_until: Option<DateTime<Utc>>,
    /// Why, if it has asked for that.
    pub limit_code: Option<String>,
    /// Steps that wait until it is mended, or for their turn.
    pub waiting: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownDisabled {
    pub code: String,
    pub reason: String,
    pub since: DateTime<Utc>,
}

/// What has become of syncs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Syncs {
    pub syncs: Vec<ShownSync>,
    /// `after` of the next call; `None`: there are no more.
    pub next: Option<SyncPlace>,
}

/// The sync of one version of a session's analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownSync {
    pub session_id: SessionId,
    pub analysis_version: i32,
    pub status: &'static str,
    /// The visitor's id in the third party.
    pub contact_id: Option<String>,
    /// The id of the note, the task or the webhook message.
    pub record_id: Option<String>,
    /// How often the third party was asked.
    pub tries: i32,
    pub code: Option<String>,
    /// The last error in words.
    pub error: Option<String>,
    /// What was left out, in words.
    pub notice: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When the record was there.
    pub synced_at: Option<DateTime<Utc>>,
}

/// A request to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownAttempt {
    pub began_at: DateTime<Utc>,
    pub session_id: SessionId,
    pub event: String,
    pub webhook_id: String,
    pub is_replay: bool,
    pub duration_ms: i32,
    /// HTTP's; `None`: there was no answer.
    pub status: Option<i32>,
    /// Why it was not delivered.
    pub code: Option<String>,
    /// The beginning of the answer.
    pub answer: Option<String>,
}
