//! Requests of an operator about integrations, and their reports: the protocol of `housekeep` and `cargo xtask`.

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::{Connection, Disabled, IntegrationConfig};
use domain::text_enum;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::syncs::{ShownStatus, SyncEntry, SyncPlace};
use store::webhook_attempts::AttemptEntry;
use strum::VariantNames;

/// Requests of an operator, each about one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, VariantNames)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
#[strum(serialize_all = "snake_case")]
pub enum IntegrationTask {
    /// Shows how the integrations are configured, and how they fare.
    ShowIntegrations { tenant_id: TenantId },
    /// Adds an integration or changes it, once a check has found that it will work. An integration that was disabled or
    /// removed is on again.
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
    /// Asks the third party whether the integration works.
    TestIntegration { tenant_id: TenantId, integration_id: IntegrationId },
    /// Switches an integration on, once a check has found that it works: sessions that have waited are synced.
    EnableIntegration { tenant_id: TenantId, integration_id: IntegrationId },
    /// Switches an integration off: sessions are not synced, and do not wait.
    DisableIntegration { tenant_id: TenantId, integration_id: IntegrationId },
    /// Removes an integration; what was synced stays in the third party, and in the log.
    RemoveIntegration { tenant_id: TenantId, integration_id: IntegrationId },
    /// Syncs again what has failed: of one session, or from `from` on and before `to`.
    ReplayIntegration {
        tenant_id: TenantId,
        integration_id: IntegrationId,
        session_id: Option<SessionId>,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        /// Only events that a webhook has not accepted.
        #[serde(default)]
        failed_only: bool,
        /// The `next` of the call before, which ended there.
        after: Option<SessionId>,
    },
    /// Lists syncs, the latest change first: those of one session, or that changed last from `from` on and before `to`.
    ShowSyncs {
        tenant_id: TenantId,
        integration_id: IntegrationId,
        session_id: Option<SessionId>,
        /// As in the log: `failed`.
        status: Option<ShownStatus>,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        /// The most syncs; an answer has a limit of its own.
        limit: Option<u32>,
        /// The `next` of the call before, which ended there.
        after: Option<SyncPlace>,
    },
    /// Lists the latest requests to a webhook, with the answers.
    ShowAttempts { tenant_id: TenantId, integration_id: IntegrationId, session_id: Option<SessionId> },
}

fn yes() -> bool {
    true
}

/// Reports of tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum IntegrationReport {
    Shown(ShownIntegrations),
    Saved(SavedIntegration),
    Tested(TestedIntegration),
    Switched(SwitchedIntegration),
    Replayed(ReplayedSyncs),
    Attempts(ShownAttempts),
    Syncs(ShownSyncs),
}

/// The integrations of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownIntegrations {
    pub integrations: Vec<IntegrationEntry>,
}

/// The latest requests to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownAttempts {
    pub attempts: Vec<AttemptEntry>,
}

/// An integration that is switched off, or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchedIntegration {
    pub integration_id: IntegrationId,
    pub state: ShownState,
}

text_enum! {
    /// States of an integration.
    pub enum ShownState {
        On = "on",
        Off = "off",
        Disabled = "disabled",
        Removed = "removed",
    }
}

/// An integration that is saved, or switched on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedIntegration {
    pub integration_id: IntegrationId,
    pub state: ShownState,
    /// Messages; the integration works nevertheless.
    pub findings: Vec<String>,
    pub connection: Connection,
    /// Steps that have waited and go on.
    pub woken: u64,
}

/// Findings of a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestedIntegration {
    pub ok: bool,
    /// Messages; without `ok` the first of them says why.
    pub findings: Vec<String>,
    pub connection: Connection,
}

/// Messages that are sent again; for a webhook some may be left for the next requeue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedSyncs {
    pub replayed: u32,
    /// `after` of the next call; `None`: nothing is left.
    pub next: Option<SessionId>,
}

/// Configuration and health of an integration. The secret is named, never shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntegrationEntry {
    pub integration_id: IntegrationId,
    pub state: ShownState,
    /// Why the service has disabled it.
    pub disabled: Option<Disabled>,
    /// The configuration, without path and query of a webhook's URL.
    pub config: IntegrationConfig,
    pub secret_name: String,
    pub connection: Connection,
    pub checked_at: Option<DateTime<Utc>>,
    pub last_success_at: Option<DateTime<Utc>>,
    /// Failures in a row.
    pub failures: i32,
    pub failing_since: Option<DateTime<Utc>>,
    /// No sync calls the third party before.
    pub resting_until: Option<DateTime<Utc>>,
    /// Why, if it has asked for that.
    pub limit_code: Option<String>,
    /// Steps that wait until the integration is fixed, or for their turn.
    pub waiting: i64,
}

/// Rows of the log of syncs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownSyncs {
    pub syncs: Vec<SyncEntry>,
    /// `after` of the next call; `None` at the end.
    pub next: Option<SyncPlace>,
}
