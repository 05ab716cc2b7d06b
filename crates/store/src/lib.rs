#![doc = include_str!("../README.md")]

pub mod alerts;
pub mod analyses;
pub mod clock;
mod connect;
pub mod email_events;
pub mod email_log;
pub mod email_templates;
pub mod erasure;
mod error;
pub mod failures;
pub mod gates;
pub mod integration_log;
pub mod integrations;
mod migrate;
pub mod model_calls;
mod nul;
pub mod parts;
pub mod person_leases;
pub mod reanalysis;
pub mod replays;
pub mod retention;
mod row;
pub mod sending;
pub mod sessions;
mod sql;
mod step_rows;
pub mod steps;
pub mod suppressions;
pub mod syncs;
pub mod tenants;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
pub mod waiting;
pub mod webhook_attempts;
pub mod webhook_events;

pub use connect::{Config, ConnectError, Store};
pub use error::{DatabaseError, Error};
pub use migrate::{MigrateError, migrate};
