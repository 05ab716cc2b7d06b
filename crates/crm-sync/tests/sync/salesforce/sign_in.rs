//! How the integration signs in, and where.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use stage::{Failure, Outcome, error_chain};

use super::{KEY, Org, credentials};
use crate::world::{WAITS_FOR_ADMIN, ana};

const NAME: &str = "post-session/test/acme/salesforce";

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

/// A private and its public key.
fn keys() -> (String, String) {
    let keys = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = keys.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = keys.public_key().as_der().unwrap();
    (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()))
}

fn signer(private_key: &str) -> String {
    json!({ "client_id": KEY, "private_key": private_key }).to_string()
}

/// An org whose integration signs assertions as this user.
async fn signing(public_key: &str, settings: Value, audience: &str) -> Org {
    let auth = json!({ "flow": "jwt_bearer", "username": "sync@acme.example", "audience": audience });
    let org = Org::with(json!({ "auth": auth })).await;
    org.set(json!({ "public_key": public_key, "username": "sync@acme.example" })).await;
    org.set(settings).await;
    org.world.session("s-1", ana()).await;
    org
}

#[tokio::test]
async fn an_assertion_is_signed_for_the_user_and_the_login_server() {
    let (private, public) = keys();
    for (audience, sandbox) in [("production", false), ("sandbox", true)] {
        let org = signing(&public, json!({ "sandbox": sandbox }), audience).await;
        org.world.vault.put("salesforce", &signer(&private));
        assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
        assert_eq!(org.counts().await, [0, 1, 1]);
    }
}

#[tokio::test]
async fn an_assertion_that_is_not_taken_disables_the_integration() {
    let (private, public) = keys();
    for (settings, key) in [
        (json!({ "sandbox": true }), private.clone()),
        (json!({ "username": "other@acme.example" }), private),
        (json!({}), keys().0),
    ] {
        let org = signing(&public, settings, "production").await;
        org.world.vault.put("salesforce", &signer(&key));
        assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), WAITS_FOR_ADMIN);
        let (code, reason) = org.world.disabled("salesforce").await;
        assert!(code == "unauthorized" && reason.contains("invalid_grant"), "{code}: {reason}");
        assert!(!reason.contains(KEY) && !reason.contains("acme.example"), "{reason}");
    }
}

#[tokio::test]
async fn a_secret_without_what_the_flow_needs_is_named() {
    let (private, public) = keys();
    let org = signing(&public, json!({}), "production").await;
    for secret in ["x".to_owned(), "{}".to_owned(), credentials(), signer("no key"), signer(&public)] {
        org.world.vault.put("salesforce", &secret);
        assert_eq!(org.world.another_function_syncs("s-1", "salesforce").await.unwrap(), WAITS_FOR_ADMIN);
        assert_eq!(org.world.disabled("salesforce").await.0, "invalid_secret");
        org.world.fix("salesforce").await;
    }
    org.world.vault.put("salesforce", &signer(&private));
    assert_eq!(org.world.another_function_syncs("s-1", "salesforce").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn wrong_credentials_disable_the_integration_until_they_are_put_right() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    org.set(json!({ "secret": "other" })).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), WAITS_FOR_ADMIN);
    let (code, reason) = org.world.disabled("salesforce").await;
    assert!(code == "unauthorized" && reason.contains("Salesforce refuses the credentials"), "{code}: {reason}");
    assert!(reason.ends_with("(HTTP 400, invalid_client)"), "{reason}");

    org.set(json!({ "secret": "hush" })).await;
    org.world.fix("salesforce").await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_token_is_used_by_all_functions() {
    let org = Org::new().await;
    for id in ["s-1", "s-2"] {
        org.world.session(id, ana()).await;
    }
    org.world.sync("s-1", "salesforce").await.unwrap();
    assert_eq!(org.world.another_function_syncs("s-2", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.calls().await.iter().filter(|call| call.starts_with("POST services")).count(), 1);
}

#[tokio::test]
async fn a_token_of_another_org_or_user_is_not_used() {
    let org = Org::new().await;
    for id in ["s-1", "s-2"] {
        org.world.session(id, ana()).await;
    }
    org.world.sync("s-1", "salesforce").await.unwrap();
    let sandbox = fakes::salesforce::start().await.unwrap();
    sandbox
        .control
        .set(
            &format!("/_orgs/{KEY}/fields"),
            json!({ "object": "Activity", "name": "PostSession_Id__c", "externalId": true }),
        )
        .await
        .unwrap();
    org.world.integrate("salesforce", json!({ "kind": "salesforce", "url": sandbox.base_url }), NAME).await;
    assert_eq!(org.world.sync("s-2", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.counts().await, [0, 1, 1]);
    assert_eq!(sandbox.control.state("").await.unwrap()["tasks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_org_that_is_said_to_be_elsewhere_is_not_asked() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    for elsewhere in ["https://salesforce.com.evil.example", "http://localhost:9", "https://169.254.169.254", ""] {
        org.set(json!({ "instance_url": elsewhere })).await;
        let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), ("unreadable_answer", true), "{elsewhere}");
        assert_eq!(error_chain(&error), "sign-in failed: sign in: the answer is not as documented");
    }
    assert!(org.world.vault.get("salesforce/access-token").is_none());
    org.set(json!({ "instance_url": null })).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn credentials_are_not_sent_to_a_url_that_is_not_salesforces() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    let elsewhere = org.fake.base_url.replace("127.0.0.1", "localhost");
    for url in [elsewhere.as_str(), "https://acme.my.salesforce.com.evil.example", "acme"] {
        org.world.integrate("salesforce", json!({ "kind": "salesforce", "url": url }), NAME).await;
        assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), WAITS_FOR_ADMIN, "{url}");
        let (code, reason) = org.world.disabled("salesforce").await;
        assert!(code == "foreign_url" && reason.contains("my.salesforce.com"), "{code}: {reason}");
    }
    assert!(org.calls().await.is_empty());
}
