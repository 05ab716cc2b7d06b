//! Salesforce: one person, one task, whatever goes wrong.

mod mapped;
mod org;
mod people;
mod sign_in;
mod tasks;
mod trouble;

use org::{KEY, Org, credentials};
