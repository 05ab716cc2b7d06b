//! Sends the messages of lost steps again: lost between the database and the queue, or in crashes that used up their
//! deliveries.

use domain::step::{Code, StepKey};
use stage::error_chain;
use stage::queues::Queues;
use store::steps::{Ending, Overdue, Unclaimed};

use crate::first_error::FirstError;
use crate::{Context, Error, RequeueReport, resume};

/// Steps taken at a time.
pub(crate) const BATCH: i64 = 100;
/// Times that a step which is claimed each time is queued again; when it is overdue once more, it fails. A step that was
/// never claimed is never given up: its queue is long, or paused.
const MAX_REQUEUES: i32 = 3;

/// The step was queued again and again, and no delivery ended it.
const LOST: Code = Code::new("lost");

/// Requeues lost steps and resumes waiting steps, the second also if the first fails; returns the first error.
pub(crate) async fn requeue<Q: Queues>(context: &Context<Q>) -> Result<RequeueReport, Error> {
    let (mut report, mut errors) = (RequeueReport::default(), FirstError::default());
    errors.note(requeue_lost(context, &mut report).await);
    errors.note(resume::resume(context, &mut report).await);
    tracing::info!(report.requeued, report.failed, report.resumed, "lost and waiting steps examined");
    errors.into_result().map(|()| report)
}

/// Requeues every lost step, also after an error; returns the first error. A step whose message was not sent is as
/// overdue as before.
async fn requeue_lost<Q: Queues>(context: &Context<Q>, report: &mut RequeueReport) -> Result<(), Error> {
    loop {
        let lost = context.store.take_overdue_steps(context.lost_after, BATCH).await?;
        let mut errors = FirstError::default();
        for overdue in &lost {
            if let Err(error) = requeue_one(context, overdue, report).await {
                errors.note(Err(error));
                let back = context.store.put_back_overdue(&overdue.claimed, context.lost_after).await;
                errors.note(back.map_err(Error::from));
            }
        }
        errors.into_result()?;
        if lost.len() < BATCH as usize {
            return Ok(());
        }
    }
}

async fn requeue_one<Q: Queues>(
    context: &Context<Q>,
    overdue: &Overdue,
    report: &mut RequeueReport,
) -> Result<(), Error> {
    let key = &overdue.claimed.key;
    if overdue.requeues > MAX_REQUEUES {
        give_up(context, overdue).await?;
        report.failed += 1;
    } else {
        tracing::warn!(tenant.id = %key.tenant_id, session.id = %key.session_id, step = %key.step, "lost step requeued");
        context.send(key, &overdue.message).await?;
        report.requeued += 1;
    }
    Ok(())
}

async fn give_up<Q: Queues>(context: &Context<Q>, overdue: &Overdue) -> Result<(), Error> {
    let key = &overdue.claimed.key;
    let queue = context.step_queues.of(&key.step);
    let reason = format!("no delivery ended the step, although it was queued again {MAX_REQUEUES} times");
    // Dead-lettered before it fails, as in a stage: a crash between the two leaves a copy, never a loss.
    let sent = context.queues.dead_letter(&queue.dead_letter_url, &overdue.message, LOST, &reason).await;
    sent.map_err(|source| Error::Queue { key: Box::new(key.clone()), source })?;
    tracing::error!(tenant.id = %key.tenant_id, session.id = %key.session_id, step = %key.step, "lost step given up");
    if context.store.finish_step(&overdue.claimed, Ending::Failed(LOST)).await?.is_some() {
        stage::metrics::step_failed(key, LOST);
        send_events(context, key).await;
    }
    Ok(())
}

/// Sends the events that the failure has planned. If this fails, `requeue` finds their steps as lost.
async fn send_events<Q: Queues>(context: &Context<Q>, key: &StepKey) {
    let planned = match context.store.unclaimed_steps(&key.tenant_id, &key.session_id, Unclaimed::Events).await {
        Ok(planned) => planned,
        Err(error) => return tracing::warn!(error = error_chain(&error), "planned events not found"),
    };
    for event in planned {
        let queue = context.step_queues.of(&event.step);
        if let Err(error) = context.queues.send(&queue.url, &key.tenant_id, &event.message).await {
            tracing::warn!(error = error_chain(&error), step = %event.step, "event message not sent");
        }
    }
}
