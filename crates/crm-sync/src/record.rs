//! One record per session in a CRM, with its latest analysis.

use std::collections::BTreeMap;

use connectors::Error;
use connectors::call::CallError;
use connectors::crm::{Crm, Person, WriteAttempt};
use connectors::job::{Job, Synced};
use connectors::reason::Reason;
use domain::step::FIRST_VERSION;
use store::Store;
use store::integration_log::{BegunVersion, OtherRecord, SyncKey, SyncStatus, Writing};

/// Makes sure that the person and the session's record exist, and that the record shows the latest analysis.
///
/// Each version's beginning is in the log before its text is in the record, and one version is written at a time.
pub(crate) async fn sync(job: &Job<'_>, crm: &impl Crm, store: &Store) -> Result<Synced, Error> {
    let other = store.other_record(&job.key).await?;
    let begun = store.begun_versions(&job.key).await?;
    if let Some(later) = other.as_ref().filter(|other| other.analysis_version > job.key.analysis_version) {
        // An attempt that was begun may have written over the later version's text, and ended before it put that back.
        return match begun.contains_key(&job.key.analysis_version) {
            true => settle(job, crm, store, later.record_id.clone()).await,
            false => Ok(Synced::Skipped(Reason::Superseded)),
        };
    }
    let person = match crm.person(job).await? {
        Person::Known(id) => id,
        Person::Skipped(reason) => return Ok(Synced::Skipped(reason)),
    };
    let keyed = crm.is_keyed();
    let writing = Writing { contact_id: Some(&person), keyed, lease: job.delivery.remaining() };
    if !store.start_writing(&job.key, writing).await? {
        return Err(Error::Reason(Reason::OtherVersion));
    }
    let record_id = write(job, crm, &person, other, &begun).await.map_err(Error::Crm)?;
    settle(job, crm, store, record_id).await
}

/// Where an attempt without a key may have left a record, it is looked for; a later version also takes the place of
/// what the log names. Repeated, it does the same.
async fn write(
    job: &Job<'_>,
    crm: &impl Crm,
    person: &str,
    other: Option<OtherRecord>,
    begun: &BTreeMap<i32, BegunVersion>,
) -> Result<String, CallError> {
    let is_first = job.key.analysis_version == FIRST_VERSION;
    let only_keyed = crm.is_keyed() && begun.values().all(|begun| begun.keyed);
    if !only_keyed {
        let named = other.filter(|_| !is_first).map(|other| other.record_id);
        if let Some(record_id) = named
            && let Some(record_id) = crm.rewrite(job, &record_id).await?
        {
            return Ok(record_id);
        }
        if !is_first || !begun.is_empty() {
            match crm.find(job, person).await? {
                // The text of the version that began writing: this one, or a later one.
                Some(record_id) if is_first => return Ok(record_id),
                Some(record_id) => {
                    if let Some(record_id) = crm.rewrite(job, &record_id).await? {
                        return Ok(record_id);
                    }
                }
                None => {}
            }
        }
    }
    let attempt = if is_first && begun.is_empty() { WriteAttempt::First } else { WriteAttempt::Repeated };
    crm.write(job, person, attempt).await
}

/// Settles a record that this version has, or may have, written: where a later version began to write meanwhile, its text
/// is put back.
async fn settle(job: &Job<'_>, crm: &impl Crm, store: &Store, record_id: String) -> Result<Synced, Error> {
    let mut shown = job.key.analysis_version;
    while let Some(later) = writer_after(shown, job, store).await? {
        let analysis = store.shown_analysis(job.key.tenant_id, job.key.session_id, later, job.shown).await;
        let analysis = analysis?.ok_or(Error::Reason(Reason::UnknownAnalysis))?;
        let key = SyncKey { analysis_version: later, ..job.key };
        crm.rewrite(&Job { key, analysis: &analysis, ..*job }, &record_id).await.map_err(Error::Crm)?;
        shown = later;
    }
    Ok(if shown == job.key.analysis_version { Synced::Written(record_id) } else { Synced::Skipped(Reason::Superseded) })
}

/// Finds the latest later version that writes the record or has written it.
async fn writer_after(version: i32, job: &Job<'_>, store: &Store) -> Result<Option<i32>, Error> {
    let begun = store.begun_versions(&job.key).await?;
    let writes = |status| match status {
        SyncStatus::Writing | SyncStatus::Done => true,
        SyncStatus::Pending | SyncStatus::Skipped | SyncStatus::Failed => false,
    };
    let later = begun.into_iter().filter(|&(begun, BegunVersion { status, .. })| begun > version && writes(status));
    Ok(later.map(|(begun, _)| begun).max())
}
