//! `crm-sync` against stand-ins that speak the real protocols, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod hubspot;
mod keyed;
mod mapped;
mod oauth;
mod outcomes;
mod salesforce;
mod shown;
mod versions;
mod webhook;
mod world;
