//! A third party that a tenant syncs to.

use serde::{Deserialize, Serialize};

use crate::id::{IntegrationId, TenantId};

/// One configured integration; secrets are in Secrets Manager under `secret_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    pub tenant_id: TenantId,
    pub integration_id: IntegrationId,
    pub enabled: bool,
    pub config: IntegrationConfig,
    /// Name in Secrets Manager: a HubSpot token, or a webhook's signing secret (`whsec_…`).
    pub secret_name: String,
}

/// What is particular to each kind of third party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum IntegrationConfig {
    Hubspot {
        /// Version part of the object API's path.
        #[serde(default = "default_hubspot_api_version")]
        api_version: String,
    },
    Webhook {
        url: String,
    },
}

fn default_hubspot_api_version() -> String {
    "2026-03".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_its_kind() {
        let config: IntegrationConfig = serde_json::from_str(r#"{"kind":"hubspot"}"#).unwrap();
        assert_eq!(config, IntegrationConfig::Hubspot { api_version: "2026-03".into() });
        let unknown =
            serde_json::from_str::<IntegrationConfig>(r#"{"kind":"webhook","url":"https://x","method":"PUT"}"#);
        assert!(unknown.unwrap_err().to_string().contains("method"));
    }
}
