//! What the function is invoked with: messages of its queue, or a task of an operator.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use stage::StepRunner;
use stage::batch::deadline;
use stage::queues::Queues;

use crate::task::{self, TaskError, problem};
use crate::{Context, SecretSource, administer};

/// Serves events until Lambda ends the process.
pub async fn serve<S: SecretSource, Q: Queues>(runner: StepRunner<Context<S>, Q>) -> Result<(), lambda_runtime::Error> {
    let runner = &runner;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| invoke(runner, event))).await
}

/// Answers one event: `Records` are messages, anything else is a task. A task that fails is an error of the invocation.
pub async fn invoke<S: SecretSource, Q: Queues>(
    runner: &StepRunner<Context<S>, Q>,
    event: LambdaEvent<Value>,
) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    if payload.get("Records").is_some() {
        let payload = serde_json::from_value(payload);
        let payload = payload.map_err(|error| refused(&TaskError::Records(problem::of(&error))))?;
        return answer(&runner.handle_batch(LambdaEvent { payload, context }).await);
    }
    let task = task::read(payload).map_err(|error| refused(&error))?;
    let queue_url = &runner.config.queue.queue_url;
    // Boxed: with the futures of the tasks inside, the function's is deeper than the compiler follows.
    let done = Box::pin(administer(&runner.stage, &runner.queues, queue_url, task, deadline(&context))).await;
    answer(&done.map_err(|error| refused(&error))?)
}

fn answer(report: &impl Serialize) -> Result<Value, Diagnostic> {
    serde_json::to_value(report).map_err(|error| refused(&TaskError::Answer(error)))
}

fn refused(error: &TaskError) -> Diagnostic {
    let error_message = error.line();
    tracing::error!(error = error_message, "a task failed");
    Diagnostic { error_type: "crm_sync::TaskError".to_owned(), error_message }
}
