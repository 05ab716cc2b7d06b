#![doc = include_str!("../README.md")]

mod aws;
pub mod backoff;
pub mod batch;
pub mod config;
mod error_chain;
pub mod metrics;
pub mod outcome;
pub mod queues;
pub mod step;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use aws::sdk_config;
pub use aws_config::SdkConfig;
pub use config::{ConfigError, Env};
pub use error_chain::error_chain;
pub use outcome::{Delivery, Failure, NextDelivery, Outcome};
pub use step::{Stage, StepRunner};

/// The source of the current time: `Utc::now`, or a constant in tests.
pub type Clock = fn() -> chrono::DateTime<chrono::Utc>;

/// Creates the pool and opens its first connection, so that the first message does not wait for one.
///
/// The function also starts while the database is down: messages wait in their queue.
pub async fn connect(config: &store::Config) -> Result<store::Store, store::ConnectError> {
    let store = store::Store::new(config)?;
    if let Err(error) = store.warm_up().await {
        tracing::warn!(error = error_chain(&error), "database not reached at start");
    }
    Ok(store)
}
