//! The function is killed at every request that it makes, to AWS too, and its message delivered again: whatever was
//! lost, a third party has one contact, one record, one event.
//!
//! The points are not picked: a run that is not disturbed says how many requests there are, and then each of them is
//! disturbed in each way, with the function's real binary, a real Postgres and stateful stand-ins.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails ends its test")]
#![expect(clippy::disallowed_methods, reason = "a test stops the clock and the database, which a function never does")]

mod function;
mod hubspot;
mod lambda;
mod proxy;
mod salesforce;
mod webhook;
mod world;
