//! Requests and their answers, on a real Postgres, with queues in memory.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod notification;
mod unsubscribe;

use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::settings::TenantSettings;
use domain::standard_webhooks::SigningKeys;
use domain::unsubscribe::LinkSecrets;
use ingest::Context;
use stage::testing::MemoryQueues;
use store::Store;
use store::testing::TestDatabase;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const LINK_SECRET: &str = "a-secret-that-signs-the-links";
const NOW: DateTime<Utc> = DateTime::from_timestamp(1_795_341_600, 0).unwrap();

async fn context() -> Context<MemoryQueues> {
    context_on(TestDatabase::create().await.store).await
}

async fn context_on(store: Store) -> Context<MemoryQueues> {
    let acme: TenantId = "acme".parse().unwrap();
    store.save_tenant(&acme, "Acme <Bikes>", &TenantSettings::default()).await.unwrap();
    Context {
        store,
        queues: MemoryQueues::default(),
        analyze_queue_url: "analyze".into(),
        signing_keys: SigningKeys::parse(SECRET).unwrap(),
        signature_tolerance: Duration::from_secs(300),
        link_secrets: LinkSecrets::new(LINK_SECRET).unwrap(),
        clock: || NOW,
    }
}

/// As API Gateway sends it, with a path as the API has it.
fn request(method: &str, resource: &str) -> ApiGatewayProxyRequest {
    let mut request = ApiGatewayProxyRequest::default();
    request.http_method = method.parse().unwrap();
    request.resource = Some(resource.to_owned());
    request
}
