use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{encoding, rand};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use serde_json::{Value, json};

use super::{Org, log_in, start};

const LOGIN: &str = "https://login.salesforce.com";

/// Signs assertions.
struct Signer(KeyPair);

impl Signer {
    fn new() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn public_pem(&self) -> String {
        let der: encoding::PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(der.as_ref()))
    }

    fn sign(&self, claims: &Value) -> String {
        let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &rand::SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

fn claims(key: &str, audience: &str, seconds: i64) -> Value {
    json!({"iss": key, "sub": "sync@example.com", "aud": audience, "exp": Utc::now().timestamp() + seconds})
}

async fn assert_to(org: &Org<'_>, assertion: &str) -> (u16, Value) {
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
    log_in(org.fake, &form, None).await
}

#[tokio::test]
async fn client_credentials_are_taken_from_the_header_or_the_form() {
    let fake = start().await;
    let (status, answer) = log_in(&fake, &[("grant_type", "client_credentials")], Some("3MVG1")).await;
    assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")));
    assert_eq!(answer["instance_url"], fake.base_url);
    assert!(answer["id"].as_str().unwrap().starts_with(&format!("{}/id/00D", fake.base_url)));
    assert!(answer["issued_at"].as_str().unwrap().parse::<i64>().is_ok() && answer["signature"].is_string());

    let form = [("grant_type", "client_credentials"), ("client_id", "3MVG1"), ("client_secret", "s")];
    assert_eq!(log_in(&fake, &form, None).await.0, 200);
    let org = Org::open(&fake, "3MVG1").await;
    assert_eq!(org.state().await["tokens_issued"], 3);
}

#[tokio::test]
async fn a_wrong_client_secret_or_grant_is_refused_by_name() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.set(json!({"secret": "another"})).await;
    for (grant, key, error) in [
        ("client_credentials", Some("3MVG1"), "invalid_client"),
        ("client_credentials", Some("0MVG1"), "invalid_client_id"),
        ("client_credentials", None, "invalid_client_id"),
        ("refresh_token", Some("3MVG1"), "unsupported_grant_type"),
        ("password", Some("3MVG1"), "unsupported_grant_type"),
    ] {
        let (status, answer) = log_in(&fake, &[("grant_type", grant)], key).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(error)), "{grant} {key:?}");
        assert!(answer["error_description"].is_string());
    }
    org.set(json!({"secret": "secret"})).await;
    assert_eq!(log_in(&fake, &[("grant_type", "client_credentials")], Some("3MVG1")).await.0, 200);
}

#[tokio::test]
async fn an_assertion_is_good_when_its_key_is_known_and_every_claim_is_right() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let (signer, stranger) = (Signer::new(), Signer::new());
    let good = claims(org.key, LOGIN, 200);
    assert_eq!(assert_to(&org, &signer.sign(&good)).await.1["error_description"], "invalid assertion");
    org.set(json!({"public_key": signer.public_pem(), "username": "sync@example.com"})).await;
    let (status, answer) = assert_to(&org, &signer.sign(&good)).await;
    assert_eq!((status, &answer["instance_url"]), (200, &json!(fake.base_url)));
    let mut text = good.clone();
    text["exp"] = json!(good["exp"].to_string());
    assert_eq!(assert_to(&org, &signer.sign(&text)).await.0, 200);

    let mut somebody = good.clone();
    somebody["sub"] = json!("else@example.com");
    for (assertion, why) in [
        (stranger.sign(&good), "invalid assertion"),
        ("a.b.c".to_owned(), "invalid assertion"),
        (signer.sign(&claims(org.key, "https://test.salesforce.com", 200)), "audience is invalid"),
        (signer.sign(&claims(org.key, LOGIN, -1)), "expired authorization code"),
        (signer.sign(&claims(org.key, LOGIN, 400)), "invalid assertion"),
        (signer.sign(&somebody), "user hasn't approved this consumer"),
    ] {
        let (status, answer) = assert_to(&org, &assertion).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")), "{why}");
        assert_eq!(answer["error_description"], why);
    }
    let (status, answer) = assert_to(&org, &signer.sign(&claims("0MVG", LOGIN, 200))).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_client_id")));
}

#[tokio::test]
async fn a_sandbox_has_another_audience_and_an_org_may_be_elsewhere() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let signer = Signer::new();
    let elsewhere = "https://evil.example.com";
    org.set(json!({"public_key": signer.public_pem(), "sandbox": true, "instance_url": elsewhere})).await;
    assert_eq!(assert_to(&org, &signer.sign(&claims(org.key, LOGIN, 200))).await.0, 400);
    let (status, answer) = assert_to(&org, &signer.sign(&claims(org.key, "https://test.salesforce.com", 200))).await;
    assert_eq!((status, &answer["instance_url"]), (200, &json!(elsewhere)));
    org.set(json!({"instance_url": null})).await;
    let (_, answer) = log_in(&fake, &[("grant_type", "client_credentials")], Some(org.key)).await;
    assert_eq!(answer["instance_url"], fake.base_url);
}

#[tokio::test]
async fn a_fault_can_be_met_by_one_clients_login_alone() {
    let fake = start().await;
    fake.control.fault(json!({"match": "oauth2/token 3MVG1", "status": 503})).await.unwrap();
    let form = [("grant_type", "client_credentials")];
    assert_eq!(log_in(&fake, &form, Some("3MVG2")).await.0, 200);
    assert_eq!(log_in(&fake, &form, Some("3MVG1")).await.0, 503);
}
