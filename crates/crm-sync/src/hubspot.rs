//! HubSpot: one contact per address, one note per session.

mod client;
mod contact;
mod error;
mod note;
mod refusal;

use domain::email_address::EmailAddress;
use domain::session::{Visitor, VisitorEmail};
use domain::step::Code;
use store::Store;

pub(crate) use client::Portal;
pub use client::{HubSpot, REQUEST_TIMEOUT};
pub use error::HubSpotError;
pub use note::MAX_NOTE_LENGTH;
pub use refusal::{DAILY_LIMIT_WAIT, Refusal};

use crate::error::Error;
use crate::{Job, Synced};

const NO_EMAIL: Code = Code::new("no_email");
const INVALID_EMAIL: Code = Code::new("invalid_email");

/// The address that identifies the contact, or why there is none.
pub(crate) fn address(visitor: &Visitor) -> Result<EmailAddress, Code> {
    match visitor.email() {
        VisitorEmail::Absent => Err(NO_EMAIL),
        VisitorEmail::Invalid => Err(INVALID_EMAIL),
        VisitorEmail::Usable(email) => Ok(email),
    }
}

/// Makes sure that the contact and the session's note are there; the record is the note.
pub(crate) async fn sync(
    job: &Job<'_>,
    portal: &Portal<'_>,
    email: &EmailAddress,
    store: &Store,
) -> Result<Synced, Error> {
    let contact_id = match contact::upsert(portal, email, &job.session.visitor).await {
        Err(error) if error.is_invalid_email() => return Ok(Synced::Skipped(INVALID_EMAIL)),
        upserted => upserted.map_err(Error::HubSpot)?,
    };
    // Writing was begun before, so an answer may have been lost: also where the log says `failed` since then.
    if job.log.attempts > 0 {
        let found = note::find(portal, &contact_id, &job.session.session_id).await.map_err(Error::HubSpot)?;
        if let Some(note_id) = found {
            return Ok(Synced::Written(note_id));
        }
    }
    store.start_writing(&job.key, Some(&contact_id)).await.map_err(Error::Store)?;
    let note = note::render(job.session, job.analysis);
    let note_id = portal.create_note(&contact_id, job.session.ended_at, &note).await.map_err(Error::HubSpot)?;
    Ok(Synced::Written(note_id))
}
