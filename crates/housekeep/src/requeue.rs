//! Steps whose message was lost: between the database and the queue, or in crashes that used up its deliveries; and
//! those that have waited long enough.

use domain::step::{Code, StepKey};
use serde::Serialize;
use stage::error_chain;
use stage::queues::Queues;
use store::steps::{Claimed, Ending, Overdue, Unclaimed};

use crate::first_error::FirstError;
use crate::{Context, Error, resume};

/// Steps taken at a time.
pub(crate) const BATCH: i64 = 100;
/// A step that was claimed and overdue this often, and is so once more, will not end by itself. One that nobody claims
/// is never given up: it waits in a long or paused queue.
const MAX_REQUEUES: i32 = 3;

/// The step was queued again and again, and no delivery ended it.
const LOST: Code = Code::new("lost");

/// What became of the steps that were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Requeued {
    /// Messages sent again.
    pub requeued: u32,
    /// Steps given up: failed, with their message in the dead-letter queue.
    pub failed: u32,
    /// Steps that have waited: their messages sent.
    pub resumed: u32,
}

/// Both are tried, whatever becomes of the other; the first error is returned.
pub(crate) async fn requeue<Q: Queues>(context: &Context<Q>) -> Result<Requeued, Error> {
    let (mut report, mut errors) = (Requeued::default(), FirstError::default());
    errors.note(requeue_lost(context, &mut report).await);
    errors.note(resume::resume(context, &mut report).await);
    tracing::info!(report.requeued, report.failed, report.resumed, "looked for steps to queue again");
    errors.into_result().map(|()| report)
}

/// What could not be queued is as overdue as before; the first error is returned after everything was tried.
async fn requeue_lost<Q: Queues>(context: &Context<Q>, report: &mut Requeued) -> Result<(), Error> {
    loop {
        let lost = context.store.take_overdue_steps(context.lost_after, BATCH).await.map_err(Error::Find)?;
        let mut errors = FirstError::default();
        for overdue in &lost {
            if let Err(error) = requeue_one(context, overdue, report).await {
                errors.note(Err(error));
                let back = context.store.put_back_overdue(&overdue.claimed, context.lost_after).await;
                errors.note(back.map_err(|source| put_back_error(&overdue.claimed, source)));
            }
        }
        errors.into_result()?;
        if lost.len() < BATCH as usize {
            return Ok(());
        }
    }
}

async fn requeue_one<Q: Queues>(context: &Context<Q>, overdue: &Overdue, report: &mut Requeued) -> Result<(), Error> {
    if overdue.requeues > MAX_REQUEUES {
        give_up(context, overdue).await?;
        report.failed += 1;
    } else {
        send_again(context, overdue).await?;
        report.requeued += 1;
    }
    Ok(())
}

async fn send_again<Q: Queues>(context: &Context<Q>, overdue: &Overdue) -> Result<(), Error> {
    let key = &overdue.claimed.key;
    let queue = context.step_queues.of(&key.step);
    tracing::warn!(tenant.id = %key.tenant_id, session.id = %key.session_id, step = %key.step, "a step was lost");
    let sent = context.queues.send(&queue.url, &key.tenant_id, &overdue.message).await;
    sent.map_err(|source| queue_error(&overdue.claimed.key, source))
}

/// As in a stage: dead-lettered first, then failed.
async fn give_up<Q: Queues>(context: &Context<Q>, overdue: &Overdue) -> Result<(), Error> {
    let key = &overdue.claimed.key;
    let queue = context.step_queues.of(&key.step);
    let reason = format!("queued again {MAX_REQUEUES} times without an end");
    let sent = context.queues.dead_letter(&queue.dead_letter_url, &overdue.message, LOST, &reason).await;
    sent.map_err(|source| queue_error(&overdue.claimed.key, source))?;
    tracing::error!(tenant.id = %key.tenant_id, session.id = %key.session_id, step = %key.step, "gave a lost step up");
    let finished = context.store.finish_step(&overdue.claimed, Ending::Failed(LOST)).await.map_err(Error::Fail)?;
    if finished.is_some() {
        stage::metrics::step_failed(key, LOST);
        tell(context, key).await;
    }
    Ok(())
}

/// Sends the events that the failure has planned. What cannot be sent is found as lost.
async fn tell<Q: Queues>(context: &Context<Q>, key: &StepKey) {
    let planned = match context.store.unclaimed_steps(&key.tenant_id, &key.session_id, Unclaimed::Events).await {
        Ok(planned) => planned,
        Err(error) => return tracing::warn!(error = error_chain(&error), "could not look for events"),
    };
    for event in planned {
        let queue = context.step_queues.of(&event.step);
        if let Err(error) = context.queues.send(&queue.url, &key.tenant_id, &event.message).await {
            tracing::warn!(error = error_chain(&error), step = %event.step, "could not send an event's message");
        }
    }
}

pub(crate) fn queue_error(key: &StepKey, source: stage::queues::QueueError) -> Error {
    Error::Queue { session_id: key.session_id.to_string(), step: key.step.to_string(), source }
}

pub(crate) fn put_back_error(claimed: &Claimed, source: store::Error) -> Error {
    let key = &claimed.key;
    Error::PutBack { session_id: key.session_id.to_string(), step: key.step.to_string(), source }
}
