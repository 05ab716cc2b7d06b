use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use stage::Env;
use stage::batch::handle_batch;
use stage::queues::Sqs;
use track_delivery::{Config, Context};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let env = Env::from_process();
    stage::telemetry::init(&env);
    let config = Config::from_env(&env)?;
    let queues = Sqs::new(&stage::sdk_config(&env)?);
    let store = stage::connect(&config.store).await?;
    let Config { stage, follow_ups, .. } = config;
    let context = &Context { store, queues, follow_ups, backoff: stage.backoff };
    let queue = &stage.queue;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        Ok::<_, lambda_runtime::Error>(handle_batch(queue, &context.queues, context, event).await)
    }))
    .await
}
