//! Analyses: versions are added, never overwritten.

use domain::analysis::Analysis;
use domain::id::{SessionId, TenantId};
use domain::settings::redaction::ShownText;
use redaction::Originals;

use crate::sql::{int, jsonb, statements, text, texts};
use crate::step_rows::{Claimed, of_claim, step_key};
use crate::steps::Planned;
use crate::{Error, Store};

statements! {
// Clearing `analyses_purged_at` lets the next purge find this version, too.
STORE_ANALYSIS = "
-- store_analysis()
WITH claimed AS (
    SELECT FROM steps
    WHERE ", step_key!(), " AND attempt = $7 AND status = 'running'
    FOR UPDATE
), stored AS (
    INSERT INTO analyses (tenant_id, session_id, version, status, document, originals)
    SELECT $1, $2, $4, $8, $9, $10 FROM claimed
    RETURNING version
), merged AS (
    DELETE FROM analysis_parts USING stored
    WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $4
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, message)
    SELECT $1, $2, follow_up.kind, $4, follow_up.integration_id, follow_up.message
    FROM stored, unnest($11::text[], $12::text[], $13::text[]) AS follow_up (kind, integration_id, message)
    ON CONFLICT (tenant_id, session_id, kind, analysis_version, integration_id, event_id) DO NOTHING
    RETURNING kind
), counted AS (
    UPDATE sessions SET open_steps = open_steps + (SELECT count(*) FROM planned), analyses_purged_at = NULL
    FROM stored WHERE sessions.tenant_id = $1 AND sessions.session_id = $2
)
SELECT version FROM stored";

SHOWN_ANALYSIS = "
-- shown_analysis()
SELECT document, CASE WHEN $4 = 'original' THEN originals ELSE '{}' END AS originals
FROM analyses WHERE tenant_id = $1 AND session_id = $2 AND version = $3";

LATEST_ANALYSIS_VERSION = "
-- latest_analysis_version()
SELECT version FROM analyses WHERE tenant_id = $1 AND session_id = $2 ORDER BY version DESC LIMIT 1";
}

/// An analysis and the steps that follow from it; their version is that of the claimed step.
#[derive(Clone, Copy)]
pub struct NewAnalysis<'a> {
    pub analysis: &'a Analysis,
    /// Texts behind the placeholders in the analysis, where the tenant lets them be shown.
    pub originals: &'a Originals,
    pub follow_ups: &'a [Planned],
}

impl Store {
    /// Stores an analysis, removes its parts and plans what follows from it, all or nothing.
    ///
    /// `false` if the claim is lost: nothing was stored. A version that exists is an [`Error`].
    pub async fn store_analysis(&self, claimed: &Claimed, new: &NewAnalysis<'_>) -> Result<bool, Error> {
        let follow_ups = |text: fn(&Planned) -> &str| texts(new.follow_ups.iter().map(text));
        let more = [
            text(new.analysis.status.as_str()),
            jsonb(crate::sql::to_json(new.analysis)?),
            jsonb(crate::sql::to_json(new.originals)?),
            follow_ups(|planned| planned.step.kind()),
            follow_ups(|planned| planned.step.integration().map_or("", AsRef::as_ref)),
            follow_ups(|planned| &planned.message),
        ];
        Ok(self.row(STORE_ANALYSIS, &of_claim(claimed, more)).await?.is_some())
    }

    /// Returns an analysis as it goes out: with its placeholders, or with what they stand for where that was kept.
    pub async fn shown_analysis(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        version: i32,
        shown: ShownText,
    ) -> Result<Option<Analysis>, Error> {
        let params = [text(tenant.as_ref()), text(session.as_ref()), int(version), text(shown.as_str())];
        let Some(row) = self.row(SHOWN_ANALYSIS, &params).await? else { return Ok(None) };
        let analysis: Analysis = row.json("document")?;
        Ok(Some(analysis.restored(&row.json("originals")?)))
    }

    /// Returns the latest version; `None` if the session has not been analysed.
    pub async fn latest_analysis_version(&self, tenant: &TenantId, session: &SessionId) -> Result<Option<i32>, Error> {
        let row = self.row(LATEST_ANALYSIS_VERSION, &[text(tenant.as_ref()), text(session.as_ref())]).await?;
        row.map(|row| row.get("version")).transpose()
    }
}
