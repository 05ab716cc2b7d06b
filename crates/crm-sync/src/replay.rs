//! Syncs that failed are asked for again, as if their messages came back from the dead-letter queue; webhooks are told once
//! more what they were told.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::id::SessionId;
use domain::integration::{Integration, IntegrationConfig, IntegrationState};
use stage::queues::Queues;
use store::Store;
use store::failures::{FailedStep, FailedSteps};
use store::replays::ReplayRange;
use uuid::Uuid;

use crate::task::{Replayed, TaskError};

/// Messages that one call sends, at most.
const MOST: u32 = 1000;
/// Steps read at a time.
const BATCH: u32 = 100;
/// What is left of an invocation when it sends nothing more: one statement that is cancelled, and the answer.
const RESERVE: Duration = Duration::from_secs(8);

/// What is to be sent again.
pub(crate) struct Wanted<'a> {
    pub(crate) integration: &'a Integration,
    pub(crate) session_id: Option<SessionId>,
    pub(crate) from: Option<DateTime<Utc>>,
    pub(crate) to: Option<DateTime<Utc>>,
    pub(crate) failed_only: bool,
    pub(crate) after: Option<SessionId>,
}

/// In the order of the sessions' ids, so that the next call goes on where this one ends. A step is open again once its message
/// is received; until then it counts as failed, and a call that is repeated sends it once more, which changes nothing.
pub(crate) async fn replay<Q: Queues>(
    store: &Store,
    queues: &Q,
    queue_url: &str,
    wanted: Wanted<'_>,
    deadline: Instant,
) -> Result<Replayed, TaskError> {
    let Integration { tenant_id, integration_id, state, config, .. } = wanted.integration;
    if *state != IntegrationState::On {
        return Err(TaskError::NotOn(integration_id.clone()));
    }
    // A CRM holds what was synced; only a webhook's receiver may want to be told again.
    if matches!(config, IntegrationConfig::Webhook(_)) && !wanted.failed_only {
        return tell_again(store, queues, queue_url, wanted, deadline).await;
    }
    let range = match (&wanted.session_id, wanted.from, wanted.to) {
        (Some(session), None, None) => FailedSteps::Session(session),
        (None, Some(from), Some(to)) if from < to => FailedSteps::Between { from, to },
        _ => return Err(TaskError::Range),
    };
    let (mut replayed, mut after) = (0, wanted.after);
    loop {
        let found = store.failed_steps_of(tenant_id, integration_id, range, after.as_ref(), BATCH.into()).await;
        let found = found.map_err(TaskError::Store)?;
        let (sessions, is_last) = whole_sessions(&found);
        for FailedStep { message, code, .. } in sessions {
            queues.replay(queue_url, tenant_id, message, code).await.map_err(TaskError::Queue)?;
            replayed += 1;
        }
        if let Some(last) = sessions.last() {
            after = Some(last.session_id.clone());
        }
        let has_time = deadline.saturating_duration_since(Instant::now()) >= RESERVE;
        if is_last || replayed + BATCH > MOST || !has_time {
            tracing::info!(tenant.id = %tenant_id, integration.id = %integration_id, replayed, is_last, "replayed syncs");
            return Ok(Replayed { replayed, next: after.filter(|_| !is_last) });
        }
    }
}

/// A step that could not be queued is planned, and queued by `housekeep` when it is overdue.
async fn tell_again<Q: Queues>(
    store: &Store,
    queues: &Q,
    queue_url: &str,
    wanted: Wanted<'_>,
    deadline: Instant,
) -> Result<Replayed, TaskError> {
    let Integration { tenant_id, integration_id, .. } = wanted.integration;
    let mut range = match (wanted.session_id, wanted.from, wanted.to) {
        (Some(session), None, None) => ReplayRange::Session(session),
        (None, Some(from), Some(to)) if from < to => ReplayRange::Between { from, to, after: wanted.after },
        _ => return Err(TaskError::Range),
    };
    let (replay, mut replayed) = (Uuid::now_v7(), 0);
    loop {
        let planned = store.plan_replays(tenant_id, integration_id, replay, &range, BATCH.into()).await;
        let planned = planned.map_err(TaskError::Store)?;
        for step in &planned {
            queues.send(queue_url, tenant_id, &step.message).await.map_err(TaskError::Queue)?;
            replayed += 1;
        }
        let last = planned.last().filter(|_| planned.len() >= BATCH as usize).map(|step| step.session_id.clone());
        let has_time = deadline.saturating_duration_since(Instant::now()) >= RESERVE;
        let (ReplayRange::Between { after, .. }, Some(last)) = (&mut range, last) else {
            tracing::info!(tenant.id = %tenant_id, integration.id = %integration_id, replayed, "told a webhook once more");
            return Ok(Replayed { replayed, next: None });
        };
        if replayed + BATCH > MOST || !has_time {
            return Ok(Replayed { replayed, next: Some(last) });
        }
        *after = Some(last);
    }
}

/// Of a full batch, the sessions whose steps are surely all in it: the next one begins after the last of them.
fn whole_sessions(found: &[FailedStep]) -> (&[FailedStep], bool) {
    let Some(last) = found.last().filter(|_| found.len() >= BATCH as usize) else { return (found, true) };
    let whole = found.partition_point(|step| step.session_id != last.session_id);
    // No session has as many versions that failed.
    (if whole == 0 { found } else { &found[..whole] }, false)
}
