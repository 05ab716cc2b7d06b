//! The interface to a CRM, as the sync of a session needs it.
//!
//! A CRM knows people and keeps records about them: HubSpot's are contacts and notes, Salesforce's contacts or leads
//! and tasks. One session leaves one record, on the visitor's person, dated by the end of the conversation. Another CRM
//! implements [`Crm`] for a client that is bound to one account and one delivery, and needs nothing else of this crate:
//! when it may ask, what an error means to the integration, the log and the order of versions are the same for all.

use domain::email_address::EmailAddress;
use domain::session::{Visitor, VisitorEmail};

use crate::call::CallError;
use crate::error::Error;
use crate::job::Job;
use crate::reason::Reason;

/// Returns the visitor's address, by which CRMs know people; the error is the reason to skip the session.
pub fn address(visitor: &Visitor) -> Result<EmailAddress, Reason> {
    match visitor.email() {
        VisitorEmail::Usable(address) => Ok(address),
        VisitorEmail::Absent => Err(Reason::NoEmail),
        VisitorEmail::Invalid => Err(Reason::InvalidEmail),
    }
}

/// The person that a record is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// A person with this id in the CRM.
    Known(String),
    /// The session is skipped, for this reason.
    Skipped(Reason),
}

/// How a record is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteAttempt {
    /// No attempt was begun before: the record does not exist.
    First,
    /// The record may exist.
    Repeated,
}

/// A CRM account during one delivery, of which it holds no job: [`rewrite`](Crm::rewrite) may be given another. Every
/// error says by its [`Reason`] what it means.
pub trait Crm {
    /// Whether writing a record twice leaves one, because a unique key of the session is part of it.
    fn is_keyed(&self) -> bool;

    /// Finds the visitor, or creates them, and writes what is known of them: never an empty value, and nothing
    /// that would take the person backwards. Twice, or at the same time as another session, it finds the same person: a
    /// CRM that takes an address twice creates a person under
    /// [`Store::take_person`](store::Store::take_person).
    fn person(&self, job: &Job<'_>) -> impl Future<Output = Result<Person, Error>>;

    /// The session's record among those of the person. What is incomplete or not known is an error, never `None`. Asked
    /// only where a record without a key may have been written.
    fn find(&self, job: &Job<'_>, person: &str) -> impl Future<Output = Result<Option<String>, CallError>>;

    /// Writes the session's record, on the person, and returns its id. With a key, also over an earlier one.
    fn write(
        &self,
        job: &Job<'_>,
        person: &str,
        attempt: WriteAttempt,
    ) -> impl Future<Output = Result<String, CallError>>;

    /// Updates a record with the job's analysis, which may be another than the delivery's; `None` if the record was deleted.
    fn rewrite(&self, job: &Job<'_>, record: &str) -> impl Future<Output = Result<Option<String>, CallError>>;
}
