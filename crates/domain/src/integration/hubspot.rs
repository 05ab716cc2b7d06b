//! A HubSpot account.

use serde::{Deserialize, Serialize};

use super::source::Mapping;
use super::{ApiVersion, Concurrency, Requests};

/// How a HubSpot account is reached, and what its contacts are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HubspotConfig {
    /// Version part of the paths of the CRM API.
    pub api_version: ApiVersion,
    pub auth: HubspotAuth,
    /// Contact properties, by internal name, and what each is set to.
    pub properties: Mapping,
    /// What the account allows an app; the lowest of HubSpot's limits if not given.
    pub requests_per_ten_seconds: Requests,
    pub concurrency: Concurrency,
}

/// What the integration's secret holds.
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
            concurrency: Concurrency::literal(10),
        }
    }
}
