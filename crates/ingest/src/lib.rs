#![doc = include_str!("../README.md")]

mod completed;
mod error;
mod notification;
mod problem;
mod route;
mod unsubscribe;

use std::time::Duration;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use chrono::Utc;
use domain::standard_webhooks::SigningKeys;
use domain::unsubscribe::LinkSecrets;
use stage::queues::Queues;
use stage::{Clock, ConfigError, Env};
use store::Store;

use route::{Route, route};

pub use error::{Error, FieldError, MAX_BODY_BYTES};
pub use notification::Notification;

/// An invocation handles one request.
const CONNECTIONS: usize = 1;

/// The function's configuration.
pub struct Config {
    pub store: store::Config,
    pub analyze_queue_url: String,
    pub signing_keys: SigningKeys,
    /// Longest time between a notification's time stamp and now.
    pub signature_tolerance: Duration,
    pub link_secrets: LinkSecrets,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            store: stage::config::store(env, CONNECTIONS)?,
            analyze_queue_url: env.text("ANALYZE_QUEUE_URL")?,
            signing_keys: env.parsed_by("SIGNING_SECRETS", SigningKeys::parse)?,
            signature_tolerance: env.seconds("SIGNATURE_TOLERANCE_SECONDS")?,
            link_secrets: env.parsed_by("LINK_SECRETS", LinkSecrets::new)?,
        })
    }
}

/// Collaborators of the handler.
pub struct Context<Q> {
    pub store: Store,
    pub queues: Q,
    pub analyze_queue_url: String,
    pub signing_keys: SigningKeys,
    pub signature_tolerance: Duration,
    pub link_secrets: LinkSecrets,
    pub clock: Clock,
}

impl<Q: Queues> Context<Q> {
    pub fn new(config: Config, store: Store, queues: Q) -> Self {
        let Config { analyze_queue_url, signing_keys, signature_tolerance, link_secrets, .. } = config;
        Self { store, queues, analyze_queue_url, signing_keys, signature_tolerance, link_secrets, clock: Utc::now }
    }
}

/// Answers one request; every error becomes an answer too.
pub async fn handle<Q: Queues>(context: &Context<Q>, request: ApiGatewayProxyRequest) -> ApiGatewayProxyResponse {
    match route(&request) {
        Route::SessionCompleted => completed::answer(context, &request).await,
        Route::Unsubscribe { token } => unsubscribe::answer(context, &request, token).await,
        Route::Unknown => problem::response(&Error::UnknownPath),
    }
}
