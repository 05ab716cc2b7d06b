//! The function's configuration.

use std::time::Duration;

use domain::email_address::EmailAddress;
use stage::queues::Routes;
use stage::step::StageConfig;
use stage::{ConfigError, Env};

use crate::unsubscribe::Links;

/// The function's configuration.
#[derive(Clone)]
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    pub follow_ups: Routes,
    /// The sender for tenants without their own address.
    pub sender_address: EmailAddress,
    /// The configuration set for tenants without their own; without one, SES publishes no events.
    pub configuration_set: Option<String>,
    /// The longest wait for an event about a mail whose outcome is unknown.
    pub unknown_outcome_wait: Duration,
    pub links: Links,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        Ok(Self {
            store: stage::config::store(env, stage.queue.concurrency)?,
            stage,
            follow_ups: Routes::of_events(env)?,
            sender_address: env.parsed("SENDER_ADDRESS")?,
            configuration_set: env.optional("SES_CONFIGURATION_SET").map(str::to_owned),
            unknown_outcome_wait: env.seconds("UNKNOWN_OUTCOME_WAIT_SECONDS")?,
            links: Links::from_env(env)?,
        })
    }
}
