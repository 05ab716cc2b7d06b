//! The token endpoint.

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::Utc;
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::faults::basic;
use crate::rest::{Problem, header, respond};

use super::org::{Org, Settings};
use super::{Orgs, World, error, id};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Seconds an assertion may be good for.
const LONGEST_ASSERTION: i64 = 300;

/// The form of the token endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Login {
    grant_type: String,
    client_id: String,
    client_secret: String,
    assertion: String,
}

/// The claims of an assertion.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Claims {
    /// The consumer key.
    iss: String,
    /// The user.
    sub: String,
    aud: String,
    /// Some clients write the number as a string.
    exp: Value,
}

/// `POST /services/oauth2/token`: client credentials or a signed assertion.
pub(crate) async fn token(State(world): State<World>, headers: HeaderMap, Form(login): Form<Login>) -> Response {
    let here = format!("http://{}", header(&headers, "host"));
    let mut orgs = world.lock();
    let granted = match login.grant_type.as_str() {
        "client_credentials" => by_secret(&mut orgs, &headers, login),
        JWT_BEARER => by_assertion(&mut orgs, &login.assertion),
        _ => Err(error::oauth("unsupported_grant_type", "grant type not supported")),
    };
    respond(granted.map(|(key, org)| (StatusCode::OK, issue(org, &key, &here))))
}

type Granted<'a> = Result<(String, &'a mut Org), Problem>;

fn unknown_client() -> Problem {
    error::oauth("invalid_client_id", "client identifier invalid")
}

fn invalid_grant(why: &str) -> Problem {
    error::oauth("invalid_grant", why)
}

/// The key and secret, from the header or the form, are those of an org.
fn by_secret<'a>(orgs: &'a mut Orgs, headers: &HeaderMap, login: Login) -> Granted<'a> {
    let (key, secret) = basic(headers).unwrap_or((login.client_id, login.client_secret));
    let org = orgs.of_key(&key).ok_or_else(unknown_client)?;
    if secret.is_empty() || org.settings.secret.as_ref().is_some_and(|wanted| *wanted != secret) {
        return Err(error::oauth("invalid_client", "invalid client credentials"));
    }
    Ok((key, org))
}

/// The claimed issuer's org knows the key that the assertion was signed with.
fn by_assertion<'a>(orgs: &'a mut Orgs, assertion: &str) -> Granted<'a> {
    let claimed = insecure_decode::<Claims>(assertion).map_err(|_| invalid_grant("invalid assertion"))?.claims;
    let org = orgs.of_key(&claimed.iss).ok_or_else(unknown_client)?;
    verify(org, assertion)?;
    Ok((claimed.iss, org))
}

/// Takes settings whose public key, if any, can be read.
pub(crate) fn checked(settings: Settings) -> Result<Settings, String> {
    match settings.public_key.as_deref().map(verifier) {
        Some(Err(error)) => Err(format!("the public key can't be read: {error}")),
        _ => Ok(settings),
    }
}

/// Takes keys and certificates in PEM.
fn verifier(pem: &str) -> jsonwebtoken::errors::Result<DecodingKey> {
    DecodingKey::from_rsa_pem(pem.as_bytes())
}

fn verify(org: &Org, assertion: &str) -> Result<(), Problem> {
    let settings = &org.settings;
    // Only the signature; the claims are judged in Salesforce's words.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let verifier = settings.public_key.as_deref().and_then(|pem| verifier(pem).ok());
    let token = verifier.and_then(|key| decode::<Claims>(assertion, &key, &validation).ok());
    let Claims { sub, aud, exp, .. } = token.ok_or_else(|| invalid_grant("invalid assertion"))?.claims;

    let audience = if settings.sandbox { "https://test.salesforce.com" } else { "https://login.salesforce.com" };
    let expires = exp.as_i64().or_else(|| exp.as_str()?.parse().ok());
    let seconds = expires.map_or(i64::MAX, |expires| expires - Utc::now().timestamp());
    let refusal = if aud != audience {
        "audience is invalid"
    } else if seconds <= 0 {
        "expired authorization code"
    } else if seconds > LONGEST_ASSERTION {
        "invalid assertion"
    } else if sub.is_empty() || settings.username.as_ref().is_some_and(|wanted| *wanted != sub) {
        "user hasn't approved this consumer"
    } else {
        return Ok(());
    };
    Err(invalid_grant(refusal))
}

fn issue(org: &mut Org, key: &str, here: &str) -> Value {
    let instance = org.settings.instance_url.clone().unwrap_or_else(|| here.to_owned());
    let user = id::record_id("005", 0, 1);
    json!({
        "access_token": org.new_token(key), "instance_url": instance, "id": format!("{instance}/id/{}/{user}", org.id()),
        "token_type": "Bearer", "scope": "api", "issued_at": Utc::now().timestamp_millis().to_string(),
        "signature": BASE64_STANDARD.encode([Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat()),
    })
}
