//! Salesforce: one contact or lead per address, one task per session.

mod address;
mod client;
mod error_answer;
mod fields;
mod person;
mod sign_in;
mod soql;
mod task;

pub use client::{Org, Salesforce};
pub use sign_in::Login;
pub use task::MAX_DESCRIPTION_LENGTH;

use crate::call::CallError;
use crate::crm::{self, Crm, Person, WriteAttempt};
use crate::error::Error;
use crate::job::Job;

/// Requests of a sync of a visitor whom Salesforce does not know yet: no contact, no lead, still no person, a new person, a
/// task.
pub const REQUESTS: i32 = 5;

impl Crm for Org<'_> {
    /// The session's id is the task's external id.
    fn is_keyed(&self) -> bool {
        true
    }

    async fn person(&self, job: &Job<'_>) -> Result<Person, Error> {
        match crm::address(&job.session.visitor) {
            Ok(email) => person::find_or_create(self, job, &email).await,
            Err(reason) => Ok(Person::Skipped(reason)),
        }
    }

    /// Never asked, for no task is without its key; so nothing is known of one.
    async fn find(&self, _: &Job<'_>, _: &str) -> Result<Option<String>, CallError> {
        Err(CallError::Incomplete { operation: "look for a task without a key" })
    }

    async fn write(&self, job: &Job<'_>, person: &str, _: WriteAttempt) -> Result<String, CallError> {
        task::write(self, job, person).await
    }

    async fn rewrite(&self, job: &Job<'_>, record: &str) -> Result<Option<String>, CallError> {
        task::rewrite(self, job, record).await
    }
}
