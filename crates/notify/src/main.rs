use notify::{Config, Context};
use stage::queues::Sqs;
use stage::{Env, StepRunner};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let env = Env::from_process();
    stage::telemetry::init(&env);
    let config = Config::from_env(&env)?;
    let aws = stage::sdk_config(&env)?;
    let store = stage::connect(&config.store).await?;
    let context = Context::new(&config, &aws, store.clone());
    let follow_ups = config.follow_ups;
    let runner = StepRunner { stage: context, store, queues: Sqs::new(&aws), config: config.stage, follow_ups };
    runner.serve().await
}
