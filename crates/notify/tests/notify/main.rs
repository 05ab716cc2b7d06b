//! `notify` with a real Postgres and a stand-in for SES.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod attached;
mod burst;
mod busy;
mod handle;
mod kept_back;
mod logged;
mod outside;
mod sample;
mod shown;
mod templates;
mod unknown_outcome;
mod world;
