use serde_json::{Value, json};

use fakes::{Running, front, webhook};

/// Upstream is a webhook receiver here: it takes any JSON posted to a hook.
async fn start() -> (Running, Running) {
    let upstream = webhook::start().await.unwrap();
    let fake = front::start(&upstream.base_url).await.unwrap();
    (upstream, fake)
}

#[tokio::test]
async fn a_request_reaches_upstream_with_its_headers_and_its_answer_comes_back() {
    let (upstream, fake) = start().await;
    let request = reqwest::Client::new().post(format!("{}/hooks/a?b=c%20d", fake.base_url));
    let request = request.header("x-amz-date", "20261122T000000Z").header("x-amz-target", "AmazonSQS.SendMessage");
    let answer = request.body(r#"{"QueueUrl":"q","MessageBody":"m-1"}"#).send().await.unwrap();
    assert_eq!(answer.status(), 204);

    let seen = &upstream.control.requests("").await.unwrap()[0];
    assert_eq!(
        (&seen["path"], &seen["headers"]["x-amz-date"]),
        (&json!("/hooks/a?b=c%20d"), &json!("20261122T000000Z"))
    );
    assert_eq!(seen["headers"]["host"], upstream.authority());
    let sent = fake.control.state("m-1").await.unwrap();
    assert_eq!((&sent["messages"][0]["action"], &sent["messages"][0]["status"]), (&json!("SendMessage"), &json!(204)));
}

#[tokio::test]
async fn a_mail_is_laid_out_whole() {
    let (upstream, fake) = start().await;
    // No SES is at hand: its path under a hook's name is one the receiver does not know, so it answers 404.
    let mail = json!({
        "FromEmailAddress": "Acme <post@example.com>", "Destination": {"ToAddresses": ["ana@example.com"]},
        "ConfigurationSetName": "set", "EmailTags": [{"Name": "tenant", "Value": "acme"}],
        "Content": {"Simple": {
            "Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>"}},
            "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://example.com>"}],
            "Attachments": [{"FileName": "transcript.txt", "ContentType": "text/plain", "RawContent": "SGVsbG8="}]}},
    });
    reqwest::Client::new()
        .post(format!("{}/v2/email/outbound-emails", fake.base_url))
        .json(&mail)
        .send()
        .await
        .unwrap();

    let state = fake.control.state("ana@example.com").await.unwrap();
    let laid_out = &state["mails"][0];
    assert_eq!((&laid_out["to"], &laid_out["subject"]), (&json!(["ana@example.com"]), &json!("Hi")));
    assert_eq!((&laid_out["text"], &laid_out["html"]), (&json!("text"), &json!("<p>")));
    assert_eq!(laid_out["headers"], json!({"List-Unsubscribe": "<https://example.com>"}));
    assert_eq!(laid_out["tags"], json!({"tenant": "acme"}));
    assert_eq!(
        (&laid_out["attachments"][0]["name"], &laid_out["attachments"][0]["text"]),
        (&json!("transcript.txt"), &json!("Hello"))
    );
    assert_eq!((&laid_out["status"], &laid_out["raw"]), (&json!(404), &mail));
    assert_eq!(upstream.control.requests("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_fault_by_target_keeps_the_request_from_upstream() {
    let (upstream, fake) = start().await;
    let fault = json!({"match": "POST AmazonSQS.SendMessage", "exception": "ThrottlingException"});
    fake.control.fault(fault).await.unwrap();
    let send = |target: &'static str| {
        let request = reqwest::Client::new().post(format!("{}/hooks/a", fake.base_url)).header("x-amz-target", target);
        async move { request.body("{}").send().await.unwrap() }
    };
    assert_eq!(send("AmazonSQS.ReceiveMessage").await.status(), 204);
    let refused = send("AmazonSQS.SendMessage").await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["x-amzn-errortype"]),
        (429, &"ThrottlingException".parse().unwrap())
    );
    assert_eq!(refused.json::<Value>().await.unwrap()["__type"], "ThrottlingException");
    assert_eq!(upstream.control.requests("").await.unwrap().len(), 1);
    assert!(fake.control.state("").await.unwrap()["messages"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn mails_above_the_rate_get_ses_own_answer_and_do_not_reach_upstream() {
    let (upstream, fake) = start().await;
    fake.control.set("/_throttle", json!({ "per_second": 0, "burst": 1 })).await.unwrap();
    let post = async |path: &str| {
        let request = reqwest::Client::new().post(format!("{}{path}", fake.base_url)).body("{}");
        request.send().await.unwrap()
    };
    let mail = "/v2/email/outbound-emails";
    // The receiver does not know the path.
    assert_eq!(post(mail).await.status(), 404);
    let refused = post(mail).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["x-amzn-errortype"], "TooManyRequestsException");
    assert_eq!(refused.json::<Value>().await.unwrap()["message"], "Maximum sending rate exceeded.");
    assert_eq!(post("/hooks/a").await.status(), 204, "only mails are counted");

    let state = fake.control.state("").await.unwrap();
    assert_eq!((&state["throttled"], state["mails"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(upstream.control.requests("").await.unwrap().len(), 2);
    assert_eq!(fake.control.requests("outbound-emails").await.unwrap().len(), 2, "the journal has both");
    fake.control.delete("/_throttle").await.unwrap();
    assert_eq!(post(mail).await.status(), 404);
    assert!(fake.control.set("/_throttle", json!({ "per_second": 0 })).await.is_err());
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_a_bad_gateway() {
    let (upstream, fake) = start().await;
    drop(upstream);
    tokio::task::yield_now().await;
    let answer = reqwest::get(format!("{}/any", fake.base_url)).await.unwrap();
    assert_eq!(answer.status(), 502);
}
