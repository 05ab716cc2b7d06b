//! The whole pipeline on the deployed template; run by `cargo xtask test`.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod analysis;
mod bad_input;
mod burst;
mod crashes;
mod crm_burst;
mod email;
mod evaluation;
mod events;
mod happy_path;
mod hostile;
mod mail;
mod model;
mod once;
mod operations;
mod privacy;
mod third_parties;
mod unsubscribe;
mod webhooks;
