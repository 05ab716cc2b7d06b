//! Steps that wait for a time to come: out of the queue, however long it takes, and sent again when they are due.
//!
//! `sessions.waiting_steps` is counted with the step, on the session's locked row, so that steps that end, wait and
//! resume at once leave the right status.

use std::time::Duration;

use domain::step::Code;

use crate::sql::{bigint, float, millis, statements, text};
use crate::step_rows::{Claimed, TakenStep, of_claim, same_step, step_key};
use crate::{Error, Store};

statements! {
/// A step that waits for its integration is due at once where the integration has just been fixed: the fix wakes the
/// steps that wait by then.
// A session does not wait for the events of webhooks.
SET_WAITING = "
-- set_waiting()
WITH integration AS (
    SELECT disabled_code IS NULL AS is_fixed FROM integrations
    WHERE tenant_id = $1 AND integration_id = $5 AND $8 = 'integration_disabled' FOR SHARE
), waiting AS (
    UPDATE steps
    SET status = 'waiting', code = $8, requeues = 0, seen_attempt = attempt,
        due_at = CASE WHEN (SELECT is_fixed FROM integration) THEN now()
                      ELSE now() + $9 * interval '1 millisecond' END
    WHERE ", step_key!(), " AND attempt = $7 AND status = 'running'
    RETURNING attempt
), session AS (
    UPDATE sessions SET waiting_steps = waiting_steps + 1, status = 'waiting'
    FROM waiting WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event'
)
SELECT attempt FROM waiting";

TAKE_DUE_WAITING_STEPS = "
-- take_due_waiting_steps() across tenants
WITH longest AS (
    SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id FROM steps
    WHERE status = 'waiting' AND due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
), due AS (
    UPDATE steps SET status = 'pending', due_at = now()
    FROM longest
    WHERE ", same_step!("longest"), "
    RETURNING steps.tenant_id, steps.session_id, steps.kind, steps.analysis_version, steps.integration_id,
              steps.event_id, attempt, message
), resumed AS (
    UPDATE sessions
    SET waiting_steps = waiting_steps - taken.steps,
        status = CASE WHEN waiting_steps > taken.steps THEN 'waiting' ELSE 'processing' END
    FROM (SELECT tenant_id, session_id, count(*)::int AS steps FROM due WHERE kind <> 'webhook_event'
          GROUP BY tenant_id, session_id) AS taken
    WHERE sessions.tenant_id = taken.tenant_id AND sessions.session_id = taken.session_id
)
SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id, attempt, 0 AS requeues, message FROM due";

PUT_BACK_WAITING = "
-- put_back_waiting()
WITH waiting AS (
    UPDATE steps SET status = 'waiting'
    WHERE ", step_key!(), " AND attempt = $7 AND status = 'pending'
    RETURNING attempt
)
UPDATE sessions SET waiting_steps = waiting_steps + 1, status = 'waiting'
FROM waiting WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event'";
}

impl Store {
    /// Lets a step wait for `after`; `code` says for what. Its message may be deleted.
    ///
    /// `false` if the claim is lost: nothing was changed.
    pub async fn set_waiting(&self, claimed: &Claimed, after: Duration, code: Code) -> Result<bool, Error> {
        Ok(self.row(SET_WAITING, &of_claim(claimed, [text(code.as_str()), float(millis(after))])).await?.is_some())
    }

    /// Takes up to `limit` waiting steps that are due, of all tenants, the longest due first.
    ///
    /// Concurrent callers get different steps. A step whose message is never sent becomes overdue.
    pub async fn take_due_waiting_steps(&self, limit: i64) -> Result<Vec<TakenStep>, Error> {
        self.all(TAKE_DUE_WAITING_STEPS, &[bigint(limit)]).await
    }

    /// Gives back a step whose message could not be sent: it waits, and is due. Does nothing if the step was claimed
    /// meanwhile.
    pub async fn put_back_waiting(&self, claimed: &Claimed) -> Result<(), Error> {
        self.execute(PUT_BACK_WAITING, &of_claim(claimed, [])).await.map(drop)
    }
}
