//! Steps that wait for a time to come: out of the queue, however long it takes, and sent again when they are due.
//!
//! `sessions.waiting_steps` is counted with the step, on the session's locked row, so that steps that end, park and
//! resume at once leave the right status.

use std::time::Duration;

use domain::step::Code;

use crate::sql::{bigint, float, int, text};
use crate::steps::{Claimed, key_params, millis, read_taken};
use crate::{Error, Store};

/// A step that waits for its integration to be mended is due at once where somebody has just done that: whoever mends
/// it wakes those that wait by then.
const PARK_STEP: &str = "
-- park_step()
WITH mended AS (
    SELECT disabled_code IS NULL AS is_mended FROM integrations
    WHERE tenant_id = $1 AND integration_id = step_integration($3) AND $5 = 'integration_disabled' FOR SHARE
), parked AS (
    UPDATE steps
    SET status = 'waiting', code = $5, requeues = 0, seen_attempt = attempt,
        due_at = CASE WHEN (SELECT is_mended FROM mended) THEN now() ELSE now() + $6 * interval '1 millisecond' END
    WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND attempt = $4 AND status = 'running'
    RETURNING attempt, of_session
), session AS (
    UPDATE sessions SET waiting_steps = waiting_steps + 1, status = 'waiting'
    FROM parked WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND of_session
)
SELECT attempt FROM parked";

pub(crate) const CLAIM_WAITING_STEP: &str = "
-- claim_waiting_step()
WITH claimed AS (
    UPDATE steps
    SET status = 'running', attempt = attempt + 1, due_at = now() + $4 * interval '1 millisecond', code = NULL
    WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND status = 'waiting'
    RETURNING attempt, message, of_session
), session AS (
    UPDATE sessions
    SET waiting_steps = waiting_steps - 1, status = CASE WHEN waiting_steps > 1 THEN 'waiting' ELSE 'processing' END
    FROM claimed WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND of_session
)
SELECT attempt, message FROM claimed";

const TAKE_DUE_WAITING_STEPS: &str = "
-- take_due_waiting_steps() across tenants
WITH longest AS (
    SELECT tenant_id, session_id, step FROM steps
    WHERE status = 'waiting' AND due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
), due AS (
    UPDATE steps SET status = 'pending', due_at = now()
    FROM longest
    WHERE steps.tenant_id = longest.tenant_id AND steps.session_id = longest.session_id AND steps.step = longest.step
    RETURNING steps.tenant_id, steps.session_id, steps.step, attempt, message, of_session
), resumed AS (
    UPDATE sessions
    SET waiting_steps = waiting_steps - taken.steps,
        status = CASE WHEN waiting_steps > taken.steps THEN 'waiting' ELSE 'processing' END
    FROM (SELECT tenant_id, session_id, count(*)::int AS steps FROM due WHERE of_session
          GROUP BY tenant_id, session_id) AS taken
    WHERE sessions.tenant_id = taken.tenant_id AND sessions.session_id = taken.session_id
)
SELECT tenant_id, session_id, step, attempt, message FROM due";

const PUT_BACK_WAITING: &str = "
-- put_back_waiting()
WITH waiting AS (
    UPDATE steps SET status = 'waiting'
    WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND attempt = $4 AND status = 'pending'
    RETURNING attempt, of_session
)
UPDATE sessions SET waiting_steps = waiting_steps + 1, status = 'waiting'
FROM waiting WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND of_session";

/// A step that waited and is due; it is `pending` again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// The last claim, from before the wait.
    pub claimed: Claimed,
    pub message: String,
}

impl Store {
    /// Has a step wait for `after`; `code` says for what. Its message may be deleted.
    ///
    /// `false` if the claim is no longer ours: nothing was changed.
    pub async fn park_step(&self, claimed: &Claimed, after: Duration, code: Code) -> Result<bool, Error> {
        let [tenant, session, step] = key_params(&claimed.key);
        let params = [tenant, session, step, int(claimed.attempt), text(code.as_str()), float(millis(after))];
        Ok(self.row(PARK_STEP, &params).await?.is_some())
    }

    /// Takes up to `limit` waiting steps that are due, of all tenants, the longest due first.
    ///
    /// Concurrent callers get different ones. One whose message is never sent becomes overdue.
    pub async fn take_due_waiting_steps(&self, limit: i64) -> Result<Vec<Resumed>, Error> {
        let rows = self.rows(TAKE_DUE_WAITING_STEPS, &[bigint(limit)]).await?;
        let read = |row| {
            let (claimed, message) = read_taken(TAKE_DUE_WAITING_STEPS, row)?;
            Ok(Resumed { claimed, message })
        };
        rows.iter().map(read).collect()
    }

    /// Gives a step back whose message could not be sent: it waits, and is due. Does nothing if it was claimed
    /// meanwhile.
    pub async fn put_back_waiting(&self, resumed: &Resumed) -> Result<(), Error> {
        let [tenant, session, step] = key_params(&resumed.claimed.key);
        self.execute(PUT_BACK_WAITING, &[tenant, session, step, int(resumed.claimed.attempt)]).await.map(drop)
    }
}
