//! Rows of `steps`: their key in statements and parameters, and reading them.

use domain::message::CrmSyncMessage;
use domain::step::{Step, StepKey};
use uuid::Uuid;

use crate::Error;
use crate::row::{FromRow, Row};
use crate::sql::{Param, int, text, uuid};

/// The row of a step, by its key in `$1` to `$6`: see [`of_step`].
macro_rules! step_key {
    () => {
        "tenant_id = $1 AND session_id = $2
  AND (kind, analysis_version, integration_id, event_id) = ($3, $4, $5, $6)"
    };
}
pub(crate) use step_key;

/// The row of `steps` that a row of a common table expression names.
macro_rules! same_step {
    ($expression:literal) => {
        concat!(
            "(steps.tenant_id, steps.session_id, steps.kind, steps.analysis_version, steps.integration_id, steps.event_id)
    = (", $expression, ".tenant_id, ", $expression, ".session_id, ", $expression, ".kind, ", $expression,
            ".analysis_version, ", $expression, ".integration_id, ", $expression, ".event_id)"
        )
    };
}
pub(crate) use same_step;

/// The code of a session's step that failed first, other than the step `$3` to `$6`.
macro_rules! first_failure {
    () => {
        "(
            SELECT code FROM steps
            WHERE tenant_id = $1 AND session_id = $2 AND status = 'failed' AND kind <> 'webhook_event'
              AND (kind, analysis_version, integration_id, event_id) <> ($3, $4, $5, $6)
            ORDER BY finished_at LIMIT 1)"
    };
}
pub(crate) use first_failure;

/// Re-opens the session of a step that is `opened`; `had_failed` is 1 where the step was counted as failed.
macro_rules! open_session {
    () => {
        concat!(
            "
    UPDATE sessions
    SET open_steps = open_steps + 1, failed_steps = failed_steps - had_failed, finished_at = NULL,
        status = CASE WHEN waiting_steps > 0 THEN 'waiting' ELSE 'processing' END,
        has_new_failure = has_new_failure AND status NOT IN ('completed', 'failed'),
        failure_code = ",
            first_failure!(),
            "
    FROM opened
    WHERE sessions.tenant_id = $1 AND sessions.session_id = $2 AND $3 <> 'webhook_event'
"
        )
    };
}
pub(crate) use open_session;

/// The claim of a step: the step is ours until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub key: StepKey,
    /// Counts claims from 1; an earlier claim changes nothing any more.
    pub attempt: i32,
}

/// A step that was taken to send its message again: it is `pending`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenStep {
    /// The last claim, from before the step waited or was overdue.
    pub claimed: Claimed,
    pub message: String,
    /// The number of times that the step was overdue although it had been claimed, this time included.
    pub requeues: i32,
}

impl FromRow for TakenStep {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let (key, message) = read_planned(row)?;
        let claimed = Claimed { key, attempt: row.get("attempt")? };
        Ok(Self { claimed, message, requeues: row.get("requeues")? })
    }
}

/// Reads a step's key, and the message that asks for it.
pub(crate) fn read_planned(row: &Row) -> Result<(StepKey, String), Error> {
    let (tenant_id, session_id) = (row.get("tenant_id")?, row.get("session_id")?);
    let version = || row.get("analysis_version");
    let integration = || row.get("integration_id");
    let kind: String = row.get("kind")?;
    let step = match kind.as_str() {
        "analyze" => Step::Analyze { version: version()? },
        "notify" => Step::Notify { version: version()? },
        "crm_sync" => Step::CrmSync { version: version()?, integration: integration()? },
        "webhook_event" => Step::WebhookEvent { integration: integration()?, event_id: row.get("event_id")? },
        _ => return Err(row.unknown("kind", &kind)),
    };
    let key = StepKey { tenant_id, session_id, step };
    let message = read_message(row, &key)?;
    Ok((key, message))
}

/// Reads the message that a step was planned with, or writes that of an event.
pub(crate) fn read_message(row: &Row, key: &StepKey) -> Result<String, Error> {
    match row.get("message")? {
        Some(message) => Ok(message),
        // The row of a webhook event has no message: its key says all.
        None => serde_json::to_string(&CrmSyncMessage::of(key)).map_err(Error::Document),
    }
}

/// The parameters of a step's key, `$1` to `$6`, and what follows them.
pub(crate) fn of_step<'a, const N: usize>(key: &'a StepKey, more: [Param<'a>; N]) -> Vec<Param<'a>> {
    let StepKey { tenant_id, session_id, step } = key;
    let event_id = match step {
        Step::WebhookEvent { event_id, .. } => *event_id,
        // The key has no NULLs, so that `ON CONFLICT` can name the primary key.
        Step::Analyze { .. } | Step::Notify { .. } | Step::CrmSync { .. } => Uuid::nil(),
    };
    let key = [
        text(tenant_id.as_ref()),
        text(session_id.as_ref()),
        text(step.kind()),
        int(step.version()),
        text(step.integration().map_or("", AsRef::as_ref)),
        uuid(event_id),
    ];
    key.into_iter().chain(more).collect()
}

/// The parameters of a step's key and its claim, `$1` to `$7`, and what follows them.
pub(crate) fn of_claim<'a, const N: usize>(claimed: &'a Claimed, more: [Param<'a>; N]) -> Vec<Param<'a>> {
    of_step(&claimed.key, [int(claimed.attempt)]).into_iter().chain(more).collect()
}
