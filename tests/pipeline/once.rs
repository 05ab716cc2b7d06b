use futures_util::future::join_all;
use pipeline_tests::{Queue, World, eventually, on_the_stack};
use serde_json::json;

async fn everything_happened_once(world: &World) {
    assert_eq!(world.model_calls(&world.marker("s-1")).await, 1, "model calls");
    assert_eq!(world.mails().await.len(), 1, "mails");
    assert_eq!((world.contacts().await.len(), world.notes().await.len()), (1, 1), "contacts and notes");
    assert_eq!(world.deliveries().await.len(), 1, "webhooks");
}

#[tokio::test]
async fn twenty_repetitions_of_a_notification_at_once_are_one_session() {
    on_the_stack("repeat", json!({}), async |world| {
        let notification = world.notification("s-1");
        let answers = join_all((0..20).map(|_| world.post(&notification))).await;
        assert!(answers.iter().all(|(status, _)| *status == 202), "{answers:?}");
        let new = answers.iter().filter(|(_, answer)| answer["duplicate"].is_null()).count();
        assert_eq!(new, 1, "{answers:?}");
        world.completed("s-1").await;
        everything_happened_once(world).await;
    })
    .await;
}

#[tokio::test]
async fn every_message_delivered_twice_is_done_once() {
    on_the_stack("double", json!({}), async |world| {
        world.send("s-1").await;
        let tenant = &world.tenant;
        let analyze = format!(r#"{{"type":"analyze.v1","tenant_id":"{tenant}","session_id":"s-1"}}"#);
        world.enqueue(Queue::Analyze, &analyze).await;
        let is_analysed = async || world.session("s-1").await.unwrap().steps.contains_key("notify");
        assert!(eventually(is_analysed).await);
        let follow = |kind: &str, more: &str| {
            format!(r#"{{"type":"{kind}","tenant_id":"{tenant}","session_id":"s-1","analysis_version":1{more}}}"#)
        };
        let notify = follow("notify.v1", "");
        let syncs = ["hubspot", "webhook"].map(|id| follow("crm-sync.v1", &format!(r#","integration_id":"{id}""#)));
        for _ in 0..2 {
            world.enqueue(Queue::Notify, &notify).await;
            world.enqueue_together(Queue::CrmSync, &[&syncs[0], &syncs[1]]).await;
        }
        world.completed("s-1").await;
        let drained = async || !world.is_queued(Queue::Notify).await && !world.is_queued(Queue::CrmSync).await;
        assert!(eventually(drained).await);
        everything_happened_once(world).await;
    })
    .await;
}

#[tokio::test]
async fn another_body_for_the_same_session_is_refused_and_changes_nothing() {
    on_the_stack("conflict", json!({}), async |world| {
        world.send("s-1").await;
        let mut other = world.notification("s-1");
        other["end_reason"] = "agent_left".into();
        let (status, problem) = world.post(&other).await;
        assert_eq!(
            (status, problem["type"].as_str()),
            (409, Some("urn:post-session:problem:conflicting-notification"))
        );
        world.completed("s-1").await;
        everything_happened_once(world).await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_names_another_tenants_session_reaches_nothing() {
    on_the_stack("mine", json!({}), async |mine| {
        mine.send("s-1").await;
        mine.completed("s-1").await;
        on_the_stack("theirs", json!({}), async |theirs| {
            let stolen = format!(
                r#"{{"type":"notify.v1","tenant_id":"{}","session_id":"s-1","analysis_version":1}}"#,
                theirs.tenant
            );
            theirs.enqueue(Queue::Notify, &stolen).await;
            let mut letters = Vec::new();
            let is_dead = async || {
                letters.extend(theirs.take_dead_letters(Queue::Notify).await);
                !letters.is_empty()
            };
            assert!(eventually(is_dead).await);
            assert_eq!(letters[0].code.as_deref(), Some("unknown_step"));
            assert_eq!(theirs.session("s-1").await, None);
        })
        .await;
        everything_happened_once(mine).await;
    })
    .await;
}
