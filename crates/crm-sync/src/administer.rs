//! Tasks of an operator: integrations are checked before they are saved or switched on.

mod config;
mod show;

use std::time::Instant;

use domain::id::{IntegrationId, TenantId};
use domain::integration::{Connection, Integration, IntegrationConfig, IntegrationState};
use domain::step::Code;
use reqwest::Url;
use serde::de::IgnoredAny;
use serde_json::Value;
use stage::queues::Queues;
use store::gates;
use store::syncs::{ShownStatus, SyncFilter};

use crate::replay::{self, Wanted};
use crate::task::{Report, Saved, Task, TaskError, Tested};
use crate::verdict::DISABLED;
use crate::{Context, SecretSource};

/// What steps of an integration wait for: to be mended, and for their turn.
fn waiting() -> Vec<Code> {
    [DISABLED].into_iter().chain(gates::CODES).collect()
}

/// Does one task; `queue_url` is where messages are sent to that a replay sends again. Those that take long stop in
/// time before `deadline`, where the invocation ends.
pub async fn administer<S: SecretSource, Q: Queues>(
    context: &Context<S>,
    queues: &Q,
    queue_url: &str,
    task: Task,
    deadline: Instant,
) -> Result<Report, TaskError> {
    context.known_tenant(task.tenant_id()).await?;
    match task {
        Task::ShowIntegrations { tenant_id } => context.show(&tenant_id).await,
        Task::SaveIntegration { tenant_id, integration_id, config, secret_name, enabled } => {
            let state = if enabled { IntegrationState::On } else { IntegrationState::Off };
            let config = config::read(config)?;
            let connection = Connection::default();
            let wanted = Integration { tenant_id, integration_id, state, config, secret_name, connection };
            context.save(wanted, deadline).await.map(Report::Saved)
        }
        Task::TestIntegration { tenant_id, integration_id } => {
            context.test(&tenant_id, &integration_id, deadline).await.map(Report::Tested)
        }
        Task::EnableIntegration { tenant_id, integration_id } => {
            context.enable(&tenant_id, &integration_id, deadline).await.map(Report::Saved)
        }
        Task::DisableIntegration { tenant_id, integration_id } => {
            context.switch(&tenant_id, integration_id, &IntegrationState::Off).await
        }
        Task::RemoveIntegration { tenant_id, integration_id } => {
            context.switch(&tenant_id, integration_id, &IntegrationState::Removed).await
        }
        Task::ReplayIntegration { tenant_id, integration_id, session_id, from, to, failed_only, after } => {
            let integration = context.found(&tenant_id, &integration_id).await?;
            let wanted = Wanted { integration: &integration, session_id, from, to, failed_only, after };
            replay::replay(&context.store, queues, queue_url, wanted, deadline).await.map(Report::Replayed)
        }
        Task::ShowAttempts { tenant_id, integration_id, session_id } => {
            context.attempts(&tenant_id, &integration_id, session_id.as_ref()).await
        }
        Task::ShowSyncs { tenant_id, integration_id, session_id, status, from, to, limit, after } => {
            let is_empty = from.zip(to).is_some_and(|(from, to)| from >= to);
            if is_empty || (session_id.is_some() && after.is_some()) {
                return Err(TaskError::Syncs);
            }
            let filter = SyncFilter { session: session_id.as_ref(), status, from, to, after: after.as_ref() };
            context.syncs(&tenant_id, &integration_id, &filter, limit).await
        }
    }
}

impl Task {
    fn tenant_id(&self) -> &TenantId {
        match self {
            Self::ShowIntegrations { tenant_id }
            | Self::SaveIntegration { tenant_id, .. }
            | Self::TestIntegration { tenant_id, .. }
            | Self::EnableIntegration { tenant_id, .. }
            | Self::DisableIntegration { tenant_id, .. }
            | Self::RemoveIntegration { tenant_id, .. }
            | Self::ReplayIntegration { tenant_id, .. }
            | Self::ShowSyncs { tenant_id, .. }
            | Self::ShowAttempts { tenant_id, .. } => tenant_id,
        }
    }
}

impl<S: SecretSource> Context<S> {
    async fn known_tenant(&self, tenant: &TenantId) -> Result<(), TaskError> {
        let found = self.store.tenant::<IgnoredAny>(tenant).await.map_err(TaskError::Store)?;
        found.map(drop).ok_or_else(|| TaskError::UnknownTenant(tenant.clone()))
    }

    /// One that is not removed.
    async fn found(&self, tenant: &TenantId, id: &IntegrationId) -> Result<Integration, TaskError> {
        let found = self.store.integration(tenant, id).await.map_err(TaskError::Store)?;
        let found = found.filter(|integration| integration.state != IntegrationState::Removed);
        found.ok_or_else(|| TaskError::UnknownIntegration(id.clone()))
    }

    async fn save(&self, mut wanted: Integration, deadline: Instant) -> Result<Saved, TaskError> {
        self.same_account(&wanted).await?;
        let checked = self.check(&wanted, deadline).await.map_err(TaskError::Check)?;
        if !checked.is_ok() {
            return Err(TaskError::NotWorking { operation: "save the integration", findings: checked.findings() });
        }
        wanted.connection = checked.connection.clone();
        self.store.save_integration(&wanted).await.map_err(TaskError::Store)?;
        let Integration { tenant_id, integration_id, state, config, connection, .. } = wanted;
        let (woken, kind) = (self.begin(&tenant_id, &integration_id, &state).await?, config.kind());
        tracing::info!(tenant.id = %tenant_id, integration.id = %integration_id, kind, woken, "saved an integration");
        Ok(Saved { state: show::state(&state), integration_id, findings: checked.findings(), connection, woken })
    }

    /// The log of an integration that is there, or was, names what it left in one account: another one's records must
    /// not be taken for these. Of HubSpot accounts the configuration does not say which they are.
    async fn same_account(&self, wanted: &Integration) -> Result<(), TaskError> {
        let Integration { tenant_id, integration_id, config, .. } = wanted;
        let Some(there) = self.store.integration(tenant_id, integration_id).await.map_err(TaskError::Store)? else {
            return Ok(());
        };
        let refused = |path, what: &str| {
            let problem = format!("the log of {integration_id} is of another {what}: save it under another id");
            Err(TaskError::Config { path, problem })
        };
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
        match (&there.config, config) {
            (IntegrationConfig::Salesforce(there), IntegrationConfig::Salesforce(wanted))
                if origin(&there.url) != origin(&wanted.url) =>
            {
                let filter = SyncFilter { status: Some(ShownStatus::Done), ..SyncFilter::default() };
                let synced = self.store.shown_syncs(tenant_id, integration_id, &filter, 1).await;
                if synced.map_err(TaskError::Store)?.is_empty() {
                    Ok(())
                } else {
                    refused("config.url".to_owned(), "org")
                }
            }
            (there, wanted) if there.kind() != wanted.kind() => {
                refused("config.kind".to_owned(), "kind of third party")
            }
            _ => Ok(()),
        }
    }

    /// Only what works is remembered of a test: a third party that is down has not changed what later syncs rely on.
    async fn test(&self, tenant: &TenantId, id: &IntegrationId, deadline: Instant) -> Result<Tested, TaskError> {
        let integration = self.found(tenant, id).await?;
        let checked = self.check(&integration, deadline).await.map_err(TaskError::Check)?;
        let (ok, connection) = (checked.is_ok(), checked.connection.clone());
        if ok {
            self.store.save_connection(tenant, id, &connection).await.map_err(TaskError::Store)?;
        }
        tracing::info!(tenant.id = %tenant, integration.id = %id, ok, "tested an integration");
        Ok(Tested { ok, findings: checked.findings(), connection })
    }

    async fn enable(&self, tenant: &TenantId, id: &IntegrationId, deadline: Instant) -> Result<Saved, TaskError> {
        let Tested { ok, findings, connection } = self.test(tenant, id, deadline).await?;
        if !ok {
            return Err(TaskError::NotWorking { operation: "enable the integration", findings });
        }
        let woken = self.begin(tenant, id, &IntegrationState::On).await?;
        tracing::info!(tenant.id = %tenant, integration.id = %id, woken, "enabled an integration");
        let state = show::state(&IntegrationState::On);
        Ok(Saved { integration_id: id.clone(), state, findings, connection, woken })
    }

    /// Switches it on or off, and has the steps that have waited look again: they find it so. Returns how many.
    async fn begin(&self, tenant: &TenantId, id: &IntegrationId, state: &IntegrationState) -> Result<u64, TaskError> {
        if !self.store.switch_integration(tenant, id, state).await.map_err(TaskError::Store)? {
            return Err(TaskError::UnknownIntegration(id.clone()));
        }
        self.store.wake_steps(tenant, id, &waiting()).await.map_err(TaskError::Store)
    }

    async fn switch(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        state: &IntegrationState,
    ) -> Result<Report, TaskError> {
        self.begin(tenant, &id, state).await?;
        let state = show::state(state);
        tracing::info!(tenant.id = %tenant, integration.id = %id, state, "switched an integration");
        Ok(Report::Switched { integration_id: id, state })
    }
}

/// The text of a JSON value's kind, for errors that must not repeat the value.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
