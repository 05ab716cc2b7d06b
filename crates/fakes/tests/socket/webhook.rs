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
    fake.control.set("/_secrets/acme", json!(SECRET)).await.unwrap();
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

#[tokio::test]
async fn during_a_rotation_either_secret_will_do() {
    let fake = webhook::start().await.unwrap();
    let other = "whsec_OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg=";
    let third = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";
    fake.control.set("/_secrets/acme", json!(&format!("{other} {SECRET}"))).await.unwrap();
    let now = chrono::Utc::now().timestamp();
    for (secret, status) in [(SECRET, 204), (other, 204), (third, 401)] {
        assert_eq!(deliver(&fake, now, secret, BODY).await, status);
    }
    for refused in ["", "no secret"] {
        assert!(fake.control.set("/_secrets/acme", json!(refused)).await.is_err(), "{refused:?}");
    }
}

#[tokio::test]
async fn a_delivery_is_kept_as_it_came() {
    let fake = webhook::start().await.unwrap();
    fake.control.set("/_secrets/acme", json!(SECRET)).await.unwrap();
    let now = chrono::Utc::now().timestamp();
    assert_eq!(deliver(&fake, now, SECRET, BODY).await, 204);
    let state = fake.control.state("").await.unwrap();
    let delivery = &state["deliveries"][0];
    assert_eq!((&delivery["text"], &delivery["status"]), (&json!(BODY), &json!(204)));
    assert_eq!(delivery["headers"]["webhook-timestamp"], now.to_string());
    let signature = Webhook::new(SECRET).unwrap().sign("msg_1", now, BODY.as_bytes()).unwrap();
    assert_eq!(delivery["headers"]["webhook-signature"], signature);
}

#[tokio::test]
async fn a_hook_gives_its_set_answer_until_that_changes() {
    let fake = webhook::start().await.unwrap();
    let answer = json!({"status": 410, "body": {"gone": true}, "headers": {"Retry-After": "7"}});
    fake.control.set("/_hooks/acme", answer).await.unwrap();
    let url = |hook: &str| format!("{}/hooks/{hook}", fake.base_url);
    for _ in 0..2 {
        let answer = reqwest::Client::new().post(url("acme")).body(BODY).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (410, &"7".parse().unwrap()));
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({"gone": true}));
    }
    let other = reqwest::Client::new().post(url("other")).body(BODY).send().await.unwrap();
    assert_eq!(other.status(), 204, "other hooks are as they were");
    for nonsense in [json!({"status": 42}), json!({"body": "x"}), json!({"status": 200, "headers": {"a b": "c"}})] {
        assert!(fake.control.set("/_hooks/acme", nonsense.clone()).await.is_err(), "{nonsense}");
    }
    reqwest::Client::new().delete(format!("{}/_hooks/acme", fake.base_url)).send().await.unwrap();
    assert_eq!(reqwest::Client::new().post(url("acme")).body(BODY).send().await.unwrap().status(), 204);
    let statuses = fake.control.state("acme").await.unwrap()["deliveries"].clone();
    let statuses = statuses.as_array().unwrap().iter().map(|one| one["status"].clone()).collect::<Vec<_>>();
    assert_eq!(statuses, [410, 410, 204]);
}

#[tokio::test]
async fn an_event_is_counted_once_however_often_it_is_delivered() {
    let fake = webhook::start().await.unwrap();
    fake.control.set("/_secrets/acme", json!(SECRET)).await.unwrap();
    let now = chrono::Utc::now().timestamp();
    fake.control.set("/_hooks/acme", json!({"status": 503})).await.unwrap();
    assert_eq!(deliver(&fake, now, SECRET, BODY).await, 503);
    reqwest::Client::new().delete(format!("{}/_hooks/acme", fake.base_url)).send().await.unwrap();
    assert_eq!(deliver(&fake, now + 1, SECRET, BODY).await, 204);
    let forged = reqwest::Client::new().post(format!("{}/hooks/acme", fake.base_url)).header("webhook-id", "forged");
    assert_eq!(forged.body("{}").send().await.unwrap().status(), 401);
    let open = reqwest::Client::new().post(format!("{}/hooks/open", fake.base_url)).header("webhook-id", "msg_2");
    open.body("{}").send().await.unwrap();

    let state = fake.control.state("").await.unwrap();
    assert_eq!(state["deliveries"].as_array().unwrap().len(), 4);
    assert_eq!(state["events"], json!({"acme": ["msg_1"], "open": ["msg_2"]}));
}
