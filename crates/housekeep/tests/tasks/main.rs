//! Tasks on a real Postgres, with queues in memory and SES at the socket.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod alert_mails;
mod alerts;
mod erase;
#[expect(dead_code, reason = "mail's own tests need more of it")]
#[path = "../../../mail/tests/mail/fake_ses.rs"]
mod fake_ses;
mod purge;
mod requeue;
mod save;
mod task;
mod visitors;
mod world;
