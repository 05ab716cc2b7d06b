//! The HTTP client of the AWS SDK.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use reqwest::{Body, Client, Request};

use crate::{SetupError, client};

/// Sends the requests of AWS clients over one pool of connections, whatever their time-outs.
#[derive(Debug, Clone)]
pub struct AwsHttpClient(Client);

impl AwsHttpClient {
    /// Makes a client with a pool of its own.
    ///
    /// `connect_timeout` is for name resolution, TCP and TLS. A connection that was idle for longer than `max_idle` is
    /// not used again.
    pub fn new(connect_timeout: Duration, max_idle: Duration) -> Result<Self, SetupError> {
        let builder = client()?.connect_timeout(connect_timeout).pool_idle_timeout(max_idle);
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
