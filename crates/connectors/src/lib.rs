#![doc = include_str!("../README.md")]

pub mod access;
pub mod call;
pub mod check;
pub mod crm;
mod destination;
pub mod error;
pub mod explanation;
mod hosts;
mod http;
pub mod hubspot;
pub mod job;
mod mapping;
mod name;
pub mod reason;
mod rest;
pub mod salesforce;
mod secrets;
mod summary;
mod text;
pub mod webhook;

use stage::{Clock, ConfigError, Env, SdkConfig};
use store::Store;

pub use destination::Violation;
pub use error::Error;
pub use hosts::AllowedHosts;
pub use hubspot::HubSpot;
pub use salesforce::Salesforce;
pub use secrets::{SecretError, SecretSource, Secrets, SecretsManager};
pub use transport::SetupError;
pub use webhook::Webhooks;

const DEFAULT_HUBSPOT_BASE_URL: &str = "https://api.hubapi.com";

/// Variables of the environment that say where third parties and their secrets are.
pub struct Config {
    pub hubspot_base_url: String,
    pub secret_prefix: String,
    pub salesforce_allowed_hosts: AllowedHosts,
    pub webhook_allowed_hosts: AllowedHosts,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            hubspot_base_url: env.optional("HUBSPOT_BASE_URL").unwrap_or(DEFAULT_HUBSPOT_BASE_URL).to_owned(),
            secret_prefix: env.text("SECRET_PREFIX")?,
            salesforce_allowed_hosts: allowed_hosts(env, "SALESFORCE_ALLOWED_HOSTS")?,
            webhook_allowed_hosts: allowed_hosts(env, "WEBHOOK_ALLOWED_HOSTS")?,
        })
    }
}

fn allowed_hosts(env: &Env, name: &'static str) -> Result<AllowedHosts, ConfigError> {
    let parsed = env.optional(name).unwrap_or_default().parse();
    parsed.map_err(|error: hosts::InvalidAllowedHost| ConfigError::Invalid { name, reason: error.to_string() })
}

/// Clients of all third parties, with the secrets and the database that they need.
pub struct Connectors<S = SecretsManager> {
    pub store: Store,
    pub secrets: Secrets<S>,
    pub hubspot: HubSpot,
    pub salesforce: Salesforce,
    pub webhooks: Webhooks,
    pub clock: Clock,
}

impl Connectors {
    pub fn new(config: &Config, aws: &SdkConfig, store: Store) -> Result<Self, SetupError> {
        Ok(Self {
            store,
            secrets: Secrets::new(SecretsManager::new(aws), &config.secret_prefix),
            hubspot: HubSpot::new(&config.hubspot_base_url)?,
            salesforce: Salesforce::new(config.salesforce_allowed_hosts.clone())?,
            webhooks: Webhooks::new(config.webhook_allowed_hosts.clone())?,
            clock: chrono::Utc::now,
        })
    }
}
