//! How integrations are configured and fare.

use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::{Disabled, Integration, IntegrationState};
use store::integrations::Shown;
use store::webhook_attempts::Attempt;

use super::waiting;
use crate::task::{Report, ShownAttempt, ShownDisabled, ShownIntegration, TaskError};
use crate::{Context, SecretSource};

/// Attempts in an answer: with the beginnings of what receivers answered, a fraction of what Lambda takes.
const ATTEMPTS: i64 = 100;

impl<S: SecretSource> Context<S> {
    pub(super) async fn show(&self, tenant: &TenantId) -> Result<Report, TaskError> {
        let shown = self.store.shown_integrations(tenant, &waiting()).await.map_err(TaskError::Store)?;
        Ok(Report::Shown { integrations: shown.into_iter().map(ShownIntegration::from).collect() })
    }

    /// The latest first.
    pub(super) async fn attempts(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
        session: Option<&SessionId>,
    ) -> Result<Report, TaskError> {
        self.found(tenant, id).await?;
        let attempts = self.store.webhook_attempts(tenant, id, session, ATTEMPTS).await.map_err(TaskError::Store)?;
        Ok(Report::Attempts { attempts: attempts.into_iter().map(ShownAttempt::from).collect() })
    }
}

pub(super) fn state(state: &IntegrationState) -> &'static str {
    match state {
        IntegrationState::On => "on",
        IntegrationState::Off => "off",
        IntegrationState::Disabled(_) => "disabled",
        IntegrationState::Removed => "removed",
    }
}

impl From<Shown> for ShownIntegration {
    fn from(shown: Shown) -> Self {
        let Integration { integration_id, state, config, secret_name, connection, .. } = shown.integration;
        Self {
            integration_id,
            state: self::state(&state),
            disabled: match state {
                IntegrationState::Disabled(Disabled { code, reason, since }) => {
                    Some(ShownDisabled { code, reason, since })
                }
                IntegrationState::On | IntegrationState::Off | IntegrationState::Removed => None,
            },
            config,
            secret_name,
            connection,
            checked_at: shown.checked_at,
            last_success_at: shown.last_success_at,
            failures: shown.failures,
            failing_since: shown.failing_since,
            resting_until: shown.open_until.max(shown.limited_until),
            limit_code: shown.limit_code,
            waiting: shown.waiting,
        }
    }
}

impl From<Attempt> for ShownAttempt {
    fn from(attempt: Attempt) -> Self {
        let Attempt { session_id, webhook_id, event, is_replay, began_at, duration_ms, status, code, answer } = attempt;
        let event = event.to_string();
        Self { began_at, session_id, event, webhook_id, is_replay, duration_ms, status, code, answer }
    }
}
