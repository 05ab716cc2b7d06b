//! Analyses of the parts of a long transcript, until `store_analysis` removes them.

use domain::id::{SessionId, TenantId};
use serde_json::Value;

use crate::row::{FromRow, Row};
use crate::sql::{int, jsonb, statements, text};
use crate::step_rows::Claimed;
use crate::step_rows::{of_claim, step_key};
use crate::{Error, Store};

statements! {
STORE_PART = "
-- store_part()
WITH claimed AS (
    SELECT FROM steps
    WHERE ", step_key!(), " AND attempt = $7 AND status = 'running'
    FOR SHARE
)
INSERT INTO analysis_parts (tenant_id, session_id, analysis_version, part, document)
SELECT $1, $2, $4, $8, $9 FROM claimed
ON CONFLICT (tenant_id, session_id, analysis_version, part) DO UPDATE SET document = EXCLUDED.document
RETURNING part";

PARTS = "
-- parts()
SELECT part, document FROM analysis_parts
WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3 ORDER BY part";
}

impl Store {
    /// Stores the analysis of one part, over an earlier one; the version is that of the step.
    ///
    /// `false` if the claim is lost: nothing was stored.
    pub async fn store_part(&self, claimed: &Claimed, part: i32, document: &Value) -> Result<bool, Error> {
        Ok(self.row(STORE_PART, &of_claim(claimed, [int(part), jsonb(document)])).await?.is_some())
    }

    /// The parts that are there, by number.
    pub async fn parts(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        version: i32,
    ) -> Result<Vec<(i32, Value)>, Error> {
        self.all(PARTS, &[text(tenant.as_ref()), text(session.as_ref()), int(version)]).await
    }
}

impl FromRow for (i32, Value) {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok((row.get("part")?, row.get("document")?))
    }
}
