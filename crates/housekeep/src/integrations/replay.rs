//! Replays: failed syncs run again, as if their messages came back from the dead-letter queue; webhooks get their events
//! again.

use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::id::SessionId;
use domain::integration::{Integration, IntegrationConfig, IntegrationState};
use stage::error_chain;
use stage::queues::Queues;
use store::Store;
use store::failures::FailedStep;
use store::replays::ReplayRange;
use uuid::Uuid;

use super::{IntegrationError, ReplayedSyncs};
use crate::Error;
use crate::pace::RESERVE;

/// Messages that one call sends at most, so that its caller soon gets an answer; a single session may have more.
const MAX_REPLAYED: usize = 1000;
/// Steps read at a time.
const BATCH: usize = 100;

/// Steps to send again.
pub(super) struct ReplayRequest<'a> {
    pub(super) integration: &'a Integration,
    pub(super) session_id: Option<SessionId>,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
    pub(super) failed_only: bool,
    pub(super) after: Option<SessionId>,
}

impl ReplayRequest<'_> {
    fn range(&self) -> Result<ReplayRange, IntegrationError> {
        match (&self.session_id, self.from, self.to) {
            (Some(session), None, None) => Ok(ReplayRange::Session(session.clone())),
            (None, Some(from), Some(to)) if from < to => {
                Ok(ReplayRange::Between { from, to, after: self.after.clone() })
            }
            _ => Err(IntegrationError::Range),
        }
    }
}

/// Sends the messages of an integration's syncs or events again, in the order of the sessions' ids, so that the next
/// call goes on where this one ends. An error after the first session ends the call early; if it lasts, the next call
/// returns it.
pub(super) async fn replay<Q: Queues>(
    store: &Store,
    queues: &Q,
    queue_url: &str,
    wanted: ReplayRequest<'_>,
    deadline: Instant,
) -> Result<ReplayedSyncs, Error> {
    let Integration { tenant_id, integration_id, state, config, .. } = wanted.integration;
    if *state != IntegrationState::On {
        return Err(IntegrationError::NotOn(integration_id.clone()).into());
    }
    let range = wanted.range()?;
    // An invocation with less than twice the reserve keeps its half.
    let reserve = RESERVE.min(deadline.saturating_duration_since(Instant::now()) / 2);
    let ends_at = deadline.checked_sub(reserve).unwrap_or(deadline);
    let mut call =
        ReplayRun { store, queues, queue_url, integration: wanted.integration, ends_at, replayed: 0, reached: None };
    // A CRM holds what was synced; only a webhook's receiver may want its events again.
    let ended = if matches!(config, IntegrationConfig::Webhook(_)) && !wanted.failed_only {
        call.replay_events(range).await
    } else {
        call.replay_syncs(range).await
    };
    let is_complete = match ended {
        Err(error) if call.reached.is_some() => {
            tracing::warn!(error = error_chain(&error), "replay ended early");
            false
        }
        ended => ended?,
    };
    let replayed = call.replayed;
    tracing::info!(tenant.id = %tenant_id, integration.id = %integration_id, replayed, is_complete, "integration replayed");
    Ok(ReplayedSyncs { replayed, next: call.reached.filter(|_| !is_complete) })
}

struct ReplayRun<'a, Q> {
    store: &'a Store,
    queues: &'a Q,
    queue_url: &'a str,
    integration: &'a Integration,
    /// Nothing more is sent after this.
    ends_at: Instant,
    replayed: u32,
    /// The last session all of whose messages are sent.
    reached: Option<SessionId>,
}

impl<Q: Queues> ReplayRun<'_, Q> {
    fn has_time(&self) -> bool {
        Instant::now() < self.ends_at
    }

    fn left(&self) -> usize {
        MAX_REPLAYED.saturating_sub(self.replayed as usize)
    }

    /// Returns whether nothing is left. A step is open again once its message is received; until then it counts as
    /// failed, and a call that is repeated sends it once more, which changes nothing.
    async fn replay_syncs(&mut self, mut range: ReplayRange) -> Result<bool, Error> {
        let Integration { tenant_id, integration_id, .. } = self.integration;
        loop {
            let limit = if matches!(range, ReplayRange::Session(_)) { MAX_REPLAYED } else { BATCH };
            let find = |range, limit| self.store.failed_steps_of(tenant_id, integration_id, range, limit as i64);
            let mut found = find(&range, limit).await?;
            let is_last = limit == MAX_REPLAYED || found.len() < limit;
            if !is_last && !drop_the_last_session(&mut found) {
                // One session fills the batch: all that it has.
                let session = ReplayRange::Session(found[0].session_id.clone());
                found = find(&session, MAX_REPLAYED).await?;
            }
            for steps in found.chunk_by(|one, other| one.session_id == other.session_id) {
                // The first session is sent in any case: a call that sends nothing would never get past it.
                if self.reached.is_some() && (steps.len() > self.left() || !self.has_time()) {
                    return Ok(false);
                }
                for FailedStep { session_id, message, code } in steps {
                    let sent = self.queues.replay(self.queue_url, tenant_id, message, code).await;
                    sent.map_err(IntegrationError::Queue)?;
                    self.replayed += 1;
                    range.go_on_after(session_id);
                }
                self.reached = steps.last().map(|step| step.session_id.clone());
            }
            if is_last {
                return Ok(true);
            }
        }
    }

    /// Returns whether nothing is left. A planned event counts as sent: where time or the queue
    /// fails here, `housekeep` sends the event once it is overdue, and a second plan would send the event twice.
    async fn replay_events(&mut self, mut range: ReplayRange) -> Result<bool, Error> {
        let Integration { tenant_id, integration_id, .. } = self.integration;
        let replay = Uuid::now_v7();
        loop {
            let planned = self.store.plan_replays(tenant_id, integration_id, replay, &range, BATCH as i64).await?;
            let Some(last) = planned.last() else { return Ok(true) };
            for step in &planned {
                if !self.has_time() {
                    break;
                }
                if let Err(error) = self.queues.send(self.queue_url, tenant_id, &step.message).await {
                    tracing::warn!(error = error_chain(&error), "replay message not sent");
                    break;
                }
            }
            self.replayed += u32::try_from(planned.len()).unwrap_or(u32::MAX);
            self.reached = Some(last.session_id.clone());
            if matches!(range, ReplayRange::Session(_)) {
                return Ok(true);
            }
            if self.left() < BATCH || !self.has_time() {
                return Ok(false);
            }
            range.go_on_after(&last.session_id);
        }
    }
}

/// Leaves the last session of a full batch, which may have more steps, for the next batch; `false` if it is the only
/// one.
fn drop_the_last_session(found: &mut Vec<FailedStep>) -> bool {
    let Some(last) = found.last().map(|step| step.session_id.clone()) else { return true };
    let whole = found.partition_point(|step| step.session_id != last);
    if whole > 0 {
        found.truncate(whole);
    }
    whole > 0
}
