#![doc = include_str!("../README.md")]

mod aws_error;
pub mod bedrock;
mod bridge;
mod control;
mod faults;
pub mod front;
pub mod hubspot;
mod journal;
mod plumbing;
pub mod salesforce;
mod serve;
pub mod webhook;

pub use control::Control;
pub use serve::Running;
