use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use ingest::{Config, Context};
use lambda_runtime::{LambdaEvent, service_fn};
use stage::Env;
use stage::queues::Sqs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let env = Env::from_process();
    stage::telemetry::init(&env);
    let config = Config::from_env(&env)?;
    let aws = stage::sdk_config(&env)?;
    let store = stage::connect(&config.store).await?;
    let context = Context::new(config, store, Sqs::new(&aws));
    lambda_runtime::run(service_fn(|event: LambdaEvent<ApiGatewayProxyRequest>| async {
        Ok::<_, lambda_runtime::Error>(ingest::handle(&context, event.payload).await)
    }))
    .await
}
