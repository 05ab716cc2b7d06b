//! Analyses of the parts of a long transcript, until `store_analysis` removes them.

use domain::id::{SessionId, TenantId};
use serde_json::Value;

use crate::sql::{get, int, jsonb, text};
use crate::steps::{Claimed, key_params};
use crate::{Error, Store};

const STORE_PART: &str = "
-- store_part()
WITH claimed AS (
    SELECT FROM steps
    WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND attempt = $4 AND status = 'running'
    FOR SHARE
)
INSERT INTO analysis_parts (tenant_id, session_id, analysis_version, part, document)
SELECT $1, $2, $5, $6, $7 FROM claimed
ON CONFLICT (tenant_id, session_id, analysis_version, part) DO UPDATE SET document = EXCLUDED.document
RETURNING part";

const PARTS: &str = "
-- parts()
SELECT part, document FROM analysis_parts
WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3 ORDER BY part";

impl Store {
    /// Stores the analysis of one part, over the one that may be there; its version is that of the step.
    ///
    /// `false` if the claim is no longer ours: nothing was stored.
    pub async fn store_part(&self, claimed: &Claimed, part: i32, document: &Value) -> Result<bool, Error> {
        let [tenant, session, step] = key_params(&claimed.key);
        let version = int(claimed.key.step.version());
        let params = [tenant, session, step, int(claimed.attempt), version, int(part), jsonb(document)];
        Ok(self.row(STORE_PART, &params).await?.is_some())
    }

    /// The parts that are there, by number.
    pub async fn parts(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        version: i32,
    ) -> Result<Vec<(i32, Value)>, Error> {
        let rows = self.rows(PARTS, &[text(tenant.as_ref()), text(session.as_ref()), int(version)]).await?;
        rows.iter().map(|row| Ok((get(PARTS, row, "part")?, get(PARTS, row, "document")?))).collect()
    }
}
