//! Sends the messages of steps whose wait is over.

use stage::queues::Queues;

use crate::first_error::FirstError;
use crate::requeue::BATCH;
use crate::{Context, Error, RequeueReport};

/// Resumes every step that is due, also after an error; returns the first error. A step whose message was not sent
/// waits on, and is due.
pub(crate) async fn resume<Q: Queues>(context: &Context<Q>, report: &mut RequeueReport) -> Result<(), Error> {
    loop {
        let due = context.store.take_due_waiting_steps(BATCH).await?;
        let mut errors = FirstError::default();
        for resumed in &due {
            match context.send(&resumed.claimed.key, &resumed.message).await {
                Ok(()) => report.resumed += 1,
                Err(error) => {
                    errors.note(Err(error));
                    errors.note(context.store.put_back_waiting(resumed).await.map_err(Error::from));
                }
            }
        }
        errors.into_result()?;
        if due.len() < BATCH as usize {
            return Ok(());
        }
    }
}
