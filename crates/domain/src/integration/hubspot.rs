//! A HubSpot account.

use serde::{Deserialize, Serialize};

use super::limits::{ApiVersion, Concurrency, Requests, concurrency};
use super::source::Mapping;

/// The connection to a HubSpot account, and the mapping to its contacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HubspotConfig {
    /// Version part of the paths of the CRM API.
    pub api_version: ApiVersion,
    pub auth: HubspotAuth,
    /// Contact properties, by internal name, and their sources.
    pub properties: Mapping,
    /// The account's limit for an app; by default the lowest of HubSpot's limits.
    pub requests_per_ten_seconds: Requests,
    pub concurrency: Concurrency,
}

/// The form of the integration's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubspotAuth {
    /// A service key, or the token of a private app.
    Token,
    /// `{"client_id", "client_secret", "refresh_token"}` of an app that was installed.
    Oauth,
}

impl Default for HubspotConfig {
    fn default() -> Self {
        Self {
            api_version: ApiVersion::literal("2026-03"),
            auth: HubspotAuth::Token,
            properties: Mapping::default(),
            requests_per_ten_seconds: Requests::literal(100),
            concurrency: concurrency(),
        }
    }
}
