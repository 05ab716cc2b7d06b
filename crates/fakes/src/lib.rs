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
mod rest;
pub mod salesforce;
mod serve;
mod setting;
pub mod webhook;

pub use control::Control;
pub use serve::Running;
