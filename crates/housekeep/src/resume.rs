//! Steps that waited for a time that has come.

use stage::queues::Queues;
use store::waiting::Resumed;

use crate::first_error::FirstError;
use crate::requeue::{BATCH, Requeued, put_back_error, queue_error};
use crate::{Context, Error};

/// What could not be queued waits and is due; the first error is returned after everything was tried.
pub(crate) async fn resume<Q: Queues>(context: &Context<Q>, report: &mut Requeued) -> Result<(), Error> {
    loop {
        let due = context.store.take_due_waiting_steps(BATCH).await.map_err(Error::FindDue)?;
        let mut errors = FirstError::default();
        for resumed in &due {
            match send(context, resumed).await {
                Ok(()) => report.resumed += 1,
                Err(error) => {
                    errors.note(Err(error));
                    let back = context.store.put_back_waiting(resumed).await;
                    errors.note(back.map_err(|source| put_back_error(&resumed.claimed, source)));
                }
            }
        }
        errors.into_result()?;
        if due.len() < BATCH as usize {
            return Ok(());
        }
    }
}

async fn send<Q: Queues>(context: &Context<Q>, resumed: &Resumed) -> Result<(), Error> {
    let key = &resumed.claimed.key;
    let queue = context.step_queues.of(&key.step);
    let sent = context.queues.send(&queue.url, &key.tenant_id, &resumed.message).await;
    sent.map_err(|source| queue_error(&resumed.claimed.key, source))
}
