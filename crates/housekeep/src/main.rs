use housekeep::{Config, Context, Task};
use lambda_runtime::{LambdaEvent, service_fn};
use stage::Env;
use stage::queues::Sqs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let env = Env::from_process();
    stage::telemetry::init(&env);
    let config = Config::from_env(&env)?;
    let queues = Sqs::new(&stage::sdk_config(&env)?);
    let store = stage::connect(&config.store).await?;
    let context = &Context::new(config, store, queues);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Task>| async move {
        housekeep::handle(context, event.payload).await.map_err(|error| {
            tracing::error!(error = stage::error_chain(&error), "a task failed");
            lambda_runtime::Error::from(error)
        })
    }))
    .await
}
