//! The HTTP client of the AWS SDK.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::{ReconnectMode, RetryConfig};
use reqwest::{Body, Client, Request};

use crate::{SetupError, client};

/// Time for name resolution, TCP and TLS; a small function needs most of a second for its first handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest idle time of a connection that is used again.
///
/// AWS may have closed an older one while the sandbox was frozen: a mail written to it would have an unknown outcome.
const MAX_IDLE: Duration = Duration::from_secs(3);

/// Makes the retries of a client of the AWS SDK: a request is sent up to `attempts` times.
///
/// The SDK can leave a connection out only if its connector names connections, which this one does not: it would log an
/// error of its own with each answer that says so.
pub fn retries(attempts: u32) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(attempts).with_reconnect_mode(ReconnectMode::ReuseAllConnections)
}

/// Sends the requests of AWS clients over one pool of connections, whatever their time-outs.
#[derive(Debug, Clone)]
pub struct AwsHttpClient(Client);

impl AwsHttpClient {
    /// Makes a client with a pool of its own.
    pub fn new() -> Result<Self, SetupError> {
        let builder = client()?.connect_timeout(CONNECT_TIMEOUT).pool_idle_timeout(MAX_IDLE);
        builder.build().map(Self).map_err(SetupError::Client)
    }
}

impl HttpClient for AwsHttpClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { client: self.0.clone(), timeout: settings.read_timeout() })
    }
}

/// The client with the time-out of one request.
#[derive(Debug)]
struct Connector {
    client: Client,
    timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, timeout) = (self.client.clone(), self.timeout);
        HttpConnectorFuture::new(async move {
            let mut request = converted(request)?;
            *request.timeout_mut() = timeout;
            let response = client.execute(request).await.map_err(failed)?;
            let response = http::Response::<Body>::from(response).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn converted(request: HttpRequest) -> Result<Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    Request::try_from(request.map(Body::wrap)).map_err(|error| ConnectorError::user(error.into()))
}

/// The SDK retries both kinds.
fn failed(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) }
}
