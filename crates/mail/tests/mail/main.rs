//! A mail all the way to the request that SES gets.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod hostile;
mod refusals;
mod request;
