//! Tasks of an operator: integrations are checked before they are saved or switched on.

mod config;
mod error;
pub(crate) mod problem;
mod replay;
mod show;
mod task;

use std::time::Instant;

use connectors::{Connectors, SecretSource};
use domain::id::{IntegrationId, TenantId};
use domain::integration::{Connection, INTEGRATION_DISABLED, Integration, IntegrationConfig, IntegrationState};
use domain::step::Code;
use reqwest::Url;
use serde::de::IgnoredAny;
use serde_json::Value;
use stage::queues::Queues;
use store::syncs::{ShownStatus, SyncFilter};
use store::{Store, gates};

use crate::Error;
pub use error::IntegrationError;
use replay::ReplayRequest;
pub use store::syncs::SyncEntry;
pub use store::webhook_attempts::AttemptEntry;
pub use task::{
    IntegrationEntry, IntegrationReport, IntegrationTask, ReplayedSyncs, SavedIntegration, ShownAttempts,
    ShownIntegrations, ShownState, ShownSyncs, SwitchedIntegration, TestedIntegration,
};

/// Codes that steps of an integration wait with: until it is fixed, or for their turn.
fn waiting() -> Vec<Code> {
    [INTEGRATION_DISABLED].into_iter().chain(gates::CODES).collect()
}

/// Does one task; a replay sends its messages to `queue_url`. Long tasks stop in time before `deadline`, the end of the
/// invocation.
pub async fn administer<S: SecretSource, Q: Queues>(
    connectors: &Connectors<S>,
    queues: &Q,
    queue_url: &str,
    task: IntegrationTask,
    deadline: Instant,
) -> Result<IntegrationReport, Error> {
    let operator = Operator { connectors, store: &connectors.store };
    operator.known_tenant(task.tenant_id()).await?;
    match task {
        IntegrationTask::ShowIntegrations { tenant_id } => operator.show(&tenant_id).await,
        IntegrationTask::SaveIntegration { tenant_id, integration_id, config, secret_name, enabled } => {
            let state = if enabled { IntegrationState::On } else { IntegrationState::Off };
            let config = config::read(config)?;
            let connection = Connection::default();
            let wanted = Integration { tenant_id, integration_id, state, config, secret_name, connection };
            operator.save(wanted, deadline).await.map(IntegrationReport::Saved)
        }
        IntegrationTask::TestIntegration { tenant_id, integration_id } => {
            operator.test(&tenant_id, &integration_id, deadline).await.map(IntegrationReport::Tested)
        }
        IntegrationTask::EnableIntegration { tenant_id, integration_id } => {
            operator.enable(&tenant_id, &integration_id, deadline).await.map(IntegrationReport::Saved)
        }
        IntegrationTask::DisableIntegration { tenant_id, integration_id } => {
            operator.switch(&tenant_id, integration_id, &IntegrationState::Off).await
        }
        IntegrationTask::RemoveIntegration { tenant_id, integration_id } => {
            operator.switch(&tenant_id, integration_id, &IntegrationState::Removed).await
        }
        IntegrationTask::ReplayIntegration { tenant_id, integration_id, session_id, from, to, failed_only, after } => {
            let integration = operator.found(&tenant_id, &integration_id).await?;
            let wanted = ReplayRequest { integration: &integration, session_id, from, to, failed_only, after };
            replay::replay(operator.store, queues, queue_url, wanted, deadline).await.map(IntegrationReport::Replayed)
        }
        IntegrationTask::ShowAttempts { tenant_id, integration_id, session_id } => {
            operator.attempts(&tenant_id, &integration_id, session_id.as_ref()).await
        }
        IntegrationTask::ShowSyncs { tenant_id, integration_id, session_id, status, from, to, limit, after } => {
            let is_empty = from.zip(to).is_some_and(|(from, to)| from >= to);
            if is_empty || (session_id.is_some() && after.is_some()) {
                return Err(IntegrationError::Syncs.into());
            }
            let filter = SyncFilter { session: session_id.as_ref(), status, from, to, after: after.as_ref() };
            operator.syncs(&tenant_id, &integration_id, &filter, limit).await
        }
    }
}

impl IntegrationTask {
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

/// Tasks of an operator, with the clients of third parties.
struct Operator<'a, S> {
    connectors: &'a Connectors<S>,
    store: &'a Store,
}

impl<S: SecretSource> Operator<'_, S> {
    async fn known_tenant(&self, tenant: &TenantId) -> Result<(), Error> {
        self.store.tenant::<IgnoredAny>(tenant).await?.map(drop).ok_or_else(|| Error::UnknownTenant(tenant.clone()))
    }

    /// Finds an integration that is not removed.
    async fn found(&self, tenant: &TenantId, id: &IntegrationId) -> Result<Integration, Error> {
        let found = self.store.integration(tenant, id).await?;
        let found = found.filter(|integration| integration.state != IntegrationState::Removed);
        Ok(found.ok_or_else(|| IntegrationError::UnknownIntegration(id.clone()))?)
    }

    async fn save(&self, mut wanted: Integration, deadline: Instant) -> Result<SavedIntegration, Error> {
        self.same_account(&wanted).await?;
        let checked = self.connectors.check(&wanted, deadline).await.map_err(IntegrationError::Check)?;
        if !checked.is_ok() {
            let findings = checked.findings();
            return Err(IntegrationError::NotWorking { operation: "integration not saved", findings }.into());
        }
        wanted.connection = checked.connection.clone();
        self.store.save_integration(&wanted).await?;
        let Integration { tenant_id, integration_id, state, config, connection, .. } = wanted;
        // Steps are woken after the integration is saved, or they would find it disabled and wait again.
        let (woken, kind) = (self.store.wake_steps(&tenant_id, &integration_id, &waiting()).await?, config.kind());
        tracing::info!(tenant.id = %tenant_id, integration.id = %integration_id, kind, woken, "integration saved");
        Ok(SavedIntegration {
            state: show::state(&state),
            integration_id,
            findings: checked.findings(),
            connection,
            woken,
        })
    }

    /// The log of an integration that is there, or was, names what it left in one account: another one's records must
    /// not be taken for these. Of HubSpot accounts the configuration does not say which they are.
    async fn same_account(&self, wanted: &Integration) -> Result<(), Error> {
        let Integration { tenant_id, integration_id, config, .. } = wanted;
        let Some(there) = self.store.integration(tenant_id, integration_id).await? else {
            return Ok(());
        };
        let refused = |path, what: &str| {
            let problem = format!("the log of {integration_id} is of another {what}: save it under another id");
            Err(IntegrationError::Config { path, problem }.into())
        };
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
        match (&there.config, config) {
            (IntegrationConfig::Salesforce(there), IntegrationConfig::Salesforce(wanted))
                if origin(&there.url) != origin(&wanted.url) =>
            {
                let filter = SyncFilter { status: Some(ShownStatus::Done), ..SyncFilter::default() };
                let synced = self.store.shown_syncs(tenant_id, integration_id, &filter, 1).await;
                if synced?.is_empty() { Ok(()) } else { refused("config.url".to_owned(), "org") }
            }
            (there, wanted) if there.kind() != wanted.kind() => {
                refused("config.kind".to_owned(), "kind of third party")
            }
            _ => Ok(()),
        }
    }

    /// Only what works is remembered of a test: a third party that is down has not changed what later syncs rely on.
    async fn test(&self, tenant: &TenantId, id: &IntegrationId, deadline: Instant) -> Result<TestedIntegration, Error> {
        let integration = self.found(tenant, id).await?;
        let checked = self.connectors.check(&integration, deadline).await.map_err(IntegrationError::Check)?;
        let (ok, connection) = (checked.is_ok(), checked.connection.clone());
        if ok {
            self.store.save_connection(tenant, id, &connection).await?;
        }
        tracing::info!(tenant.id = %tenant, integration.id = %id, ok, "integration tested");
        Ok(TestedIntegration { ok, findings: checked.findings(), connection })
    }

    async fn enable(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
        deadline: Instant,
    ) -> Result<SavedIntegration, Error> {
        let TestedIntegration { ok, findings, connection } = self.test(tenant, id, deadline).await?;
        if !ok {
            return Err(IntegrationError::NotWorking { operation: "integration not enabled", findings }.into());
        }
        let woken = self.begin(tenant, id, &IntegrationState::On).await?;
        tracing::info!(tenant.id = %tenant, integration.id = %id, woken, "integration enabled");
        let state = show::state(&IntegrationState::On);
        Ok(SavedIntegration { integration_id: id.clone(), state, findings, connection, woken })
    }

    /// Switches an integration on or off, and wakes the steps that wait for it. Returns how many.
    async fn begin(&self, tenant: &TenantId, id: &IntegrationId, state: &IntegrationState) -> Result<u64, Error> {
        if !self.store.switch_integration(tenant, id, state).await? {
            return Err(IntegrationError::UnknownIntegration(id.clone()).into());
        }
        Ok(self.store.wake_steps(tenant, id, &waiting()).await?)
    }

    async fn switch(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        state: &IntegrationState,
    ) -> Result<IntegrationReport, Error> {
        // Waiting steps are woken also when it is switched off: they are skipped, and their sessions end.
        self.begin(tenant, &id, state).await?;
        let state = show::state(state);
        tracing::info!(tenant.id = %tenant, integration.id = %id, state = state.as_str(), "integration switched");
        Ok(IntegrationReport::Switched(SwitchedIntegration { integration_id: id, state }))
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
