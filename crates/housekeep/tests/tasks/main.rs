//! Tasks on a real Postgres, with queues in memory and SES at the socket.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod alert_mails;
mod alerts;
mod disabled;
mod erase;
mod purge;
mod requeue;
mod save;
mod task;
mod visitors;
mod world;
