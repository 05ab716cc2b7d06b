//! How an integration signs in to its org: as the app itself, or with an assertion that it signs.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::integration::SalesforceConfig;
use domain::integration::salesforce::SalesforceAuth;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::client::Salesforce;
use super::error_answer;
use crate::access::{Granted, SignIn, SignInError};
use crate::call::CallError;
use crate::http::{self, Exchange};
use crate::rest::REQUEST_TIMEOUT;

const OPERATION: &str = "sign in";
/// Bytes; an answer has some hundred.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// The answer does not say how long its token lives: two hours after its last use, unless an org wants a shorter life.
/// A token that has ended before is refused, and renewed.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// Salesforce takes five minutes at most; the rest is for clocks that differ.
const ASSERTION_LIFETIME: TimeDelta = TimeDelta::minutes(3);
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The token endpoint of an org.
pub struct Login<'a> {
    salesforce: &'a Salesforce,
    config: &'a SalesforceConfig,
    origin: String,
    deadline: Instant,
    now: DateTime<Utc>,
}

/// Content of the secret of an integration that signs in as the app.
#[derive(Deserialize)]
struct Client {
    client_id: String,
    client_secret: SecretString,
}

/// Content of the secret of an integration that signs assertions.
#[derive(Deserialize)]
struct Signer {
    client_id: String,
    private_key: SecretString,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

#[derive(Deserialize)]
struct OrgTokenAnswer {
    access_token: SecretString,
    instance_url: String,
}

impl<'a> Login<'a> {
    /// `None` if the configured URL is not Salesforce's.
    pub fn new(
        salesforce: &'a Salesforce,
        config: &'a SalesforceConfig,
        deadline: Instant,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let origin = salesforce.origin(&config.url)?;
        Some(Self { salesforce, config, origin, deadline, now })
    }

    fn request(&self, secret: &SecretString) -> Option<RequestBuilder> {
        let request = self.salesforce.http.post(format!("{}/services/oauth2/token", self.origin));
        let request = request.header(CONTENT_TYPE, http::FORM);
        match &self.config.auth {
            SalesforceAuth::ClientCredentials => {
                let Client { client_id, client_secret } = serde_json::from_str(secret.expose_secret()).ok()?;
                let request = request.basic_auth(client_id, Some(client_secret.expose_secret()));
                Some(request.body(http::form(&[("grant_type", "client_credentials")])))
            }
            SalesforceAuth::JwtBearer { username, audience } => {
                let Signer { client_id, private_key } = serde_json::from_str(secret.expose_secret()).ok()?;
                let key = EncodingKey::from_rsa_pem(private_key.expose_secret().as_bytes()).ok()?;
                let exp = (self.now + ASSERTION_LIFETIME).timestamp();
                let claims = Claims { iss: &client_id, sub: username, aud: audience.url(), exp };
                let assertion = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).ok()?;
                Some(request.body(http::form(&[("grant_type", JWT_BEARER), ("assertion", &assertion)])))
            }
        }
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Granted, CallError> {
        let exchange = Exchange::begin(OPERATION, REQUEST_TIMEOUT, self.deadline, MAX_ANSWER_BYTES)?;
        let http::HttpAnswer { status, headers, body } = exchange.send(request).await?;
        if !status.is_success() {
            let answer = error_answer::of_sign_in(status, &headers, &body, self.now);
            return Err(CallError::Refused { operation: OPERATION, answer });
        }
        let answer: OrgTokenAnswer = exchange.parsed(&body)?;
        // The answer names the host that will get the token, so it must be Salesforce's own.
        let url = self.salesforce.origin(&answer.instance_url);
        let url = url.ok_or(CallError::Unreadable { operation: OPERATION })?;
        Ok(Granted { token: answer.access_token, lifetime: TOKEN_LIFETIME, url: Some(url) })
    }
}

impl SignIn for Login<'_> {
    async fn sign_in(&self, secret: &SecretString) -> Result<Granted, SignInError> {
        self.ask(self.request(secret).ok_or(SignInError::Secret)?).await.map_err(SignInError::Call)
    }

    /// An integration that is saved with another org or user must not go on with the token of the first.
    fn subject(&self) -> String {
        match &self.config.auth {
            SalesforceAuth::ClientCredentials => self.origin.clone(),
            SalesforceAuth::JwtBearer { username, audience } => {
                format!("{} {username} {}", self.origin, audience.url())
            }
        }
    }
}
