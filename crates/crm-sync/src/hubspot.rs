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
use store::integration_log::{OtherRecord, SyncStatus};

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
    let begun = store.begun_versions(&job.key).await.map_err(Error::Store)?;
    if let Some(later) = other.as_ref().filter(|other| other.analysis_version > job.key.analysis_version) {
        // An attempt that was begun may have written over the later version's text, and ended before it put that back.
        return match begun.contains_key(&job.key.analysis_version) {
            true => settle(job, portal, store, later.record_id.clone()).await,
            false => Ok(Synced::Skipped(SUPERSEDED)),
        };
    }
    let contact_id = match contact::upsert(portal, email, &job.session.visitor).await {
        Err(error) if error.is_invalid_email() => return Ok(Synced::Skipped(INVALID_EMAIL)),
        upserted => upserted.map_err(Error::HubSpot)?,
    };
    let is_first = job.key.analysis_version == FIRST_VERSION;
    // Whichever version began to write, its answer may have been lost: also where the log says `failed` since then.
    if is_first && !begun.is_empty() {
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
    let note_id = match updated.map_err(Error::HubSpot)? {
        Some(note_id) => note_id,
        None => portal.create_note(&contact_id, job.session.ended_at, &body).await.map_err(Error::HubSpot)?,
    };
    settle(job, portal, store, note_id).await
}

/// What became of a note that this version has, or may have, written: where a later version began to write meanwhile, its
/// text is put back. Each version's beginning is in the log before its text is in the note, so whoever writes over a later
/// text sees it here.
async fn settle(job: &Job<'_>, portal: &Portal<'_>, store: &Store, note_id: String) -> Result<Synced, Error> {
    let mut told = job.key.analysis_version;
    while let Some(later) = writer_after(told, job, store).await? {
        let analysis = store.shown_analysis(job.key.tenant_id, job.key.session_id, later, job.shown).await;
        let analysis = analysis.map_err(Error::Store)?.ok_or(Error::UnknownAnalysis)?;
        let body = note::render(job.session, &analysis);
        portal.update_note(&note_id, &body).await.map_err(Error::HubSpot)?;
        told = later;
    }
    match told == job.key.analysis_version {
        true => Ok(Synced::Written(note_id)),
        false => Ok(Synced::Skipped(SUPERSEDED)),
    }
}

/// The latest version after this one that writes the note or has written it.
async fn writer_after(version: i32, job: &Job<'_>, store: &Store) -> Result<Option<i32>, Error> {
    let begun = store.begun_versions(&job.key).await.map_err(Error::Store)?;
    let writes = |status| match status {
        SyncStatus::Writing | SyncStatus::Done => true,
        SyncStatus::Pending | SyncStatus::Skipped | SyncStatus::Failed => false,
    };
    let later = begun.into_iter().filter(|&(begun, status)| begun > version && writes(status));
    Ok(later.map(|(begun, _)| begun).max())
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
