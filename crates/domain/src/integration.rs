//! A third party that a tenant syncs to.

pub mod connection;
pub mod hubspot;
mod limits;
pub mod salesforce;
pub mod source;
pub mod webhook;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use connection::{Connection, FieldType};
pub use hubspot::HubspotConfig;
pub use limits::{ApiVersion, Concurrency, Limits, Requests};
pub use salesforce::SalesforceConfig;
pub use source::{Mapping, Source};
pub use webhook::WebhookConfig;

use crate::id::{IntegrationId, TenantId};
use crate::step::Code;

/// The code of a step that waits for a disabled integration.
pub const INTEGRATION_DISABLED: Code = Code::new("integration_disabled");

/// One configured integration; secrets are in Secrets Manager under `secret_name`.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    pub tenant_id: TenantId,
    pub integration_id: IntegrationId,
    pub state: IntegrationState,
    pub config: IntegrationConfig,
    /// The name in Secrets Manager; the form of the secret depends on the kind.
    pub secret_name: String,
    pub connection: Connection,
}

/// Whether sessions are synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegrationState {
    On,
    /// Switched off by an administrator: sessions are not synced.
    Off,
    /// Disabled by the service after permanent errors: sessions wait until an administrator fixes the integration.
    Disabled(Disabled),
    /// Sessions are not synced any more; the log of earlier syncs stays.
    Removed,
}

/// The reason for which the service disabled an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Such as `unauthorized`.
    pub code: String,
    /// An explanation for administrators.
    pub reason: String,
    pub since: DateTime<Utc>,
}

/// The configuration by kind of third party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IntegrationConfig {
    Hubspot(HubspotConfig),
    Salesforce(SalesforceConfig),
    Webhook(WebhookConfig),
}

impl IntegrationConfig {
    /// Returns the kind as in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Hubspot(_) => "hubspot",
            Self::Salesforce(_) => "salesforce",
            Self::Webhook(_) => "webhook",
        }
    }

    pub fn limits(&self) -> Limits {
        let (requests, concurrency) = match self {
            Self::Hubspot(config) => (config.requests_per_ten_seconds, config.concurrency),
            Self::Salesforce(config) => (config.requests_per_ten_seconds, config.concurrency),
            Self::Webhook(config) => (config.requests_per_ten_seconds, config.concurrency),
        };
        Limits { requests_per_ten_seconds: requests.get(), concurrency: concurrency.get() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: serde_json::Value) -> Result<IntegrationConfig, String> {
        serde_json::from_value(config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_configuration_names_its_kind_and_has_defaults() {
        let config = read(json!({ "kind": "hubspot" })).unwrap();
        let IntegrationConfig::Hubspot(hubspot) = &config else { panic!("{config:?}") };
        assert_eq!(hubspot.api_version.as_ref(), "2026-03");
        assert_eq!(config.limits(), Limits { requests_per_ten_seconds: 100, concurrency: 10 });
        assert_eq!(config.kind(), "hubspot");
        let again: IntegrationConfig = serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn unknown_and_invalid_fields_of_a_configuration_are_refused_by_name() {
        for (config, named) in [
            (json!({ "kind": "webhook", "url": "https://x", "method": "PUT" }), "method"),
            (json!({ "kind": "hubspot", "token": "pat-x" }), "token"),
            (json!({ "kind": "hubspot", "api_version": "../x" }), "letters, digits"),
            (json!({ "kind": "zoho" }), "zoho"),
            (json!({ "kind": "salesforce" }), "url"),
        ] {
            let error = read(config.clone()).unwrap_err();
            assert!(error.contains(named), "{config}: {error}");
        }
    }
}
