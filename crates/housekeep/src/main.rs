use housekeep::{Config, Context};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use stage::Env;
use stage::batch::deadline;
use stage::queues::Sqs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let env = Env::from_process();
    stage::telemetry::init(&env);
    let config = Config::from_env(&env)?;
    let aws = stage::sdk_config(&env)?;
    let store = stage::connect(&config.store).await?;
    let context = &Context::new(config, &aws, store, Sqs::new(&aws))?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        housekeep::invoke(context, event.payload, deadline(&event.context)).await.map_err(|error| {
            tracing::error!(error = error.line(), "task failed");
            Diagnostic::from(error)
        })
    }))
    .await
}
