//! The token endpoint.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::Utc;
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::faults::basic;

use super::error::Problem;
use super::id;
use super::org::Org;
use super::{Orgs, World};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Seconds an assertion may be good for.
const LONGEST_ASSERTION: i64 = 300;

type Parameters = BTreeMap<String, String>;

/// `POST /services/oauth2/token`: client credentials or a signed assertion.
pub(crate) async fn token(
    State(world): State<World>,
    headers: HeaderMap,
    Form(parameters): Form<Parameters>,
) -> Response {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    match log_in(&mut world.lock(), &headers, &parameters, &format!("http://{host}")) {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn log_in(orgs: &mut Orgs, headers: &HeaderMap, parameters: &Parameters, here: &str) -> Result<Value, Problem> {
    let parameter = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    match parameter("grant_type") {
        "client_credentials" => {
            let (key, org) = client(orgs, headers, parameters)?;
            Ok(issue(org, &key, here))
        }
        JWT_BEARER => {
            let assertion = parameter("assertion");
            let key = issuer(assertion).ok_or_else(invalid_assertion)?;
            let org = orgs.of_key(&key).ok_or_else(unknown_client)?;
            verify(org, assertion)?;
            Ok(issue(org, &key, here))
        }
        _ => Err(Problem::oauth("unsupported_grant_type", "grant type not supported")),
    }
}

fn unknown_client() -> Problem {
    Problem::oauth("invalid_client_id", "client identifier invalid")
}

fn invalid_assertion() -> Problem {
    Problem::oauth("invalid_grant", "invalid assertion")
}

/// The key and secret, from the header or the form, are those of an org.
fn client<'a>(
    orgs: &'a mut Orgs,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<(String, &'a mut Org), Problem> {
    let given = |name: &str| parameters.get(name).cloned().unwrap_or_default();
    let (key, secret) = basic(headers).unwrap_or_else(|| (given("client_id"), given("client_secret")));
    let org = orgs.of_key(&key).ok_or_else(unknown_client)?;
    let right = org.settings.secret.as_ref().is_none_or(|wanted| *wanted == secret);
    if secret.is_empty() || !right {
        return Err(Problem::oauth("invalid_client", "invalid client credentials"));
    }
    Ok((key, org))
}

/// The claimed issuer of an assertion; nothing is verified yet.
fn issuer(assertion: &str) -> Option<String> {
    let claims = insecure_decode::<Value>(assertion).ok()?.claims;
    Some(claims.get("iss")?.as_str()?.to_owned())
}

/// Takes keys and certificates in PEM.
pub(crate) fn verifier(pem: &str) -> Result<DecodingKey, String> {
    DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| format!("the public key can't be read: {error}"))
}

fn verify(org: &Org, assertion: &str) -> Result<(), Problem> {
    let verifier = org.settings.public_key.as_deref().and_then(|pem| verifier(pem).ok());
    // Only the signature; the claims are judged in Salesforce's words.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = verifier.and_then(|key| decode::<Value>(assertion, &key, &validation).ok());
    let claims = claims.ok_or_else(invalid_assertion)?.claims;

    let audience = if org.settings.sandbox { "https://test.salesforce.com" } else { "https://login.salesforce.com" };
    if claims.get("aud").is_none_or(|given| given != audience) {
        return Err(Problem::oauth("invalid_grant", "audience is invalid"));
    }
    let expires = claims.get("exp").and_then(seconds).ok_or_else(invalid_assertion)?;
    let now = Utc::now().timestamp();
    if expires <= now {
        return Err(Problem::oauth("invalid_grant", "expired authorization code"));
    }
    if expires > now + LONGEST_ASSERTION {
        return Err(invalid_assertion());
    }
    let user = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if user.is_empty() || org.settings.username.as_ref().is_some_and(|wanted| wanted != user) {
        return Err(Problem::oauth("invalid_grant", "user hasn't approved this consumer"));
    }
    Ok(())
}

/// Some clients write the number as a string.
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
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
