//! HubSpot: one contact per address, one note per session.

mod client;
mod contact;
mod error;
mod note;
mod refusal;

use domain::email_address::EmailAddress;
use domain::session::{Visitor, VisitorEmail};
use domain::step::{Code, FIRST_VERSION};
use store::Store;
use store::integration_log::OtherRecord;

pub(crate) use client::Portal;
pub use client::{HubSpot, REQUEST_TIMEOUT};
pub use error::HubSpotError;
pub use note::MAX_NOTE_LENGTH;
pub use refusal::{DAILY_LIMIT_WAIT, Refusal};

use crate::error::Error;
use crate::{Job, Synced};

const NO_EMAIL: Code = Code::new("no_email");
const INVALID_EMAIL: Code = Code::new("invalid_email");
/// The note tells a later version of the analysis already.
const SUPERSEDED: Code = Code::new("superseded");

/// The address that identifies the contact, or why there is none.
pub(crate) fn address(visitor: &Visitor) -> Result<EmailAddress, Code> {
    match visitor.email() {
        VisitorEmail::Absent => Err(NO_EMAIL),
        VisitorEmail::Invalid => Err(INVALID_EMAIL),
        VisitorEmail::Usable(email) => Ok(email),
    }
}

/// Makes sure that the contact and the session's note are there, and that the note tells the latest analysis; the record
/// is the note.
pub(crate) async fn sync(
    job: &Job<'_>,
    portal: &Portal<'_>,
    email: &EmailAddress,
    store: &Store,
) -> Result<Synced, Error> {
    let other = store.other_record(&job.key).await.map_err(Error::Store)?;
    if other.as_ref().is_some_and(|other| other.analysis_version > job.key.analysis_version) {
        return Ok(Synced::Skipped(SUPERSEDED));
    }
    let contact_id = match contact::upsert(portal, email, &job.session.visitor).await {
        Err(error) if error.is_invalid_email() => return Ok(Synced::Skipped(INVALID_EMAIL)),
        upserted => upserted.map_err(Error::HubSpot)?,
    };
    let is_first = job.key.analysis_version == FIRST_VERSION;
    // Writing was begun before, by whichever version, so an answer may have been lost: also where the log says `failed`
    // since then.
    if is_first && !store.begun_versions(&job.key).await.map_err(Error::Store)?.is_empty() {
        let found = note::find(portal, &contact_id, &job.session.session_id).await.map_err(Error::HubSpot)?;
        if let Some(note_id) = found {
            return Ok(Synced::Written(note_id));
        }
    }
    store.start_writing(&job.key, Some(&contact_id)).await.map_err(Error::Store)?;
    let body = note::render(job.session, job.analysis);
    let updated = match is_first {
        true => Ok(None),
        false => update_note(job, portal, &contact_id, other, &body).await,
    };
    if let Some(note_id) = updated.map_err(Error::HubSpot)? {
        return Ok(Synced::Written(note_id));
    }
    let note_id = portal.create_note(&contact_id, job.session.ended_at, &body).await.map_err(Error::HubSpot)?;
    Ok(Synced::Written(note_id))
}

/// Has the session's note tell a later version: the one in the log, or one whose answer was lost, of this version or of an
/// earlier one. `None` if the session has no note, or none any more. Repeated, it does the same.
async fn update_note(
    job: &Job<'_>,
    portal: &Portal<'_>,
    contact_id: &str,
    earlier: Option<OtherRecord>,
    body: &str,
) -> Result<Option<String>, HubSpotError> {
    if let Some(earlier) = earlier
        && let Some(note_id) = portal.update_note(&earlier.record_id, body).await?
    {
        return Ok(Some(note_id));
    }
    match note::find(portal, contact_id, &job.session.session_id).await? {
        Some(note_id) => portal.update_note(&note_id, body).await,
        None => Ok(None),
    }
}
