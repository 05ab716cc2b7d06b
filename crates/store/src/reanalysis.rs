//! Further versions of an analysis: planned one at a time, each after the one before is stored.

use chrono::{DateTime, Utc};
use domain::id::{SessionId, TenantId};
use domain::step::{FIRST_VERSION, Step, StepKey};

use crate::row::Row;
use crate::sql::{statements, text};
use crate::step_rows::{first_failure, of_step, open_session, step_key};
use crate::{Error, Store};

statements! {
// The parts of a failed run are not mixed with those of the next.
PLAN_REANALYSIS = "
-- plan_reanalysis()
WITH opened AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id, message)
    SELECT $1, $2, $3, $4, $5, $6, $7
    WHERE $4 = 1 + (SELECT max(version) FROM analyses WHERE tenant_id = $1 AND session_id = $2)
      AND EXISTS (SELECT FROM sessions WHERE tenant_id = $1 AND session_id = $2 AND transcript_purged_at IS NULL)
    ON CONFLICT (tenant_id, session_id, kind, analysis_version, integration_id, event_id) DO UPDATE
    SET status = 'pending', message = EXCLUDED.message, due_at = now(), code = NULL, finished_at = NULL, requeues = 0,
        seen_attempt = steps.attempt, replays = steps.replays + 1
    WHERE steps.status = 'failed'
    RETURNING (replays > 0)::int AS had_failed
), discarded AS (
    DELETE FROM analysis_parts USING opened WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $4
), session AS (", open_session!(), ")
SELECT had_failed FROM opened";

REANALYSIS_STATE = "
-- reanalysis_state()
SELECT (SELECT max(version) FROM analyses WHERE tenant_id = $1 AND session_id = $2) AS latest,
       (SELECT message FROM steps WHERE ", step_key!(), ") AS message, transcript_purged_at
FROM sessions WHERE tenant_id = $1 AND session_id = $2";
}

/// The answer to asking for another version of an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reanalysis {
    /// Now, or again after it had failed.
    Planned,
    /// Before, and it has not failed: this message asks for it.
    AlreadyPlanned { message: String },
    /// Not this version, but this one is next.
    NotNext { next: i32 },
    /// Retention or an erasure has removed the transcript.
    TranscriptPurged,
    /// The session has not been analysed yet.
    NotAnalysed,
    /// No such session.
    Unknown,
}

impl Store {
    /// Plans another version of a session's analysis, the one after the latest, which re-opens the session.
    ///
    /// `message` asks for it. A version that had failed is planned again, with this message and without the parts of
    /// the earlier run.
    pub async fn plan_reanalysis(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        version: i32,
        message: &str,
    ) -> Result<Reanalysis, Error> {
        let (tenant_id, session_id) = (tenant.clone(), session.clone());
        let key = StepKey { tenant_id, session_id, step: Step::Analyze { version } };
        if self.row(PLAN_REANALYSIS, &of_step(&key, [text(message)])).await?.is_some() {
            return Ok(Reanalysis::Planned);
        }
        let row = self.row(REANALYSIS_STATE, &of_step(&key, [])).await?;
        row.map_or(Ok(Reanalysis::Unknown), |row| not_planned(&row, version))
    }
}

fn not_planned(row: &Row, version: i32) -> Result<Reanalysis, Error> {
    let latest: Option<i32> = row.get("latest")?;
    let message: Option<String> = row.get("message")?;
    if row.get::<Option<DateTime<Utc>>>("transcript_purged_at")?.is_some() {
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
