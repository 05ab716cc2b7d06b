//! Steps: claims with leases, and the counters that end a session.

use std::time::Duration;

use domain::id::{SessionId, TenantId};
use domain::session::SessionStatus;
use domain::step::{Code, Step, StepKey};

use crate::row::{FromRow, Row};
use crate::sql::{bigint, boolean, float, millis, statements, text};
pub use crate::step_rows::{Claimed, TakenStep};
use crate::step_rows::{
    first_failure, of_claim, of_step, open_session, read_message, read_planned, same_step, step_key,
};
use crate::webhook_events::{plan_deliveries, webhooks_asking_for};
use crate::{Error, Store};

statements! {
// `clock_timestamp()`, as `now()` is older than a wait for the row's lock.
CLAIM_STEP = "
-- claim_step()
UPDATE steps
SET status = 'running', attempt = attempt + 1, due_at = now() + $7 * interval '1 millisecond', code = NULL,
    started_at = coalesce(started_at, now())
WHERE ", step_key!(), "
  AND (status = 'pending' OR (status = 'running' AND due_at < clock_timestamp()))
RETURNING attempt, message";

// Events of webhooks are not counted: no session waits for one.
CLAIM_WAITING_STEP = "
-- claim_waiting_step()
WITH claimed AS (
    UPDATE steps
    SET status = 'running', attempt = attempt + 1, due_at = now() + $7 * interval '1 millisecond', code = NULL
    WHERE ", step_key!(), " AND status = 'waiting'
    RETURNING attempt, message
), session AS (
    UPDATE sessions
    SET waiting_steps = waiting_steps - 1, status = CASE WHEN waiting_steps > 1 THEN 'waiting' ELSE 'processing' END
    FROM claimed WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event'
)
SELECT attempt, message FROM claimed";

STEP_STATE = "
-- step_state()
SELECT status, greatest(extract(epoch FROM due_at - clock_timestamp()), 0)::float8 AS lease_seconds
FROM steps WHERE ", step_key!();

// A replay starts with no losses counted.
REOPEN_STEP = "
-- reopen_step()
WITH opened AS (
    UPDATE steps
    SET status = 'running', attempt = attempt + 1, due_at = now() + $7 * interval '1 millisecond', code = NULL,
        finished_at = NULL, requeues = 0, seen_attempt = attempt, replays = replays + 1
    WHERE ", step_key!(), " AND status = 'failed'
    RETURNING attempt, message, 1 AS had_failed
), session AS (", open_session!(), ")
SELECT attempt, message FROM opened";

RELEASE_STEP = "
-- release_step()
UPDATE steps SET status = 'pending', due_at = now() + $8 * interval '1 millisecond'
WHERE ", step_key!(), " AND attempt = $7 AND status = 'running'";

/// A delayed copy of its message is in the queue: overdue times that were counted so far are void.
POSTPONE_STEP = "
-- postpone_step()
UPDATE steps
SET status = 'pending', due_at = now() + $8 * interval '1 millisecond', requeues = 0, seen_attempt = attempt
WHERE ", step_key!(), " AND attempt = $7 AND status = 'running'";

/// The session's locked row decides what is reported: other rows may be older than the lock.
// Also a `pending` step is finished: housekeeping gives up steps that no delivery holds.
FINISH_STEP = "
-- finish_step()
WITH finished AS (
    UPDATE steps SET status = $8, code = $9, finished_at = now()
    WHERE ", step_key!(), " AND attempt = $7 AND status IN ('pending', 'running')
    RETURNING code, (status = 'failed')::int AS failed, (kind <> 'webhook_event')::int AS counted
), failure AS (
    INSERT INTO failures (tenant_id, session_id, kind, code) SELECT $1, $2, $3, code FROM finished WHERE failed = 1
), unfinished_sync AS (
    UPDATE integration_log
    SET status = 'failed', code = finished.code, error = concat_ws(' ', error, $10::text), writing_until = NULL,
        updated_at = now()
    FROM finished
    WHERE tenant_id = $1 AND session_id = $2 AND integration_id = $5 AND analysis_version = $4 AND $3 = 'crm_sync'
      AND failed = 1 AND integration_log.status IN ('pending', 'writing')
), ended AS (
    UPDATE sessions
    SET open_steps = open_steps - counted, failed_steps = failed_steps + failed * counted,
        failure_code = CASE WHEN failed_steps + failed * counted > 0 THEN coalesce(
            failure_code, CASE WHEN failed * counted = 1 THEN code END, ", first_failure!(), ") END,
        status = CASE WHEN counted = 0 OR open_steps > 1 THEN status
                      WHEN failed_steps + failed > 0 THEN 'failed' ELSE 'completed' END,
        finished_at = CASE WHEN counted = 0 THEN finished_at WHEN open_steps = 1 THEN now() END,
        has_new_failure = has_new_failure OR failed * counted = 1,
        failures_reported = failures_reported + (counted = 1 AND open_steps = 1 AND failed_steps + failed > 0
                                                 AND (has_new_failure OR failed = 1))::int
    FROM finished WHERE sessions.tenant_id = $1 AND sessions.session_id = $2
    RETURNING status, failure_code, failures_reported,
              counted = 1 AND open_steps = 0 AND status = 'failed' AND has_new_failure AS is_reported
), events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, code, occurrence)
    SELECT $1, gen_random_uuid(), $2, integration_id, 'session.failed', coalesce(failure_code, 'unknown'),
           failures_reported
    FROM ended JOIN integrations ON ", webhooks_asking_for!("session.failed"), "
    WHERE is_reported
    RETURNING tenant_id, session_id, integration_id, event_id
), ", plan_deliveries!(), "
SELECT status FROM ended";

UNCLAIMED_STEPS = "
-- unclaimed_steps()
SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id, message FROM steps
WHERE tenant_id = $1 AND session_id = $2 AND status = 'pending' AND attempt = 0 AND ($3 OR kind = 'webhook_event')
ORDER BY kind, analysis_version, integration_id, created_at, event_id";

// A step without a claim since the last look only waits in a long queue: that is no loss.
TAKE_OVERDUE_STEPS = "
-- take_overdue_steps() across tenants
WITH overdue AS (
    SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id FROM steps
    WHERE status IN ('pending', 'running') AND due_at < now() - $1 * interval '1 millisecond'
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE steps SET requeues = requeues + (attempt > seen_attempt)::int, seen_attempt = attempt, due_at = now()
FROM overdue
WHERE ", same_step!("overdue"), "
RETURNING steps.tenant_id, steps.session_id, steps.kind, steps.analysis_version, steps.integration_id, steps.event_id,
          attempt, requeues, message";

// The next look counts this loss again.
PUT_BACK_OVERDUE = "
-- put_back_overdue()
UPDATE steps SET requeues = greatest(requeues - 1, 0), seen_attempt = 0, due_at = now() - $8 * interval '1 millisecond'
WHERE ", step_key!(), " AND attempt = $7 AND status IN ('pending', 'running')";
}

/// The note for administrators in the row of a sync whose step failed without its function.
const UNFINISHED: &str = "The sync was started and never finished, although it was repeated. Replay it.";
/// The most looks of a claim at a step that changes hands between them.
const CLAIM_ROUNDS: u32 = 3;

/// The answer to a request for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The step is ours, with the message of its row.
    Run(Claimed, String),
    /// Done or skipped before.
    AlreadyDone,
    /// Failed for good before; only a replay runs it again.
    AlreadyFailed,
    /// Another delivery holds the step for as long as this.
    Busy(Duration),
    /// The step was not planned.
    Unknown,
}

/// The end of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Done,
    Skipped(Code),
    Failed(Code),
}

impl Ending {
    fn columns(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Done => ("done", None),
            Self::Skipped(code) => ("skipped", Some(code.as_str())),
            Self::Failed(code) => ("failed", Some(code.as_str())),
        }
    }
}

/// A planned step, with the message that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub step: Step,
    pub message: String,
}

/// Selects unclaimed steps of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclaimed {
    All,
    /// Deliveries of events to webhooks.
    Events,
}

impl Store {
    /// Claims a step for `lease`, also a step that waits: a message about it has it look again. A `replay` also claims a
    /// step that has failed, which re-opens its session.
    pub async fn claim_step(&self, key: &StepKey, lease: Duration, replay: bool) -> Result<Claim, Error> {
        let lease_ms = millis(lease);
        for _ in 0..CLAIM_ROUNDS {
            if let Some(run) = self.try_claim(CLAIM_STEP, key, lease_ms).await? {
                return Ok(run);
            }
            if replay && let Some(run) = self.try_claim(REOPEN_STEP, key, lease_ms).await? {
                return Ok(run);
            }
            let Some(row) = self.row(STEP_STATE, &of_step(key, [])).await? else {
                return Ok(Claim::Unknown);
            };
            match row.get::<String>("status")?.as_str() {
                "running" => return Ok(Claim::Busy(Duration::from_secs_f64(row.get("lease_seconds")?))),
                "done" | "skipped" => return Ok(Claim::AlreadyDone),
                "failed" if !replay => return Ok(Claim::AlreadyFailed),
                // This claim is another statement, because it also changes the session's count of waiting steps.
                "waiting" => {
                    if let Some(run) = self.try_claim(CLAIM_WAITING_STEP, key, lease_ms).await? {
                        return Ok(run);
                    }
                }
                // The status has changed since the claim was tried.
                "pending" | "failed" => {}
                other => return Err(row.unknown("status", other)),
            }
        }
        // The step changed hands in every round: the next delivery looks again.
        Ok(Claim::Busy(Duration::ZERO))
    }

    async fn try_claim(&self, sql: &'static str, key: &StepKey, lease_ms: f64) -> Result<Option<Claim>, Error> {
        let row = self.row(sql, &of_step(key, [float(lease_ms)])).await?;
        let read = |row: Row| {
            let claimed = Claimed { key: key.clone(), attempt: row.get("attempt")? };
            Ok(Claim::Run(claimed, read_message(&row, key)?))
        };
        row.map(read).transpose()
    }

    /// Gives a claim back; the step is claimed again in about `after`. Does nothing if the claim is lost.
    pub async fn release_step(&self, claimed: &Claimed, after: Duration) -> Result<(), Error> {
        self.execute(RELEASE_STEP, &of_claim(claimed, [float(millis(after))])).await.map(drop)
    }

    /// Gives a claim back as [`Self::release_step`] does, of a step that waits for its turn and was not lost, however
    /// often that happens.
    pub async fn postpone_step(&self, claimed: &Claimed, after: Duration) -> Result<(), Error> {
        self.execute(POSTPONE_STEP, &of_claim(claimed, [float(millis(after))])).await.map(drop)
    }

    /// Ends a step, and with the last step its session, whose status is returned.
    ///
    /// A failure is recorded, ends the row of a sync that its function did not end, and is reported to the webhooks
    /// that ask for it when the session fails. `None` if the claim is no longer ours: nothing was changed. A session
    /// with a failed step has its code, also where the step failed while the session was being re-opened.
    pub async fn finish_step(&self, claimed: &Claimed, ending: Ending) -> Result<Option<SessionStatus>, Error> {
        let (status, code) = ending.columns();
        let params = of_claim(claimed, [text(status), text(code), text(UNFINISHED)]);
        let row = self.row(FINISH_STEP, &params).await?;
        row.map(|row| row.get("status")).transpose()
    }

    /// Returns the session's steps that were planned and never claimed.
    pub async fn unclaimed_steps(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        which: Unclaimed,
    ) -> Result<Vec<Planned>, Error> {
        let params = [text(tenant.as_ref()), text(session.as_ref()), boolean(which == Unclaimed::All)];
        self.all(UNCLAIMED_STEPS, &params).await
    }

    /// Takes up to `limit` open steps that have been overdue for `overdue_by`, of all tenants, the oldest first.
    ///
    /// Concurrent callers get different steps.
    pub async fn take_overdue_steps(&self, overdue_by: Duration, limit: i64) -> Result<Vec<TakenStep>, Error> {
        self.all(TAKE_OVERDUE_STEPS, &[float(millis(overdue_by)), bigint(limit)]).await
    }

    /// Gives back a step whose message could not be sent: it is as overdue as before.
    pub async fn put_back_overdue(&self, claimed: &Claimed, overdue_by: Duration) -> Result<(), Error> {
        self.execute(PUT_BACK_OVERDUE, &of_claim(claimed, [float(millis(overdue_by))])).await.map(drop)
    }
}

impl FromRow for Planned {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let (key, message) = read_planned(row)?;
        Ok(Self { step: key.step, message })
    }
}
