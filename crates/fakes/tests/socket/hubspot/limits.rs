use fakes::Running;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Portal, start};

const CONTACT: &str = "/crm/objects/2026-03/contacts/1";

fn portal<'a>(fake: &'a Running, token: &'a str) -> Portal<'a> {
    Portal { fake, token }
}

#[tokio::test]
async fn a_rate_limit_is_answered_as_hubspot_does_and_only_to_the_token_it_names() {
    let fake = start().await;
    fake.control.fault(json!({"match": "pat-1", "hubspot_limit": "DAILY"})).await.unwrap();
    assert_eq!(portal(&fake, "pat-2").get("contacts/1").await.0, 404);
    let (status, body) = portal(&fake, "pat-1").get("contacts/1").await;
    assert_eq!((status, &body["errorType"], &body["policyName"]), (429, &json!("RATE_LIMIT"), &json!("DAILY")));
    let state = portal(&fake, "pat-1").state().await;
    assert_eq!(state["violations"], 0, "no request went beyond a limit");
}

#[tokio::test]
async fn what_goes_beyond_a_limit_is_refused_has_no_effect_and_is_counted() {
    let fake = start().await;
    let (one, two) = (portal(&fake, "pat-1"), portal(&fake, "pat-2"));
    one.set("limits", json!({"ten_secondly": 2, "daily": 5})).await;
    let create = |email: &'static str| one.contact(json!({ "email": email }));
    assert_eq!((create("a@example.com").await.0, create("b@example.com").await.0), (201, 201));

    let (status, body) = create("c@example.com").await;
    assert_eq!((status, &body["policyName"]), (429, &json!("TEN_SECONDLY_ROLLING")));
    assert_eq!(body["message"], "You have reached your ten_secondly_rolling limit.");
    assert_eq!(two.contact(json!({"email": "c@example.com"})).await.0, 201, "another portal has limits of its own");

    let state = one.state().await;
    assert_eq!(state["contacts"].as_array().unwrap().len(), 2);
    assert_eq!((&state["requests"], &state["violations"]), (&json!(3), &json!(1)));
    let all = fake.control.state("").await.unwrap();
    assert_eq!((&all["requests"], &all["violations"]), (&json!(4), &json!(1)));
    assert_eq!(all["portals"]["pat-2"], json!({"requests": 1, "violations": 0, "refreshes": 0}));
}

#[tokio::test]
async fn the_daily_limit_has_a_policy_of_its_own_and_resetting_the_portal_lifts_it() {
    let fake = start().await;
    let one = portal(&fake, "pat-1");
    one.set("limits", json!({"daily": 1})).await;
    assert_eq!(one.get("contacts/1").await.0, 404);
    let (status, body) = one.get("contacts/1").await;
    assert_eq!((status, &body["policyName"]), (429, &json!("DAILY")));

    let reset = reqwest::Client::new().delete(format!("{}/_state?token=pat-1", fake.base_url)).send().await;
    assert_eq!((reset.unwrap().status().as_u16(), one.get("contacts/1").await.0), (204, 404));
}

#[tokio::test]
async fn the_headers_show_what_is_left() {
    let fake = start().await;
    let one = portal(&fake, "pat-1");
    one.set("limits", json!({"ten_secondly": 2, "daily": 5})).await;
    for (status, left, left_today) in [(404, "1", "4"), (404, "0", "3"), (429, "0", "3")] {
        let answer = one.send(Method::GET, CONTACT, Value::Null).await;
        assert_eq!(answer.status(), status);
        let header = |name: &str| answer.headers()[format!("x-hubspot-ratelimit-{name}")].to_str().unwrap().to_owned();
        assert_eq!((header("max"), header("interval-milliseconds")), ("2".to_owned(), "10000".to_owned()));
        assert_eq!((header("remaining").as_str(), header("daily").as_str()), (left, "5"));
        assert_eq!(header("daily-remaining"), left_today);
    }
}

#[tokio::test]
async fn no_limit_disturbs_who_sets_none() {
    let fake = start().await;
    let one = portal(&fake, "pat-1");
    for _ in 0..300 {
        assert_eq!(one.send(Method::GET, CONTACT, Value::Null).await.status(), 404);
    }
    assert_eq!(one.state().await["violations"], 0);
}

#[tokio::test]
async fn a_setting_needs_a_portal_and_known_members() {
    let fake = start().await;
    let control = &fake.control;
    for (path, setting) in [
        ("/_limits", json!({"daily": 1})),
        ("/_limits?token=pat-1", json!({"hourly": 1})),
        ("/_scopes?token=pat-1", json!({})),
        ("/_quirks?token=pat-1", json!({"upsert_ignores_key": "yes"})),
        ("/_oauth", json!({"client_id": "c", "client_secret": "s", "refresh_token": "r", "token": "x"})),
    ] {
        assert!(control.set(path, setting.clone()).await.is_err(), "{path} {setting}");
    }
}
