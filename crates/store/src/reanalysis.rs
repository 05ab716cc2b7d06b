//! Further versions of an analysis: planned one at a time, each after the one before is stored.

use chrono::{DateTime, Utc};
use domain::id::{SessionId, TenantId};
use domain::step::{FIRST_VERSION, Step};
use tokio_postgres::Row;

use crate::sql::{Param, get, int, text};
use crate::{Error, Store};

const PLAN_REANALYSIS: &str = "
-- plan_reanalysis()
WITH planned AS (
    INSERT INTO steps (tenant_id, session_id, step, message)
    SELECT $1, $2, $3, $4
    WHERE $5 = 1 + (SELECT max(version) FROM analyses WHERE tenant_id = $1 AND session_id = $2)
      AND EXISTS (SELECT FROM sessions WHERE tenant_id = $1 AND session_id = $2 AND transcript_purged_at IS NULL)
    ON CONFLICT (tenant_id, session_id, step) DO UPDATE
    SET status = 'pending', message = EXCLUDED.message, due_at = now(), code = NULL, finished_at = NULL, requeues = 0,
        seen_attempt = steps.attempt, replays = steps.replays + 1
    WHERE steps.status = 'failed'
    RETURNING (replays > 0)::int AS had_failed
), discarded AS (
    DELETE FROM analysis_parts USING planned WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $5
)
UPDATE sessions
SET open_steps = open_steps + 1, failed_steps = failed_steps - had_failed, finished_at = NULL,
    status = CASE WHEN waiting_steps > 0 THEN 'waiting' ELSE 'processing' END,
    failure_code = (SELECT code FROM steps WHERE tenant_id = $1 AND session_id = $2 AND step <> $3
                    AND status = 'failed' AND of_session ORDER BY finished_at LIMIT 1)
FROM planned WHERE sessions.tenant_id = $1 AND sessions.session_id = $2
RETURNING had_failed";

const REANALYSIS_STATE: &str = "
-- reanalysis_state()
SELECT (SELECT max(version) FROM analyses WHERE tenant_id = $1 AND session_id = $2) AS latest,
       (SELECT message FROM steps WHERE tenant_id = $1 AND session_id = $2 AND step = $3) AS message,
       transcript_purged_at
FROM sessions WHERE tenant_id = $1 AND session_id = $2";

/// The answer to asking for another version of an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reanalysis {
    /// Now, or again after it had failed.
    Planned,
    /// Before, and it has not failed: this message asks for it.
    AlreadyPlanned { message: String },
    /// Not this version, but this one is next.
    NotNext { next: i32 },
    /// Retention or an erasure has taken what was said.
    TranscriptPurged,
    /// There is no analysis yet that another one could follow.
    NotAnalysed,
    /// No such session.
    Unknown,
}

impl Store {
    /// Plans another version of a session's analysis, the one after the latest, which re-opens the session.
    ///
    /// `message` asks for it. One that had failed is planned anew, with this message and without the parts that were
    /// made as the message before it asked.
    pub async fn plan_reanalysis(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        version: i32,
        message: &str,
    ) -> Result<Reanalysis, Error> {
        let step = Step::Analyze { version }.to_string();
        let key = || [text(tenant.as_ref()), text(session.as_ref()), text(step.as_str())];
        let [tenant_param, session_param, step_param] = key();
        let params: [Param<'_>; 5] = [tenant_param, session_param, step_param, text(message), int(version)];
        if self.row(PLAN_REANALYSIS, &params).await?.is_some() {
            return Ok(Reanalysis::Planned);
        }
        let row = self.row(REANALYSIS_STATE, &key()).await?;
        row.map_or(Ok(Reanalysis::Unknown), |row| not_planned(&row, version))
    }
}

fn not_planned(row: &Row, version: i32) -> Result<Reanalysis, Error> {
    let latest: Option<i32> = get(REANALYSIS_STATE, row, "latest")?;
    let message: Option<String> = get(REANALYSIS_STATE, row, "message")?;
    let purged_at: Option<DateTime<Utc>> = get(REANALYSIS_STATE, row, "transcript_purged_at")?;
    if purged_at.is_some() {
        return Ok(Reanalysis::TranscriptPurged);
    }
    Ok(match (latest, message) {
        (None, _) => Reanalysis::NotAnalysed,
        (Some(latest), Some(message)) if version > FIRST_VERSION && version == latest + 1 => {
            Reanalysis::AlreadyPlanned { message }
        }
        (Some(latest), _) => Reanalysis::NotNext { next: latest + 1 },
    })
}
