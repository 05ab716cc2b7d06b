//! What the function needs from its environment.

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
    /// Sends for tenants that have no address of their own.
    pub sender_address: EmailAddress,
    /// Where SES publishes its events, for tenants that have no set of their own; `None`: it publishes none.
    pub configuration_set: Option<String>,
    /// How long a mail that SES has not answered for waits for an event.
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
