//! Tasks about integrations, against stand-ins that speak the real protocols, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod administer;
mod check;
mod operator;
#[expect(dead_code, reason = "the tests of syncs need more of it")]
#[path = "../../../crm-sync/tests/sync/salesforce/org.rs"]
mod org;
mod replay;
mod salesforce;
#[expect(dead_code, reason = "the tests of syncs need more of it")]
#[path = "../../../crm-sync/tests/sync/world.rs"]
mod world;
