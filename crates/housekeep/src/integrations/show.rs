//! How integrations are configured and fare.

use chrono::{DateTime, Utc};
use connectors::SecretSource;
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::integration::{Integration, IntegrationConfig, IntegrationState, WebhookConfig};
use reqwest::Url;
use store::integrations::Shown;
use store::syncs::{SyncEntry, SyncFilter};

use super::{
    IntegrationEntry, IntegrationError, IntegrationReport, Operator, ShownAttempts, ShownIntegrations, ShownState,
    ShownSyncs, waiting,
};
use crate::Error;

/// Attempts in an answer: with the beginnings of what receivers answered, a fraction of what Lambda takes.
const ATTEMPTS: i64 = 100;
/// Replaces what is not shown.
pub(super) const MASKED: &str = "…";
/// Syncs in an answer where no limit is named.
const SYNCS: i64 = 100;
/// Syncs in an answer.
const MAX_SYNCS: i64 = 1000;
/// Bytes of the errors and notices in an answer; with the rest of their rows, below the 6 MB that Lambda takes.
const MAX_TEXT_BYTES: usize = 4_000_000;

impl<S: SecretSource> Operator<'_, S> {
    pub(super) async fn show(&self, tenant: &TenantId) -> Result<IntegrationReport, Error> {
        let shown = self.store.shown_integrations(tenant, &waiting()).await?;
        let now = (self.connectors.clock)();
        let integrations = shown.into_iter().map(|shown| integration(shown, now)).collect();
        Ok(IntegrationReport::Shown(ShownIntegrations { integrations }))
    }

    /// The latest first.
    pub(super) async fn attempts(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
        session: Option<&SessionId>,
    ) -> Result<IntegrationReport, Error> {
        self.found(tenant, id).await?;
        let attempts = self.store.webhook_attempts(tenant, id, session, ATTEMPTS).await?;
        Ok(IntegrationReport::Attempts(ShownAttempts { attempts }))
    }

    /// Lists syncs, the latest change first, also of a removed integration.
    pub(super) async fn syncs(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
        filter: &SyncFilter<'_>,
        limit: Option<u32>,
    ) -> Result<IntegrationReport, Error> {
        self.store.integration(tenant, id).await?.ok_or_else(|| IntegrationError::UnknownIntegration(id.clone()))?;
        let limit = limit.map_or(SYNCS, i64::from).clamp(1, MAX_SYNCS);
        let mut syncs = self.store.shown_syncs(tenant, id, filter, limit).await?;
        let mut is_full = usize::try_from(limit).is_ok_and(|limit| syncs.len() >= limit) && filter.session.is_none();
        let mut bytes = 0;
        let fits = syncs.iter().take_while(|sync| {
            bytes += [&sync.error, &sync.notice].into_iter().flatten().map(String::len).sum::<usize>();
            bytes <= MAX_TEXT_BYTES
        });
        let fits = fits.count();
        is_full |= fits < syncs.len();
        syncs.truncate(fits);
        let next = syncs.last().filter(|_| is_full).map(SyncEntry::place);
        Ok(IntegrationReport::Syncs(ShownSyncs { syncs, next }))
    }
}

pub(super) fn state(state: &IntegrationState) -> ShownState {
    match state {
        IntegrationState::On => ShownState::On,
        IntegrationState::Off => ShownState::Off,
        IntegrationState::Disabled(_) => ShownState::Disabled,
        IntegrationState::Removed => ShownState::Removed,
    }
}

/// A rest that has ended is over, whatever its row still says.
fn integration(shown: Shown, now: DateTime<Utc>) -> IntegrationEntry {
    let Integration { integration_id, state, config, secret_name, connection, .. } = shown.integration;
    let limited_until = shown.limited_until.filter(|until| *until > now);
    IntegrationEntry {
        integration_id,
        state: self::state(&state),
        disabled: match state {
            IntegrationState::Disabled(disabled) => Some(disabled),
            IntegrationState::On | IntegrationState::Off | IntegrationState::Removed => None,
        },
        config: masked(config),
        secret_name,
        connection,
        checked_at: shown.checked_at,
        last_success_at: shown.last_success_at,
        failures: shown.failures,
        failing_since: shown.failing_since,
        resting_until: shown.open_until.filter(|until| *until > now).max(limited_until),
        limit_code: shown.limit_code.filter(|_| limited_until.is_some()),
        waiting: shown.waiting,
    }
}

/// Path and query of a webhook are commonly all that keeps others from using it.
fn masked(config: IntegrationConfig) -> IntegrationConfig {
    match config {
        IntegrationConfig::Webhook(webhook) => {
            let url = Url::parse(&webhook.url).map_or_else(|_| MASKED.to_owned(), |url| shown_url(&url));
            IntegrationConfig::Webhook(WebhookConfig { url, ..webhook })
        }
        config @ (IntegrationConfig::Hubspot(_) | IntegrationConfig::Salesforce(_)) => config,
    }
}

fn shown_url(url: &Url) -> String {
    let is_bare = url.path() == "/" && url.query().is_none();
    format!("{}/{}", url.origin().ascii_serialization(), if is_bare { "" } else { MASKED })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_webhooks_url_only_the_host_is_shown() {
        for (url, shown) in [
            ("https://example.com", "https://example.com/"),
            ("https://example.com:8443/", "https://example.com:8443/"),
            ("https://hooks.example.com/services/T0/B0/secret", "https://hooks.example.com/…"),
            ("https://example.com/?token=secret", "https://example.com/…"),
            ("https://user:secret@example.com/#secret", "https://example.com/"),
            ("secret", "…"),
        ] {
            let masked = masked(IntegrationConfig::Webhook(WebhookConfig::to(url)));
            assert_eq!(masked, IntegrationConfig::Webhook(WebhookConfig::to(shown)), "{url}");
        }
    }
}
