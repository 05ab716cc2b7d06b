//! The log of syncs: the records of a session in third parties, so that a repeated delivery finds them instead of
//! writing them again.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::id::{IntegrationId, SessionId, TenantId};
use domain::step::Code;

use crate::row::{FromRow, Row, column_enum, row};
use crate::sql::{Param, boolean, float, int, millis, statements, text};
use crate::{Error, Store};

statements! {
OPEN_SYNC = "
-- open_sync()
WITH made AS (
    INSERT INTO integration_log (tenant_id, session_id, integration_id, analysis_version) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, session_id, integration_id, analysis_version) DO NOTHING
    RETURNING status
)
SELECT status FROM made
UNION ALL
SELECT status FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4";

OTHER_RECORD = "
-- other_record()
SELECT analysis_version, record_id FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version <> $4 AND status = 'done'
  AND record_id IS NOT NULL
ORDER BY analysis_version DESC LIMIT 1";

BEGUN_VERSIONS = "
-- begun_versions()
SELECT analysis_version, status, keyed FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND attempts > 0";

/// All versions of the session are locked, one after the other, so that only one begins to write at a time.
START_WRITING = "
-- start_writing()
WITH versions AS (
    SELECT analysis_version, status, writing_until FROM integration_log
    WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3
    ORDER BY analysis_version FOR UPDATE
)
UPDATE integration_log
SET status = 'writing', contact_id = $5, keyed = (attempts = 0 OR keyed) AND $6, attempts = attempts + 1, code = NULL, error = NULL,
    writing_until = clock_timestamp() + $7 * interval '1 millisecond', updated_at = now()
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4 AND status <> 'done'
  AND NOT EXISTS (SELECT FROM versions WHERE analysis_version <> $4 AND writing_until > clock_timestamp())";

// A replay has re-opened a sync that was skipped or had failed.
PUT_OFF_SYNC = "
-- put_off_sync()
UPDATE integration_log
SET status = CASE WHEN status IN ('skipped', 'failed') THEN 'pending' ELSE status END, writing_until = NULL, code = $5,
    error = $6, tries = tries + $7::int, updated_at = now()
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4 AND status <> 'done'";

FINISH_SYNC = "
-- finish_sync()
UPDATE integration_log
SET status = $5, record_id = coalesce($6, record_id), code = $7, error = $8, notice = $9, writing_until = NULL,
    tries = tries + $10::int, synced_at = CASE WHEN $5 = 'done' THEN now() END, updated_at = now()
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4 AND status <> 'done'";
}

column_enum! {
    /// The progress of the sync of a session to one integration.
    pub enum SyncStatus {
        Pending = "pending",
        /// A record is being written; after a crash or time-out it may or may not be there.
        Writing = "writing",
        Done = "done",
        Skipped = "skipped",
        Failed = "failed",
    }
}

/// The key of a sync: session, integration and version of the analysis.
#[derive(Debug, Clone, Copy)]
pub struct SyncKey<'a> {
    pub tenant_id: &'a TenantId,
    pub session_id: &'a SessionId,
    pub integration_id: &'a IntegrationId,
    pub analysis_version: i32,
}

row! {
    /// The record of another version in the third party.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OtherRecord {
        pub analysis_version: i32,
        pub record_id: String,
    }
}

/// A version whose record was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BegunVersion {
    pub status: SyncStatus,
    /// Whether every attempt named the record by a key, so that repeating it cannot leave two.
    pub keyed: bool,
}

/// A record that is about to be written.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// The visitor's id in the third party, where it has one.
    pub contact_id: Option<&'a str>,
    /// Whether it is named by a key, so that repeating it cannot leave two.
    pub keyed: bool,
    /// The time for which no other version is written.
    pub lease: Duration,
}

impl Store {
    /// Makes sure that the log has a row, and returns its status.
    pub async fn open_sync(&self, key: &SyncKey<'_>) -> Result<SyncStatus, Error> {
        loop {
            // Without a row, another delivery is inserting the row at the moment.
            if let Some(row) = self.row(OPEN_SYNC, &of_sync(key, [])).await? {
                return row.get("status");
            }
        }
    }

    /// Returns the record of the latest other version, if any has been synced.
    pub async fn other_record(&self, key: &SyncKey<'_>) -> Result<Option<OtherRecord>, Error> {
        self.first(OTHER_RECORD, &of_sync(key, [])).await
    }

    /// Returns the versions, this one among them, whose record was begun: each may have left one, whatever its status.
    pub async fn begun_versions(&self, key: &SyncKey<'_>) -> Result<BTreeMap<i32, BegunVersion>, Error> {
        let SyncKey { tenant_id, session_id, integration_id, .. } = key;
        let params = [text(tenant_id.as_ref()), text(session_id.as_ref()), text(integration_id.as_ref())];
        Ok(self.all(BEGUN_VERSIONS, &params).await?.into_iter().collect())
    }

    /// Claims the record right before it is written.
    ///
    /// `false`: another version is being written, or this one has been.
    pub async fn start_writing(&self, key: &SyncKey<'_>, writing: Writing<'_>) -> Result<bool, Error> {
        let Writing { contact_id, keyed, lease } = writing;
        let more = [text(contact_id), boolean(keyed), float(millis(lease))];
        Ok(self.execute(START_WRITING, &of_sync(key, more)).await? > 0)
    }

    /// Records why a sync has not ended; other versions may be written. `has_called`: whether this attempt has called the
    /// third party.
    pub async fn put_off_sync(
        &self,
        key: &SyncKey<'_>,
        code: Code,
        error: &str,
        has_called: bool,
    ) -> Result<(), Error> {
        let more = [text(code.as_str()), text(error), boolean(has_called)];
        self.execute(PUT_OFF_SYNC, &of_sync(key, more)).await.map(drop)
    }

    /// Records that the record is there; `notice` says what was left out of it.
    pub async fn record_synced(&self, key: &SyncKey<'_>, record_id: &str, notice: Option<&str>) -> Result<(), Error> {
        self.finish_sync(key, SyncStatus::Done, Some(record_id), (None, None), notice, true).await
    }

    /// Records that nothing will be (`Skipped`) or was (`Failed`) written. `has_called`: whether this attempt has called the
    /// third party.
    pub async fn record_not_synced(
        &self,
        key: &SyncKey<'_>,
        status: SyncStatus,
        code: Code,
        error: Option<&str>,
        has_called: bool,
    ) -> Result<(), Error> {
        self.finish_sync(key, status, None, (Some(code), error), None, has_called).await
    }

    async fn finish_sync(
        &self,
        key: &SyncKey<'_>,
        status: SyncStatus,
        record_id: Option<&str>,
        (code, error): (Option<Code>, Option<&str>),
        notice: Option<&str>,
        has_called: bool,
    ) -> Result<(), Error> {
        let (status, code) = (text(status.as_str()), text(code.map(Code::as_str)));
        let more = [status, text(record_id), code, text(error), text(notice), boolean(has_called)];
        self.execute(FINISH_SYNC, &of_sync(key, more)).await.map(drop)
    }
}

/// The parameters of a sync's key, `$1` to `$4`, and what follows them.
pub(crate) fn of_sync<'a, const N: usize>(key: &SyncKey<'a>, more: [Param<'a>; N]) -> Vec<Param<'a>> {
    let [tenant, session] = [text(key.tenant_id.as_ref()), text(key.session_id.as_ref())];
    let key = [tenant, session, text(key.integration_id.as_ref()), int(key.analysis_version)];
    key.into_iter().chain(more).collect()
}

impl FromRow for (i32, BegunVersion) {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let begun = BegunVersion { status: row.get("status")?, keyed: row.get("keyed")? };
        Ok((row.get("analysis_version")?, begun))
    }
}
