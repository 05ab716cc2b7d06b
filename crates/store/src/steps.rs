//! Steps: claims with leases, and the counters that end a session.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::{SessionId, TenantId};
use domain::session::SessionStatus;
use domain::step::{Code, Step, StepKey};
use tokio_postgres::Row;

use crate::sql::{Param, bigint, boolean, float, get, int, one_of, parse, text};
use crate::waiting::CLAIM_WAITING_STEP;
use crate::{Error, Store};

const CLAIM_STEP: &str = "
-- claim_step()
UPDATE steps
SET status = 'running', attempt = attempt + 1, due_at = now() + $4 * interval '1 millisecond', code = NULL,
    started_at = coalesce(started_at, now())
WHERE tenant_id = $1 AND session_id = $2 AND step = $3
  AND (status = 'pending' OR (status = 'running' AND due_at < clock_timestamp()))
RETURNING attempt, message";

const STEP_STATE: &str = "
-- step_state()
SELECT status, greatest(extract(epoch FROM due_at - clock_timestamp()), 0)::float8 AS lease_seconds
FROM steps WHERE tenant_id = $1 AND session_id = $2 AND step = $3";

const REOPEN_STEP: &str = "
-- reopen_step()
WITH reopened AS (
    UPDATE steps
    SET status = 'running', attempt = attempt + 1, due_at = now() + $4 * interval '1 millisecond', code = NULL,
        finished_at = NULL, requeues = 0, seen_attempt = attempt, replays = replays + 1
    WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND status = 'failed'
    RETURNING attempt, message, of_session
), session AS (
    UPDATE sessions
    SET open_steps = open_steps + 1, failed_steps = failed_steps - 1, finished_at = NULL,
        status = CASE WHEN waiting_steps > 0 THEN 'waiting' ELSE 'processing' END,
        failure_code = (SELECT code FROM steps WHERE tenant_id = $1 AND session_id = $2 AND step <> $3
                        AND status = 'failed' AND of_session ORDER BY finished_at LIMIT 1)
    FROM reopened WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND reopened.of_session
)
SELECT attempt, message FROM reopened";

const RELEASE_STEP: &str = "
-- release_step()
UPDATE steps SET status = 'pending', due_at = now() + $5 * interval '1 millisecond'
WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND attempt = $4 AND status = 'running'";

/// As a step that waits outside of the queue, it counts anew how often it was overdue.
const POSTPONE_STEP: &str = "
-- postpone_step()
UPDATE steps
SET status = 'pending', due_at = now() + $5 * interval '1 millisecond', requeues = 0, seen_attempt = attempt
WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND attempt = $4 AND status = 'running'";

const FINISH_STEP: &str = "
-- finish_step()
WITH finished AS (
    UPDATE steps SET status = $5, code = $6, finished_at = now()
    WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND attempt = $4 AND status IN ('pending', 'running')
    RETURNING (status = 'failed')::int AS failed, (status = 'failed' AND of_session)::int AS session_failed,
              of_session::int AS counted, code
), failure AS (
    INSERT INTO failures (tenant_id, session_id, step, code)
    SELECT $1, $2, $3, code FROM finished WHERE failed = 1
)
UPDATE sessions
SET open_steps = open_steps - counted, failed_steps = failed_steps + session_failed,
    failure_code = CASE WHEN failed_steps + session_failed > 0 THEN coalesce(
        failure_code, CASE WHEN session_failed = 1 THEN code END,
        (SELECT code FROM steps WHERE tenant_id = $1 AND session_id = $2 AND status = 'failed' AND of_session
         ORDER BY finished_at LIMIT 1)
    ) END,
    status = CASE WHEN counted = 0 OR open_steps > 1 THEN status
                  WHEN failed_steps + session_failed > 0 THEN 'failed' ELSE 'completed' END,
    finished_at = CASE WHEN counted = 0 THEN finished_at WHEN open_steps = 1 THEN now() END
FROM finished WHERE sessions.tenant_id = $1 AND sessions.session_id = $2
RETURNING sessions.status";

const STEP_PLANNED_AT: &str = "
-- step_planned_at()
SELECT created_at FROM steps WHERE tenant_id = $1 AND session_id = $2 AND step = $3";

const UNCLAIMED_STEPS: &str = "
-- unclaimed_steps()
SELECT step, message FROM steps
WHERE tenant_id = $1 AND session_id = $2 AND status = 'pending' AND attempt = 0 AND ($3 OR NOT of_session) ORDER BY step";

const TAKE_OVERDUE_STEPS: &str = "
-- take_overdue_steps() across tenants
WITH overdue AS (
    SELECT tenant_id, session_id, step FROM steps
    WHERE status IN ('pending', 'running') AND due_at < now() - $1 * interval '1 millisecond'
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE steps SET requeues = requeues + (attempt > seen_attempt)::int, seen_attempt = attempt, due_at = now()
FROM overdue
WHERE steps.tenant_id = overdue.tenant_id AND steps.session_id = overdue.session_id AND steps.step = overdue.step
RETURNING steps.tenant_id, steps.session_id, steps.step, attempt, requeues, message";

const PUT_BACK_OVERDUE: &str = "
-- put_back_overdue()
UPDATE steps SET requeues = greatest(requeues - 1, 0), seen_attempt = 0, due_at = now() - $5 * interval '1 millisecond'
WHERE tenant_id = $1 AND session_id = $2 AND step = $3 AND attempt = $4 AND status IN ('pending', 'running')";

/// How often a claim looks again at a step that changed hands after it had looked.
const CLAIM_ROUNDS: u32 = 3;

/// A step that is ours until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub key: StepKey,
    /// Counts claims from 1; fences off whoever held the step before.
    pub attempt: i32,
}

/// The answer to asking for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Ours, and the message that asks for it in its row: the one it was planned with last.
    Run(Claimed, String),
    /// Done or skipped before.
    AlreadyDone,
    /// Failed for good before; only a replay runs it again.
    AlreadyFailed,
    /// Somebody else holds it for as long as this.
    Busy(Duration),
    /// No such step was planned.
    Unknown,
}

/// A step's status, as far as claims tell one from another.
#[derive(Debug, Clone, Copy)]
enum State {
    Pending,
    Running,
    Waiting,
    /// Done or skipped.
    Ended,
    Failed,
}

impl State {
    fn parse(status: &str) -> Option<Self> {
        match status {
            "pending" => Some(Self::Pending),
            "running" => Some(Self::Running),
            "waiting" => Some(Self::Waiting),
            "done" | "skipped" => Some(Self::Ended),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

/// How a step ends.
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

/// A step that waits for its first claim, with the message that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub step: Step,
    pub message: String,
}

/// Which unclaimed steps are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclaimed {
    All,
    /// Those that tell webhooks of the session and are no part of it.
    Events,
}

/// An open step that is long overdue: its message must have been lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    pub claimed: Claimed,
    pub message: String,
    /// How often it was overdue although it had been claimed, this time included.
    pub requeues: i32,
}

impl Store {
    /// Claims a step for `lease`, also one that waits: whoever asks for it may look again. A `replay` also claims a
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
            let Some(row) = self.row(STEP_STATE, &key_params(key)).await? else {
                return Ok(Claim::Unknown);
            };
            match one_of(STEP_STATE, &row, "status", State::parse)? {
                State::Running => {
                    return Ok(Claim::Busy(Duration::from_secs_f64(get(STEP_STATE, &row, "lease_seconds")?)));
                }
                State::Ended => return Ok(Claim::AlreadyDone),
                State::Failed if !replay => return Ok(Claim::AlreadyFailed),
                State::Waiting => {
                    if let Some(run) = self.try_claim(CLAIM_WAITING_STEP, key, lease_ms).await? {
                        return Ok(run);
                    }
                }
                // It was in another state when we asked for it.
                State::Pending | State::Failed => {}
            }
        }
        Ok(Claim::Busy(Duration::ZERO))
    }

    async fn try_claim(&self, sql: &'static str, key: &StepKey, lease_ms: f64) -> Result<Option<Claim>, Error> {
        let [tenant, session, step] = key_params(key);
        let row = self.row(sql, &[tenant, session, step, float(lease_ms)]).await?;
        let read = |row: Row| {
            let claimed = Claimed { key: key.clone(), attempt: get(sql, &row, "attempt")? };
            Ok(Claim::Run(claimed, get(sql, &row, "message")?))
        };
        row.map(read).transpose()
    }

    /// Gives a claim back, to be claimed again in about `after`. Does nothing if it is no longer ours.
    pub async fn release_step(&self, claimed: &Claimed, after: Duration) -> Result<(), Error> {
        let [tenant, session, step] = key_params(&claimed.key);
        let params = [tenant, session, step, int(claimed.attempt), float(millis(after))];
        self.execute(RELEASE_STEP, &params).await.map(drop)
    }

    /// The same for a step that waits for its turn: however often it does, it was not lost.
    pub async fn postpone_step(&self, claimed: &Claimed, after: Duration) -> Result<(), Error> {
        let [tenant, session, step] = key_params(&claimed.key);
        let params = [tenant, session, step, int(claimed.attempt), float(millis(after))];
        self.execute(POSTPONE_STEP, &params).await.map(drop)
    }

    /// Ends a step, and with the last one its session, whose status is returned; a failure is also recorded as one.
    ///
    /// `None` if the step is no longer ours: nothing was changed. A session with a failed step has its code, also where
    /// the step failed while the session was being re-opened, which saw none.
    pub async fn finish_step(&self, claimed: &Claimed, ending: Ending) -> Result<Option<SessionStatus>, Error> {
        let [tenant, session, step] = key_params(&claimed.key);
        let (status, code) = ending.columns();
        let params = [tenant, session, step, int(claimed.attempt), text(status), text(code)];
        let row = self.row(FINISH_STEP, &params).await?;
        row.map(|row| one_of(FINISH_STEP, &row, "status", SessionStatus::parse)).transpose()
    }

    /// When a step was planned first; `None` if there is none.
    pub async fn step_planned_at(&self, key: &StepKey) -> Result<Option<DateTime<Utc>>, Error> {
        let row = self.row(STEP_PLANNED_AT, &key_params(key)).await?;
        row.map(|row| get(STEP_PLANNED_AT, &row, "created_at")).transpose()
    }

    /// The session's steps that were planned and never claimed: all, or those that only tell of it.
    pub async fn unclaimed_steps(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        which: Unclaimed,
    ) -> Result<Vec<Planned>, Error> {
        let all = which == Unclaimed::All;
        let params = [text(tenant.as_ref()), text(session.as_ref()), boolean(all)];
        let rows = self.rows(UNCLAIMED_STEPS, &params).await?;
        let read = |row| {
            Ok(Planned { step: parse(UNCLAIMED_STEPS, row, "step")?, message: get(UNCLAIMED_STEPS, row, "message")? })
        };
        rows.iter().map(read).collect()
    }

    /// Takes up to `limit` open steps that have been overdue for `overdue_by`, of all tenants, the oldest first.
    ///
    /// Concurrent callers get different ones.
    pub async fn take_overdue_steps(&self, overdue_by: Duration, limit: i64) -> Result<Vec<Overdue>, Error> {
        let params = [float(millis(overdue_by)), bigint(limit)];
        let rows = self.rows(TAKE_OVERDUE_STEPS, &params).await?;
        rows.iter().map(read_overdue).collect()
    }

    /// Gives a taken step back whose message could not be sent: it is as overdue as it was.
    pub async fn put_back_overdue(&self, claimed: &Claimed, overdue_by: Duration) -> Result<(), Error> {
        let [tenant, session, step] = key_params(&claimed.key);
        let params = [tenant, session, step, int(claimed.attempt), float(millis(overdue_by))];
        self.execute(PUT_BACK_OVERDUE, &params).await.map(drop)
    }
}

fn read_overdue(row: &Row) -> Result<Overdue, Error> {
    let sql = TAKE_OVERDUE_STEPS;
    let (claimed, message) = read_taken(sql, row)?;
    Ok(Overdue { claimed, message, requeues: get(sql, row, "requeues")? })
}

/// A step that housekeeping took, and the message that asks for it.
pub(crate) fn read_taken(sql: &'static str, row: &Row) -> Result<(Claimed, String), Error> {
    let key = StepKey {
        tenant_id: parse(sql, row, "tenant_id")?,
        session_id: parse(sql, row, "session_id")?,
        step: parse(sql, row, "step")?,
    };
    Ok((Claimed { key, attempt: get(sql, row, "attempt")? }, get(sql, row, "message")?))
}

pub(crate) fn key_params(key: &StepKey) -> [Param<'_>; 3] {
    [text(key.tenant_id.as_ref()), text(key.session_id.as_ref()), text(key.step.to_string())]
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
