use serde_json::{Value, json};
use standardwebhooks::Webhook;

use fakes::{Running, webhook};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const BODY: &str = r#"{"type":"session.analyzed","data":{"session_id":"s-1"}}"#;

async fn deliver(fake: &Running, timestamp: i64, secret: &str, body: &str) -> u16 {
    let signature = Webhook::new(secret).unwrap().sign("msg_1", timestamp, BODY.as_bytes()).unwrap();
    let request = reqwest::Client::new().post(format!("{}/hooks/acme", fake.base_url));
    let request = request.header("webhook-id", "msg_1").header("webhook-timestamp", timestamp);
    request.header("webhook-signature", signature).body(body.to_owned()).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_what_was_signed_with_the_hooks_secret_is_accepted() {
    let fake = webhook::start().await.unwrap();
    fake.control.secret("acme", SECRET).await.unwrap();
    let now = chrono::Utc::now().timestamp();
    let other = "whsec_OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg=";

    assert_eq!(deliver(&fake, now, SECRET, BODY).await, 204);
    assert_eq!(deliver(&fake, now, other, BODY).await, 401);
    assert_eq!(deliver(&fake, now, SECRET, "{}").await, 401);
    assert_eq!(deliver(&fake, now - 3600, SECRET, BODY).await, 401);

    let state = fake.control.state("s-1").await.unwrap();
    let first = &state["deliveries"][0];
    assert_eq!(
        (&first["name"], &first["id"], &first["type"]),
        (&json!("acme"), &json!("msg_1"), &json!("session.analyzed"))
    );
    assert_eq!((&first["verified"], &first["body"]["data"]["session_id"]), (&json!(true), &json!("s-1")));
    assert_eq!(state["deliveries"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_hook_without_a_secret_takes_everything_and_says_so() {
    let fake = webhook::start().await.unwrap();
    let sent = reqwest::Client::new().post(format!("{}/hooks/open", fake.base_url)).body("not json").send().await;
    assert_eq!(sent.unwrap().status(), 204);
    let state = fake.control.state("").await.unwrap();
    assert_eq!(
        (&state["deliveries"][0]["verified"], &state["deliveries"][0]["body"]),
        (&Value::Null, &json!("not json"))
    );
}
