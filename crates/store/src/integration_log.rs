//! What a session left in each third party, so that a repeated delivery finds it instead of writing it again.

use std::collections::BTreeMap;

use domain::id::{IntegrationId, SessionId, TenantId};
use domain::step::Code;
use tokio_postgres::Row;

use crate::sql::{Param, get, int, one_of, text};
use crate::{Error, Store};

const OPEN_SYNC: &str = "
-- open_sync()
INSERT INTO integration_log (tenant_id, session_id, integration_id, analysis_version) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, session_id, integration_id, analysis_version) DO NOTHING";

const SYNC: &str = "
-- sync()
SELECT status, contact_id, record_id, attempts, code FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4";

const OTHER_RECORD: &str = "
-- other_record()
SELECT analysis_version, record_id FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version <> $4 AND status = 'done'
  AND record_id IS NOT NULL
ORDER BY analysis_version DESC LIMIT 1";

const BEGUN_VERSIONS: &str = "
-- begun_versions()
SELECT analysis_version, status FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND attempts > 0";

const START_WRITING: &str = "
-- start_writing()
UPDATE integration_log SET status = 'writing', contact_id = $5, attempts = attempts + 1, code = NULL, updated_at = now()
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4 AND status <> 'done'";

const FINISH_SYNC: &str = "
-- finish_sync()
UPDATE integration_log SET status = $5, record_id = coalesce($6, record_id), code = $7, updated_at = now()
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND analysis_version = $4 AND status <> 'done'";

/// How far the sync of a session to one integration has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncStatus {
    Pending,
    /// A record is being written; after a crash or time-out it may or may not be there.
    Writing,
    Done,
    Skipped,
    Failed,
}

impl SyncStatus {
    const ALL: [Self; 5] = [Self::Pending, Self::Writing, Self::Done, Self::Skipped, Self::Failed];

    /// As in the `status` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Writing => "writing",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Which session, which third party and which version of the analysis.
#[derive(Debug, Clone, Copy)]
pub struct SyncKey<'a> {
    pub tenant_id: &'a TenantId,
    pub session_id: &'a SessionId,
    pub integration_id: &'a IntegrationId,
    pub analysis_version: i32,
}

/// What the sync of another version left in the third party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRecord {
    pub analysis_version: i32,
    pub record_id: String,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    pub status: SyncStatus,
    /// The visitor's id in the third party.
    pub contact_id: Option<String>,
    /// The id of the note or of the webhook message.
    pub record_id: Option<String>,
    /// How often writing the record was begun.
    pub attempts: i32,
    pub code: Option<String>,
}

impl Store {
    /// Makes sure that the log has a row, and returns it as it stands.
    pub async fn open_sync(&self, key: &SyncKey<'_>) -> Result<Sync, Error> {
        loop {
            if let Some(sync) = self.sync(key).await? {
                return Ok(sync);
            }
            self.execute(OPEN_SYNC, &key_params(key)).await?;
        }
    }

    pub async fn sync(&self, key: &SyncKey<'_>) -> Result<Option<Sync>, Error> {
        self.row(SYNC, &key_params(key)).await?.map(|row| read(&row)).transpose()
    }

    /// What the latest version other than this one left, if any has been synced.
    pub async fn other_record(&self, key: &SyncKey<'_>) -> Result<Option<OtherRecord>, Error> {
        let row = self.row(OTHER_RECORD, &key_params(key)).await?;
        let read = |row| {
            Ok(OtherRecord {
                analysis_version: get(OTHER_RECORD, &row, "analysis_version")?,
                record_id: get(OTHER_RECORD, &row, "record_id")?,
            })
        };
        row.map(read).transpose()
    }

    /// The versions, this one among them, whose record was begun: each may have left one, whatever its status says.
    pub async fn begun_versions(&self, key: &SyncKey<'_>) -> Result<BTreeMap<i32, SyncStatus>, Error> {
        let [tenant, session, integration, _] = key_params(key);
        let rows = self.rows(BEGUN_VERSIONS, &[tenant, session, integration]).await?;
        let read = |row: &Row| {
            let status = one_of(BEGUN_VERSIONS, row, "status", SyncStatus::parse)?;
            Ok((get(BEGUN_VERSIONS, row, "analysis_version")?, status))
        };
        rows.iter().map(read).collect()
    }

    /// To be called right before a record is written.
    pub async fn start_writing(&self, key: &SyncKey<'_>, contact_id: Option<&str>) -> Result<(), Error> {
        let [tenant, session, integration, version] = key_params(key);
        self.execute(START_WRITING, &[tenant, session, integration, version, text(contact_id)]).await.map(drop)
    }

    /// The record is there.
    pub async fn record_synced(&self, key: &SyncKey<'_>, record_id: &str) -> Result<(), Error> {
        self.finish_sync(key, SyncStatus::Done, Some(record_id), None).await
    }

    /// Nothing will be (`Skipped`) or was (`Failed`) written, and why.
    pub async fn record_not_synced(&self, key: &SyncKey<'_>, status: SyncStatus, code: Code) -> Result<(), Error> {
        self.finish_sync(key, status, None, Some(code)).await
    }

    async fn finish_sync(
        &self,
        key: &SyncKey<'_>,
        status: SyncStatus,
        record_id: Option<&str>,
        code: Option<Code>,
    ) -> Result<(), Error> {
        let [tenant, session, integration, version] = key_params(key);
        let code = code.map(Code::as_str);
        let params = [tenant, session, integration, version, text(status.as_str()), text(record_id), text(code)];
        self.execute(FINISH_SYNC, &params).await.map(drop)
    }
}

fn key_params<'a>(key: &SyncKey<'a>) -> [Param<'a>; 4] {
    let [tenant, session] = [text(key.tenant_id.as_ref()), text(key.session_id.as_ref())];
    [tenant, session, text(key.integration_id.as_ref()), int(key.analysis_version)]
}

fn read(row: &Row) -> Result<Sync, Error> {
    Ok(Sync {
        status: one_of(SYNC, row, "status", SyncStatus::parse)?,
        contact_id: get(SYNC, row, "contact_id")?,
        record_id: get(SYNC, row, "record_id")?,
        attempts: get(SYNC, row, "attempts")?,
        code: get(SYNC, row, "code")?,
    })
}
