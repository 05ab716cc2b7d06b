//! Analyses of the parts of a long transcript, until `store_analysis` removes them.

use domain::id::{SessionId, TenantId};
use serde_json::Value;

use crate::row::{FromRow, Row};
use crate::sql::{int, jsonb, statements, text};
use crate::step_rows::{Claimed, of_claim, step_key};
use crate::{Error, Store};

/// The part of the request that merges the findings of all parts.
pub const MERGE_PART: i32 = -1;

statements! {
// A part that an older prompt version found is analysed again, and replaced.
STORE_PART = "
-- store_part()
WITH claimed AS (
    SELECT FROM steps
    WHERE ", step_key!(), " AND attempt = $7 AND status = 'running'
    FOR SHARE
)
INSERT INTO analysis_parts (tenant_id, session_id, analysis_version, split, part, document)
SELECT $1, $2, $4, $8, $9, $10 FROM claimed
ON CONFLICT (tenant_id, session_id, analysis_version, split, part) DO UPDATE SET document = EXCLUDED.document
RETURNING part";

PARTS = "
-- parts()
SELECT split, part, document FROM analysis_parts
WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3 ORDER BY split, part";
}

/// The key of a part within a version of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartKey {
    /// The number of splits before this one, each with a part that was too long for the model.
    pub split: i32,
    /// From 0, or [`MERGE_PART`].
    pub part: i32,
}

/// The analysis of a part, or `None` if the part is too long for the model.
pub type StoredPart = (PartKey, Option<Value>);

impl Store {
    /// Stores the analysis of one part, or that the part is too long (`None`), over an earlier one; the version is that
    /// of the step.
    ///
    /// `false` if the claim is lost: nothing was stored.
    pub async fn store_part(&self, claimed: &Claimed, key: PartKey, document: Option<&Value>) -> Result<bool, Error> {
        let more = [int(key.split), int(key.part), jsonb(document)];
        Ok(self.row(STORE_PART, &of_claim(claimed, more)).await?.is_some())
    }

    /// Returns the parts that are stored.
    pub async fn parts(&self, tenant: &TenantId, session: &SessionId, version: i32) -> Result<Vec<StoredPart>, Error> {
        self.all(PARTS, &[text(tenant.as_ref()), text(session.as_ref()), int(version)]).await
    }
}

impl FromRow for StoredPart {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok((PartKey { split: row.get("split")?, part: row.get("part")? }, row.get("document")?))
    }
}
