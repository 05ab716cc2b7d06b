use pipeline_tests::on_the_stack;
use serde_json::json;

#[tokio::test]
async fn no_log_line_holds_what_was_said_an_address_or_a_secret() {
    on_the_stack("quiet", json!({}), async |world| {
        let wrong = json!([{ "match": world.marker("s-1"), "answer": "nonsense that quotes a broken brake" }]);
        world.stack.fake("bedrock").script(wrong).await.unwrap();
        let limited = json!({ "match": world.hubspot_token(), "times": 1, "hubspot_limit": "TEN_SECONDLY_ROLLING" });
        world.fault("hubspot", limited).await;
        world.send("s-1").await;
        let mut refused = world.notification("s-2");
        refused["visitor"]["locale"] = "a secret place".into();
        assert_eq!(world.post(&refused).await.0, 422);
        world.completed("s-1").await;

        let log = world.stack.log();
        let lines = log.lines().filter(|line| line.contains(world.tenant.as_ref())).count();
        assert!(lines > 5, "the log has this tenant's session in {lines} lines");
        let secrets = [
            world.marker("s-1"),
            world.visitor(),
            world.hubspot_token(),
            world.stack.signing_secret.clone(),
            "broken brake".to_owned(),
            "brake of my bicycle".to_owned(),
            "a secret place".to_owned(),
            "Ana Lopez".to_owned(),
        ];
        for secret in secrets {
            let found: Vec<_> = log.lines().filter(|line| line.contains(&secret)).collect();
            assert!(found.is_empty(), "{secret:?} was logged: {found:#?}");
        }
    })
    .await;
}
