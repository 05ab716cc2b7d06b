#![doc = include_str!("../README.md")]

mod course;
mod judgement;
mod record;
mod request;
mod third_party;

use std::time::Duration;

use connectors::{Connectors, Error, SecretSource, SecretsManager, SetupError};
use domain::message::CrmSyncMessage;
use stage::backoff::Backoff;
use stage::step::StageConfig;
use stage::{ConfigError, Delivery, Env, Outcome, SdkConfig, Stage, config};
use store::Store;
use store::gates::CircuitWaits;

/// How often a step looks whether its integration was fixed; enabling the integration wakes the step at once.
pub const DISABLED_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The function's configuration.
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    pub connectors: connectors::Config,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        let store = config::store(env, stage.queue.concurrency)?;
        Ok(Self { store, stage, connectors: connectors::Config::from_env(env)? })
    }
}

/// Collaborators of the handler.
pub struct Context<S = SecretsManager> {
    pub connectors: Connectors<S>,
    /// How long an integration that is down is left alone.
    pub circuit: CircuitWaits,
}

impl Context {
    pub fn new(config: &Config, aws: &SdkConfig, store: Store) -> Result<Self, SetupError> {
        let Backoff { base, max } = config.stage.backoff;
        let connectors = Connectors::new(&config.connectors, aws, store)?;
        Ok(Self { connectors, circuit: CircuitWaits { base, max } })
    }
}

impl<S: SecretSource> Stage for Context<S> {
    type Message = CrmSyncMessage;
    type Error = Error;

    /// `Err` only where no integration is the reason: the row that the message names is gone, or the database fails.
    async fn handle(&self, message: CrmSyncMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        self.sync(&message, delivery).await
    }
}
