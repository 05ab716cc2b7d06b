//! HubSpot: one contact per address, one note per session.

pub(crate) mod client;
pub(crate) mod contact;
mod error_answer;
mod note;
pub mod oauth;

pub(crate) use client::HubspotAccount;
pub use client::{HubSpot, MAX_NOTE_LENGTH, Portal};

use crate::call::CallError;
use crate::crm::{Crm, Person, WriteAttempt, address};
use crate::error::Error;
use crate::job::Job;
use crate::reason::Reason;

/// Requests of a sync of a visitor whom HubSpot does not know yet; a known visitor takes one less.
pub const REQUESTS: i32 = 3;

impl Crm for Portal<'_> {
    fn is_keyed(&self) -> bool {
        self.connection.unique_note_property
    }

    /// HubSpot takes an address once.
    async fn person(&self, job: &Job<'_>) -> Result<Person, Error> {
        match address(&job.session.visitor) {
            Ok(email) => contact::upsert(self, job, &email).await.map(Person::Known).map_err(Error::Crm),
            Err(reason) => Ok(Person::Skipped(reason)),
        }
    }

    async fn find(&self, job: &Job<'_>, person: &str) -> Result<Option<String>, CallError> {
        note::find(self, job, person).await.map_err(CallError::if_gone_again)
    }

    /// Created with its association and its key in one request; where it may be there already, the key says which it
    /// is, and the association is put in its place again.
    async fn write(&self, job: &Job<'_>, person: &str, attempt: WriteAttempt) -> Result<String, CallError> {
        let properties = note::properties(job.session, job.analysis, self.is_keyed());
        if attempt == WriteAttempt::First || !self.is_keyed() {
            match self.create_note(person, &properties).await.map_err(CallError::if_gone_again) {
                Err(error) if self.is_keyed() && error.is(Reason::Conflict) => {}
                created => return created,
            }
        }
        let note_id = self.upsert_note(job.session.session_id.as_ref(), &properties).await?;
        self.associate(&note_id, person).await.map_err(CallError::if_gone_again)?;
        Ok(note_id)
    }

    async fn rewrite(&self, job: &Job<'_>, record: &str) -> Result<Option<String>, CallError> {
        self.update_note(record, &note::properties(job.session, job.analysis, self.is_keyed())).await
    }
}
