//! The sample events, on the deployed functions.

use pipeline_tests::{Queue, Stack, on_the_stack};
use serde_json::{Value, json};

use crate::model::dead_letter;

fn event(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A sample event with its tenant replaced by the test's own.
fn event_of(text: &str, tenant: &str) -> Value {
    event(&text.replace(r#"\"tenant_id\":\"sample\""#, &format!(r#"\"tenant_id\":\"{tenant}\""#)))
}

fn all_dealt_with() -> (Value, bool) {
    (json!({ "batchItemFailures": [] }), false)
}

#[tokio::test]
async fn events_of_a_session_that_is_done_are_acknowledged_and_change_nothing() {
    on_the_stack("sampled", json!({}), async |world| {
        world.send("sample-1").await;
        world.completed("sample-1").await;
        for (function, text) in [
            ("analyze", include_str!("../../events/analyze.json")),
            ("notify", include_str!("../../events/notify.json")),
            ("crm-sync", include_str!("../../events/crm-sync.json")),
            ("track-delivery", include_str!("../../events/track-delivery.json")),
            ("track-delivery", include_str!("../../events/track-delivery-validation.json")),
        ] {
            let event = event_of(text, world.tenant.as_ref());
            assert_eq!(world.stack.invoke(function, &event).await, all_dealt_with(), "{function}");
        }
        let mut again = event(include_str!("../../events/housekeep-reanalyze.json"));
        again["tenant_id"] = world.tenant.as_ref().into();
        assert_eq!(world.stack.invoke("housekeep", &again).await, (json!({ "analysis_version": 2 }), false));
        world.completed("sample-1").await;
        assert_eq!((world.mails().await.len(), world.notes().await.len(), world.deliveries().await.len()), (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn events_that_fail_end_in_the_dead_letter_queue_with_their_code() {
    on_the_stack("failing", json!({}), async |world| {
        world.send("sample-1").await;
        world.completed("sample-1").await;
        for (function, queue, text, code) in [
            ("notify", Queue::Notify, include_str!("../../events/notify-unknown-session.json"), "unknown_step"),
            (
                "crm-sync",
                Queue::CrmSync,
                include_str!("../../events/crm-sync-unknown-integration.json"),
                "unknown_step",
            ),
        ] {
            let event = event_of(text, world.tenant.as_ref());
            assert_eq!(world.stack.invoke(function, &event).await, all_dealt_with(), "{function}");
            assert_eq!(dead_letter(world, queue).await.code.as_deref(), Some(code));
        }
        for (function, queue, text) in [
            ("analyze", Queue::Analyze, include_str!("../../events/analyze-unreadable.json")),
            ("track-delivery", Queue::EmailEvents, include_str!("../../events/track-delivery-unreadable.json")),
        ] {
            let mut event = event_of(text, world.tenant.as_ref());
            // Names the tenant, so that the test finds its own dead letter.
            event["Records"][0]["body"] = format!("{{not a message of {}", world.tenant).into();
            assert_eq!(world.stack.invoke(function, &event).await, all_dealt_with(), "{function}");
            assert_eq!(dead_letter(world, queue).await.code.as_deref(), Some("unreadable_message"));
        }
    })
    .await;
}

#[tokio::test]
async fn events_for_ingest_and_housekeep_answer_as_the_readme_says() {
    let stack = Stack::from_env();
    for text in [include_str!("../../events/ingest.json"), include_str!("../../events/ingest-bad-signature.json")] {
        // Signed long ago with a key of its own: only `sam local invoke` with events/env.json takes the first one.
        let (answer, failed) = stack.invoke("ingest", &event(text)).await;
        assert_eq!((answer["statusCode"].as_i64(), failed), (Some(401), false));
    }
    let requeue = stack.invoke("housekeep", &event(include_str!("../../events/housekeep-requeue.json"))).await;
    let counts = ["requeued", "failed", "resumed"].map(|count| requeue.0[count].as_u64());
    let [Some(requeued), Some(failed), Some(resumed)] = counts else { panic!("{requeue:?}") };
    let report = json!({ "requeued": requeued, "failed": failed, "resumed": resumed, "complete": true });
    assert_eq!(requeue, (report, false));
    let migrate = stack.invoke("housekeep", &event(include_str!("../../events/housekeep-migrate.json"))).await;
    assert_eq!(migrate, (json!({ "applied": [] }), false));
    let unknown = stack.invoke("housekeep", &event(include_str!("../../events/housekeep-unknown-task.json"))).await;
    assert!(unknown.1, "{unknown:?}");
}
