#![doc = include_str!("../README.md")]

mod addressees;
mod compose;
mod config;
mod context;
mod decide;
mod error;
mod pace;
mod quiet;
#[cfg(test)]
#[path = "../tests/notify/sample.rs"]
mod sample;
mod send;
mod source;
mod unsubscribe;

pub use config::Config;
pub use context::Context;
pub use error::Error;
pub use pace::busy_waits;
pub use unsubscribe::{Links, PublicUrl};
