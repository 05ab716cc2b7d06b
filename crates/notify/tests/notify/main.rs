//! `notify` on a real Postgres, with a SES that answers at the socket.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod fake_ses;
mod handle;
mod refusals;
mod sample;
mod shown;
mod unknown_outcome;
mod world;
