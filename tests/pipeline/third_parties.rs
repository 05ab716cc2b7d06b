use pipeline_tests::{Queue, eventually, on_the_stack};
use serde_json::json;

#[tokio::test]
async fn hubspots_rate_limit_is_waited_out() {
    on_the_stack("limit", json!({}), async |world| {
        let limited = json!({
            "match": world.hubspot_token(), "times": 2, "hubspot_limit": "TEN_SECONDLY_ROLLING",
            "headers": { "retry-after": "1" }
        });
        world.fault("hubspot", limited).await;
        world.send("s-1").await;
        assert_eq!(world.completed("s-1").await.step("crm_sync:hubspot"), "done");
        assert_eq!((world.contacts().await.len(), world.notes().await.len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_note_whose_answer_was_lost_is_found_again_and_not_written_twice() {
    on_the_stack("lost-note", json!({}), async |world| {
        let token = world.hubspot_token();
        world.fault("hubspot", json!({ "match": format!("POST /notes {token}"), "drop_after": true })).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        assert_eq!(world.notes().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_revoked_token_has_sessions_wait_for_their_sync_only_and_they_resume_when_it_is_mended() {
    on_the_stack("revoked", json!({}), async |world| {
        let revoked =
            json!({ "match": world.hubspot_token(), "times": 1, "status": 401, "body": { "status": "error" } });
        world.fault("hubspot", revoked).await;
        world.send("s-1").await;
        let waits = async || world.session("s-1").await.is_some_and(|session| session.status == "waiting");
        assert!(eventually(waits).await, "{:?}", world.session("s-1").await);
        let waiting = world.session("s-1").await.unwrap();
        assert_eq!((waiting.step("notify"), waiting.step("crm_sync:webhook")), ("done".into(), "done".into()));
        let (code, reason) = world.disabled("hubspot").await;
        assert!(code == "unauthorized" && reason.contains("HubSpot refuses the credentials"), "{code}: {reason}");
        assert!(world.take_dead_letters(Queue::CrmSync).await.is_empty(), "nothing has failed");

        world.enable("hubspot").await;
        let (report, failed) = world.stack.invoke("housekeep", &json!({ "task": "requeue" })).await;
        assert!(!failed, "{report}");
        world.completed("s-1").await;
        assert_eq!((world.mails().await.len(), world.notes().await.len(), world.deliveries().await.len()), (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_fails_is_repeated_with_the_same_id() {
    on_the_stack("hook", json!({}), async |world| {
        let tenant = &world.tenant;
        world.fault("webhook", json!({ "match": format!("POST /hooks/{tenant}"), "status": 503 })).await;
        world.fault("webhook", json!({ "match": format!("POST /hooks/{tenant}"), "drop_after": true })).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        let requests = world.stack.fake("webhook").requests(tenant.as_ref()).await.unwrap();
        let mut ids: Vec<_> =
            requests.iter().map(|request| request["headers"]["webhook-id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 3);
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
    })
    .await;
}
