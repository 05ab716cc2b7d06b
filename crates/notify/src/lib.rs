#![doc = include_str!("../README.md")]

mod context;
mod decide;
mod error;
mod header;
mod links;
mod mail;
mod phrases;
#[cfg(test)]
#[path = "../tests/notify/sample.rs"]
mod sample;
mod send_error;
mod sender;

pub use context::{Config, Context};
pub use error::Error;
pub use mail::{Mail, TEMPLATE, Templates};
pub use send_error::{OUTCOME_UNKNOWN, Refusal, SendError};
pub use sender::{Envelope, Sender};
