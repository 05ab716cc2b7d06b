//! Analyses: versions are added, never overwritten.

use domain::analysis::Analysis;
use domain::id::{SessionId, TenantId};
use domain::settings::redaction::ShownText;
use redaction::Originals;

use crate::sql::{get, int, json, jsonb, text, texts};
use crate::steps::{Claimed, Planned};
use crate::{Error, Store};

const STORE_ANALYSIS: &str = "
-- store_analysis()
WITH claimed AS (
    SELECT FROM steps
    WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND attempt = $4 AND status = 'running'
    FOR UPDATE
), stored AS (
    INSERT INTO analyses (tenant_id, session_id, version, status, document, originals)
    SELECT $1, $2, $5, $6, $7, $8 FROM claimed
    RETURNING version
), merged AS (
    DELETE FROM analysis_parts USING stored
    WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $5
), planned AS (
    INSERT INTO steps (tenant_id, session_id, step, message)
    SELECT $1, $2, follow_up.step, follow_up.message
    FROM stored, unnest($9::text[], $10::text[]) AS follow_up (step, message)
    ON CONFLICT (tenant_id, session_id, step) DO NOTHING
    RETURNING step
), counted AS (
    UPDATE sessions SET open_steps = open_steps + (SELECT count(*) FROM planned), analyses_purged_at = NULL
    FROM stored WHERE sessions.tenant_id = $1 AND sessions.session_id = $2
)
SELECT version FROM stored";

const ANALYSIS: &str = "
-- analysis()
SELECT document FROM analyses WHERE tenant_id = $1 AND session_id = $2 AND version = $3";

const SHOWN_ANALYSIS: &str = "
-- shown_analysis()
SELECT document, CASE WHEN $4 = 'original' THEN originals ELSE '{}' END AS originals
FROM analyses WHERE tenant_id = $1 AND session_id = $2 AND version = $3";

const LATEST_ANALYSIS_VERSION: &str = "
-- latest_analysis_version()
SELECT version FROM analyses WHERE tenant_id = $1 AND session_id = $2 ORDER BY version DESC LIMIT 1";

/// An analysis and the steps that follow from it; its version is that of the step.
#[derive(Clone, Copy)]
pub struct NewAnalysis<'a> {
    pub analysis: &'a Analysis,
    /// What the placeholders in the analysis stand for, as far as it is to be shown to anybody.
    pub originals: &'a Originals,
    pub follow_ups: &'a [Planned],
}

impl Store {
    /// Stores an analysis, removes its parts and plans what follows from it, all or nothing.
    ///
    /// `false` if the claim is no longer ours: nothing was stored. A version that exists is an [`Error`].
    pub async fn store_analysis(&self, claimed: &Claimed, new: &NewAnalysis<'_>) -> Result<bool, Error> {
        let key = &claimed.key;
        let document = crate::sql::to_json(new.analysis)?;
        let steps: Vec<String> = new.follow_ups.iter().map(|planned| planned.step.to_string()).collect();
        let messages: Vec<&str> = new.follow_ups.iter().map(|planned| planned.message.as_str()).collect();
        let params = [
            text(key.tenant_id.as_ref()),
            text(key.session_id.as_ref()),
            text(key.step.to_string()),
            int(claimed.attempt),
            int(key.step.version()),
            text(new.analysis.status.as_str()),
            jsonb(document),
            jsonb(crate::sql::to_json(new.originals)?),
            texts(steps),
            texts(messages),
        ];
        Ok(self.row(STORE_ANALYSIS, &params).await?.is_some())
    }

    pub async fn analysis(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        version: i32,
    ) -> Result<Option<Analysis>, Error> {
        let row = self.row(ANALYSIS, &[text(tenant.as_ref()), text(session.as_ref()), int(version)]).await?;
        row.map(|row| json(ANALYSIS, &row, "document")).transpose()
    }

    /// An analysis as it goes out: with its placeholders, or with what they stand for where that was kept.
    pub async fn shown_analysis(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        version: i32,
        shown: ShownText,
    ) -> Result<Option<Analysis>, Error> {
        let params = [text(tenant.as_ref()), text(session.as_ref()), int(version), text(shown.as_str())];
        let Some(row) = self.row(SHOWN_ANALYSIS, &params).await? else { return Ok(None) };
        let analysis: Analysis = json(SHOWN_ANALYSIS, &row, "document")?;
        let originals: Originals = json(SHOWN_ANALYSIS, &row, "originals")?;
        Ok(Some(analysis.restored(&originals)))
    }

    /// `None` if the session has not been analysed.
    pub async fn latest_analysis_version(&self, tenant: &TenantId, session: &SessionId) -> Result<Option<i32>, Error> {
        let row = self.row(LATEST_ANALYSIS_VERSION, &[text(tenant.as_ref()), text(session.as_ref())]).await?;
        row.map(|row| get(LATEST_ANALYSIS_VERSION, &row, "version")).transpose()
    }
}
