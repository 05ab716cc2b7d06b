use pipeline_tests::on_the_stack;
use serde_json::json;

#[tokio::test]
async fn wrong_notifications_get_what_is_wrong_and_leave_nothing() {
    on_the_stack("wrong", json!({}), async |world| {
        let with = |field: &str, value: serde_json::Value| {
            let mut notification = world.notification("s-1");
            notification[field] = value;
            notification.to_string()
        };
        let large = format!("\"{}\"", "x".repeat(10 * 1024 * 1024));
        let cases = [
            (String::new(), 400, "malformed-body", None),
            ("not JSON".to_owned(), 400, "malformed-body", None),
            (large, 413, "body-too-large", None),
            ("[]".to_owned(), 422, "invalid-notification", Some("")),
            (with("channel", json!(7)), 422, "invalid-notification", Some("/channel")),
            (with("tenant_id", json!("nobody")), 422, "invalid-notification", Some("/tenant_id")),
            (with("surprise", json!(1)), 422, "invalid-notification", Some("/surprise")),
            (with("end_reason", json!("a\u{0}b")), 422, "invalid-notification", Some("/end_reason")),
            (with("ended_at", json!("2026-11-22T09:00:00Z")), 422, "invalid-notification", Some("/ended_at")),
        ];
        for (body, expected, kind, pointer) in cases {
            let (status, problem) = world.post_text(&body).await;
            let shown: String = body.chars().take(80).collect();
            assert_eq!(status, expected, "{shown}: {problem}");
            assert_eq!(problem["type"], format!("urn:post-session:problem:{kind}"), "{shown}");
            assert_eq!(problem["errors"][0]["pointer"].as_str(), pointer, "{shown}: {problem}");
        }
        assert_eq!(world.session("s-1").await, None);
    })
    .await;
}

#[tokio::test]
async fn nobody_gets_in_without_key_and_signature() {
    on_the_stack("closed", json!({}), async |world| {
        let body = world.notification("s-1").to_string();
        let url = format!("{}/v1/sessions/completed", world.stack.api_url);
        let without_key = reqwest::Client::new().post(url).body(body.clone()).send().await.unwrap();
        assert_eq!(without_key.status(), 403);
        let (status, problem) = world.post_signed(&body, &[]).await;
        assert_eq!((status, problem["type"].as_str()), (401, Some("urn:post-session:problem:invalid-signature")));
        let forged = [("webhook-id", "m"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AAAA")];
        assert_eq!(world.post_signed(&body, &forged).await.0, 401);
        assert_eq!(world.session("s-1").await, None);
    })
    .await;
}
