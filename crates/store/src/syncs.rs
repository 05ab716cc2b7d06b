//! The log of syncs as operators read it.

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use serde::{Deserialize, Serialize};

use crate::row::{column_enum, row};
use crate::sql::{bigint, int, statements, text, time};
use crate::{Error, Store};

/// The status for administrators: a code says what an unfinished sync waits for.
macro_rules! shown_status {
    () => {
        "CASE WHEN status IN ('pending', 'writing') AND code IS NOT NULL THEN 'waiting' ELSE status END"
    };
}

/// The columns of [`SyncEntry`].
macro_rules! shown_sync {
    () => {
        concat!(
            "session_id, analysis_version, ",
            shown_status!(),
            " AS status,
       contact_id, record_id, tries, code, error, notice, created_at, updated_at, synced_at"
        )
    };
}

statements! {
SHOWN_SYNCS = "
-- shown_syncs()
SELECT ", shown_sync!(), "
FROM integration_log
WHERE tenant_id = $1 AND integration_id = $2 AND ($3::text IS NULL OR ", shown_status!(), " = $3)
  AND updated_at >= coalesce($4::timestamptz, '-infinity') AND updated_at < coalesce($5::timestamptz, 'infinity')
  AND updated_at <= coalesce($6::timestamptz, 'infinity')
  AND ($6 IS NULL OR (updated_at, session_id, analysis_version) < ($6, $7, $8))
ORDER BY updated_at DESC, session_id DESC, analysis_version DESC LIMIT $9";

SYNCS_OF_SESSION = "
-- syncs_of_session()
SELECT ", shown_sync!(), "
FROM integration_log
WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $3 AND ($4::text IS NULL OR ", shown_status!(), " = $4)
  AND updated_at >= coalesce($5::timestamptz, '-infinity') AND updated_at < coalesce($6::timestamptz, 'infinity')
ORDER BY updated_at DESC, analysis_version DESC LIMIT $7";
}

column_enum! {
    /// The progress of a sync, as operators see it.
    pub enum ShownStatus {
        /// No delivery has looked at it yet.
        Pending = "pending",
        Writing = "writing",
        /// Put off; the code says for what.
        Waiting = "waiting",
        Done = "done",
        Skipped = "skipped",
        Failed = "failed",
    }
}

/// Selects syncs of an integration.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyncFilter<'a> {
    pub session: Option<&'a SessionId>,
    pub status: Option<ShownStatus>,
    /// The earliest time of the last change.
    pub from: Option<DateTime<Utc>>,
    /// The end of these times.
    pub to: Option<DateTime<Utc>>,
    /// The end of the page before; a session has one page only.
    pub after: Option<&'a SyncPlace>,
}

/// The place of a sync in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncPlace {
    pub updated_at: DateTime<Utc>,
    pub session_id: SessionId,
    pub analysis_version: i32,
}

row! {
    /// A row of the log, without content of the session.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct SyncEntry {
        pub session_id: SessionId,
        pub analysis_version: i32,
        pub status: ShownStatus,
        /// The visitor's id in the third party.
        pub contact_id: Option<String>,
        /// The id of the note, the task or the webhook message.
        pub record_id: Option<String>,
        /// The number of calls of the third party.
        pub tries: i32,
        pub code: Option<String>,
        /// The message about the last error.
        pub error: Option<String>,
        /// A message about what was left out.
        pub notice: Option<String>,
        pub created_at: DateTime<Utc>,
        pub updated_at: DateTime<Utc>,
        /// The time when the record was there.
        pub synced_at: Option<DateTime<Utc>>,
    }
}

impl SyncEntry {
    pub fn place(&self) -> SyncPlace {
        let Self { updated_at, session_id, analysis_version, .. } = self;
        SyncPlace { updated_at: *updated_at, session_id: session_id.clone(), analysis_version: *analysis_version }
    }
}

impl Store {
    /// Returns up to `limit` syncs, the last changed first.
    pub async fn shown_syncs(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        filter: &SyncFilter<'_>,
        limit: i64,
    ) -> Result<Vec<SyncEntry>, Error> {
        let SyncFilter { session, status, from, to, after } = *filter;
        let (tenant, integration) = (text(tenant.as_ref()), text(integration.as_ref()));
        let (status, from, to, limit) = (text(status.map(ShownStatus::as_str)), time(from), time(to), bigint(limit));
        match session {
            Some(session) => {
                let params = [tenant, text(session.as_ref()), integration, status, from, to, limit];
                self.all(SYNCS_OF_SESSION, &params).await
            }
            None => {
                let at = time(after.map(|after| after.updated_at));
                let of = text(after.map(|after| after.session_id.as_ref()));
                let version = int(after.map(|after| after.analysis_version));
                self.all(SHOWN_SYNCS, &[tenant, integration, status, from, to, at, of, version, limit]).await
            }
        }
    }
}
