//! Mails up to the request that SES receives.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod hostile;
mod refusals;
mod request;
