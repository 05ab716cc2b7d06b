use fakes::Running;
use reqwest::Method;
use serde_json::{Value, json};

use super::{OBJECTS, Portal, start};

const FORM: [(&str, &str); 4] =
    [("grant_type", "refresh_token"), ("client_id", "app"), ("client_secret", "hush"), ("refresh_token", "long-lived")];

async fn install(fake: &Running, expires_in: u32) {
    let installation = json!({
        "client_id": "app", "client_secret": "hush", "refresh_token": "long-lived", "token": "pat-1",
        "expires_in": expires_in,
    });
    fake.control.set("/_oauth", installation).await.unwrap();
}

/// Asks for an access token with the usual form, one field of it changed.
async fn refresh(fake: &Running, version: &str, field: &str, value: &str) -> (u16, Value) {
    let form = FORM.map(|(name, usual)| format!("{name}={}", if name == field { value } else { usual })).join("&");
    let request = reqwest::Client::new().post(format!("{}/oauth/{version}/token", fake.base_url));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn access_token(fake: &Running) -> String {
    let (status, answer) = refresh(fake, "2026-03", "", "").await;
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refresh_token_fetches_access_to_the_portal_it_was_registered_for() {
    let fake = start().await;
    install(&fake, 60).await;
    for version in ["2026-03", "v1", "v3"] {
        let (status, answer) = refresh(&fake, version, "", "").await;
        assert_eq!(
            (status, &answer["refresh_token"], &answer["token_type"]),
            (200, &json!("long-lived"), &json!("bearer"))
        );
        assert_eq!(answer["expires_in"], 60);
    }
    let token = access_token(&fake).await;
    let id = Portal { fake: &fake, token: "pat-1" }.contact_id("ana@example.com").await;
    let answer =
        Portal { fake: &fake, token: &token }.send(Method::GET, &format!("{OBJECTS}/contacts/{id}"), Value::Null).await;
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("x-hubspot-ratelimit-daily"), "apps are not told");
    assert_eq!(Portal { fake: &fake, token: "pat-1" }.state().await["refreshes"], 4);
    assert_eq!(fake.control.state("").await.unwrap()["refreshes"], 4);
}

#[tokio::test]
async fn a_fault_for_a_portal_meets_its_access_tokens_too() {
    let fake = start().await;
    install(&fake, 60).await;
    let token = access_token(&fake).await;
    fake.control.fault(json!({"match": "GET pat-1", "status": 503})).await.unwrap();
    assert_eq!(Portal { fake: &fake, token: &token }.get("contacts/1").await.0, 503);
}

#[tokio::test]
async fn an_access_token_expires() {
    let fake = start().await;
    install(&fake, 0).await;
    let token = access_token(&fake).await;
    let (status, body) = Portal { fake: &fake, token: &token }.get("contacts/1").await;
    assert_eq!(status, 401);
    assert_eq!(body["category"], "EXPIRED_AUTHENTICATION");
    assert!(body["message"].as_str().unwrap().starts_with("The OAuth token used to make this call expired"));
    install(&fake, 60).await;
    let fresh = access_token(&fake).await;
    assert_eq!(Portal { fake: &fake, token: &fresh }.get("contacts/1").await.0, 404);
}

#[tokio::test]
async fn wrong_credentials_get_no_token() {
    let fake = start().await;
    install(&fake, 60).await;
    for (field, status, label) in [
        ("client_id", 401, "BAD_CLIENT_ID"),
        ("client_secret", 401, "BAD_CLIENT_SECRET"),
        ("refresh_token", 400, "BAD_REFRESH_TOKEN"),
        ("grant_type", 400, "BAD_GRANT_TYPE"),
    ] {
        let (answered, body) = refresh(&fake, "2026-03", field, "wrong").await;
        assert_eq!((answered, body["status"].as_str()), (status, Some(label)));
    }
    assert_eq!(fake.control.state("").await.unwrap()["refreshes"], 0);
    let made_up = Portal { fake: &fake, token: "made-up" }.get("contacts/1").await;
    assert_eq!((made_up.0, &made_up.1["category"]), (401, &json!("INVALID_AUTHENTICATION")));
}

#[tokio::test]
async fn another_refresh_token_takes_the_place_of_the_former_and_an_uninstalled_app_has_none() {
    let fake = start().await;
    install(&fake, 60).await;
    let token = access_token(&fake).await;
    let other = json!({"client_id": "app", "client_secret": "hush", "refresh_token": "other", "token": "pat-1"});
    fake.control.set("/_oauth", other).await.unwrap();
    assert_eq!(refresh(&fake, "2026-03", "", "").await.0, 400);
    assert_eq!(refresh(&fake, "2026-03", "refresh_token", "other").await.1["expires_in"], 1800);
    let portal = Portal { fake: &fake, token: &token };
    assert_eq!(portal.get("contacts/1").await.0, 404);

    reqwest::Client::new().delete(format!("{}/_oauth?token=pat-1", fake.base_url)).send().await.unwrap();
    assert_eq!(refresh(&fake, "2026-03", "refresh_token", "other").await.0, 401);
    assert_eq!(portal.get("contacts/1").await.0, 401);
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    portal.set("scopes", json!(["crm.objects.contacts.read"])).await;
    assert_eq!(portal.get("contacts/1").await.0, 404);
    assert_eq!(portal.post("notes/batch/read", json!({"inputs": [{"id": "1"}]})).await.0, 207);
    assert_eq!(portal.call(Method::GET, "/crm/v3/properties/notes", Value::Null).await.0, 200);

    let (status, body) = portal.contact(json!({"email": "ana@example.com"})).await;
    assert_eq!((status, &body["category"]), (403, &json!("MISSING_SCOPES")));
    let needed = &body["errors"][0]["context"]["requiredGranularScopes"];
    assert_eq!(needed, &json!(["crm.objects.contacts.write"]));
    let (status, body) = portal.call(Method::POST, "/crm/v3/properties/notes", json!({})).await;
    assert_eq!(
        (status, &body["errors"][0]["context"]["requiredGranularScopes"]),
        (403, &json!(["crm.schemas.contacts.write"]))
    );
    assert!(portal.state().await["contacts"].as_array().unwrap().is_empty());

    portal.set("scopes", Value::Null).await;
    assert_eq!(portal.contact(json!({"email": "ana@example.com"})).await.0, 201);
}
