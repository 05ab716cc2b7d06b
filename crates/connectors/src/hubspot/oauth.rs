//! The access tokens of an app that was installed into a HubSpot account.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::integration::HubspotConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{HubSpot, error_answer};
use crate::access::{Granted, SignIn, SignInError};
use crate::call::CallError;
use crate::http::{self, Exchange};
use crate::reason::Reason;
use crate::rest::REQUEST_TIMEOUT;

const OPERATION: &str = "renew the access token";
/// Bytes; a token has some hundred.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// HubSpot's token endpoint.
pub struct OAuth<'a> {
    pub hubspot: &'a HubSpot,
    pub config: &'a HubspotConfig,
    /// When the invocation ends.
    pub deadline: Instant,
    pub now: DateTime<Utc>,
}

/// Content of the integration's secret.
#[derive(Deserialize)]
struct Credentials {
    client_id: String,
    client_secret: SecretString,
    refresh_token: SecretString,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    /// Seconds.
    expires_in: u64,
}

/// Whether a secret holds what an app that was installed needs.
pub fn is_secret(secret: &SecretString) -> bool {
    serde_json::from_str::<Credentials>(secret.expose_secret()).is_ok()
}

impl SignIn for OAuth<'_> {
    async fn sign_in(&self, secret: &SecretString) -> Result<Granted, SignInError> {
        let credentials: Credentials = serde_json::from_str(secret.expose_secret()).map_err(|_| SignInError::Secret)?;
        self.renew(&credentials).await.map_err(SignInError::Call)
    }
}

impl OAuth<'_> {
    async fn renew(&self, credentials: &Credentials) -> Result<Granted, CallError> {
        let exchange = Exchange::begin(OPERATION, REQUEST_TIMEOUT, self.deadline, MAX_ANSWER_BYTES)?;
        let HubSpot { http, base_url } = self.hubspot;
        let url = format!("{base_url}/oauth/{}/token", http::segment(self.config.api_version.as_ref()));
        let form = http::form(&[
            ("grant_type", "refresh_token"),
            ("client_id", &credentials.client_id),
            ("client_secret", credentials.client_secret.expose_secret()),
            ("refresh_token", credentials.refresh_token.expose_secret()),
        ]);
        let request = http.post(url).header(reqwest::header::CONTENT_TYPE, http::FORM).body(form);
        let http::HttpAnswer { status, headers, body } = exchange.send(request).await?;
        if !status.is_success() {
            let mut answer = error_answer::read(status, &headers, &body, self.now);
            // A refresh token or a client that is not valid.
            if matches!(status.as_u16(), 400 | 403) {
                answer.reason = Reason::Unauthorized;
            }
            return Err(CallError::Refused { operation: OPERATION, answer });
        }
        let answer: TokenAnswer = exchange.parsed(&body)?;
        Ok(Granted { token: answer.access_token, lifetime: Duration::from_secs(answer.expires_in), url: None })
    }
}
