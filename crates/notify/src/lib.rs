#![doc = include_str!("../README.md")]

mod context;
pub mod decide;
mod error;
pub mod header;
pub mod mail;
pub mod phrases;
#[cfg(test)]
#[path = "../tests/notify/sample.rs"]
mod sample;
pub mod send_error;
pub mod sender;

pub use context::{Config, Context};
pub use error::Error;
