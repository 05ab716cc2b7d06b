//! Sends the messages of steps again whose wait is over, or that were lost: between the database and the queue, or in
//! crashes that used up their deliveries.

use std::time::Instant;

use domain::step::Code;
use stage::error_chain;
use stage::queues::{Queues, Routes};
use store::steps::{Ending, TakenStep};

use crate::first_error::FirstError;
use crate::pace::{self, RESERVE};
use crate::{Context, Error, RequeueReport};

/// Steps taken at a time.
const BATCH: i64 = 100;
/// Times that a step which is claimed each time is queued again; when it is overdue once more, it fails. A step that was
/// never claimed is never given up: its queue is long, or paused.
const MAX_REQUEUES: i32 = 3;

/// The step was queued again and again, and no delivery ended it.
const LOST: Code = Code::new("lost");

/// Requeues lost steps and resumes waiting steps, the second also if the first fails; returns the first error. A step
/// whose message was not sent, because of an error or for want of time, is put back: as overdue, or as due, as before.
pub(crate) async fn requeue<Q: Queues>(context: &Context<Q>, deadline: Instant) -> Result<RequeueReport, Error> {
    let (mut report, mut errors) = (RequeueReport::default(), FirstError::default());
    let (store, overdue_by) = (&context.store, context.lost_after);
    let has_time = || pace::remaining(deadline) >= RESERVE;
    let lost = in_batches(
        has_time,
        async || store.take_overdue_steps(overdue_by, BATCH).await,
        async |lost| requeue_one(context, lost, &mut report).await,
        async |lost| store.put_back_overdue(&lost.claimed, overdue_by).await,
    );
    let lost = errors.value(lost.await);
    let due = in_batches(
        has_time,
        async || store.take_due_waiting_steps(BATCH).await,
        async |due| {
            context.send(&due.claimed.key, &due.message).await?;
            report.resumed += 1;
            Ok(())
        },
        async |due| store.put_back_waiting(&due.claimed).await,
    );
    report.complete = [lost, errors.value(due.await)] == [Some(true); 2];
    let RequeueReport { requeued, failed, resumed, complete } = report;
    tracing::info!(requeued, failed, resumed, complete, "lost and waiting steps examined");
    errors.into_result().map(|()| report)
}

/// Takes steps until there are no more, until a batch had an error, or until the time is over; returns whether there are
/// no more, or the first error of the batch.
async fn in_batches<T>(
    has_time: impl Fn() -> bool,
    take: impl AsyncFn() -> Result<Vec<T>, store::Error>,
    mut act: impl AsyncFnMut(&T) -> Result<(), Error>,
    put_back: impl AsyncFn(&T) -> Result<(), store::Error>,
) -> Result<bool, Error> {
    while has_time() {
        let taken = take().await?;
        let (mut errors, mut acted) = (FirstError::default(), 0);
        for step in &taken {
            if has_time() && errors.value(act(step).await).is_some() {
                acted += 1;
            } else {
                errors.note(put_back(step).await.map_err(Error::from));
            }
        }
        // The steps that were put back would be taken again at once: the next run goes on.
        errors.into_result()?;
        if acted < BATCH as usize {
            return Ok(acted == taken.len());
        }
    }
    Ok(false)
}

async fn requeue_one<Q: Queues>(
    context: &Context<Q>,
    lost: &TakenStep,
    report: &mut RequeueReport,
) -> Result<(), Error> {
    let key = &lost.claimed.key;
    if lost.requeues > MAX_REQUEUES {
        give_up(context, lost).await?;
        report.failed += 1;
    } else {
        tracing::warn!(tenant.id = %key.tenant_id, session.id = %key.session_id, step = %key.step, "lost step requeued");
        context.send(key, &lost.message).await?;
        report.requeued += 1;
    }
    Ok(())
}

async fn give_up<Q: Queues>(context: &Context<Q>, lost: &TakenStep) -> Result<(), Error> {
    let key = &lost.claimed.key;
    let queue = context.step_queues.of(key.step.stage());
    let reason = format!("no delivery ended the step, although it was queued again {MAX_REQUEUES} times");
    // Dead-lettered before it fails, as in a stage: a crash between the two leaves a copy, never a loss.
    let sent = context.queues.dead_letter(&queue.dead_letter_url, &lost.message, LOST, &reason).await;
    sent.map_err(|source| Error::Queue { key: Box::new(key.clone()), source })?;
    tracing::error!(tenant.id = %key.tenant_id, session.id = %key.session_id, step = %key.step, "lost step given up");
    // A delivery that has claimed the step since then decides about it.
    if context.store.finish_step(&lost.claimed, Ending::Failed(LOST)).await?.is_some() {
        stage::metrics::step_failed(key, LOST);
        let events = Routes { notify: None, crm_sync: context.step_queues.crm_sync.url.clone() };
        if let Err(error) = events.pass_on(&context.store, &context.queues, &key.tenant_id, &key.session_id).await {
            // The next run finds the steps of the events as lost.
            tracing::warn!(error = error_chain(&error), "events of lost step not queued");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[tokio::test]
    async fn a_run_whose_time_ends_within_a_batch_puts_the_rest_back_and_takes_no_further_one() {
        let (sent, back, batches) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()), Cell::new(0));
        let run = in_batches(
            || sent.borrow().len() < 2,
            async || {
                batches.set(batches.get() + 1);
                Ok((0..BATCH).collect())
            },
            async |step: &i64| {
                sent.borrow_mut().push(*step);
                Ok(())
            },
            async |step| {
                back.borrow_mut().push(*step);
                Ok(())
            },
        );
        assert!(!run.await.unwrap(), "there are more");
        assert_eq!((sent.take(), back.take(), batches.get()), (vec![0, 1], (2..BATCH).collect(), 1));
    }
}
