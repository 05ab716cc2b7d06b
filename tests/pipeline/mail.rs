//! One mail for each session, whatever SES does.

use pipeline_tests::{Queue, eventually, on_the_stack};
use serde_json::json;

use crate::model::dead_letter;

#[tokio::test]
async fn delivery_events_reach_the_log() {
    on_the_stack("delivered", json!({}), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        world.publish("Delivery", json!({ "timestamp": "2026-11-22T10:05:03.000Z" })).await;
        world.publish("Send", json!({})).await;
        let delivered = Some(("delivered".to_owned(), None));
        assert!(eventually(async || world.email("s-1").await == delivered).await, "{:?}", world.email("s-1").await);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_is_recorded_once() {
    on_the_stack("twice-sent", json!({}), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        for _ in 0..2 {
            world.publish("Delivery", json!({ "timestamp": "2026-11-22T10:05:03.000Z" })).await;
        }
        let delivered = Some(("delivered".to_owned(), None));
        let is_done = async || world.email("s-1").await == delivered && !world.is_queued(Queue::EmailEvents).await;
        assert!(eventually(is_done).await, "{:?}", world.email("s-1").await);
        let count = "SELECT count(*) FROM email_events WHERE tenant_id = $1 AND type = 'Delivery'";
        let row = world.database().await.query_one(count, &[&world.tenant.as_ref()]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 1);
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_ses_rejects_fails_the_session_and_a_replay_sends_it() {
    on_the_stack("rejected", json!({}), async |world| {
        let rejected =
            json!({ "match": "POST outbound-emails", "body_match": world.visitor(), "exception": "MessageRejected" });
        world.fault("ses", rejected).await;
        world.send("s-1").await;
        let ended = world.ended("s-1").await;
        assert_eq!(ended.status, "failed");
        assert_eq!(ended.steps["notify"].0, "failed");
        assert_eq!((world.notes().await.len(), world.deliveries().await.len()), (1, 1), "the others are not held up");
        assert_eq!(world.email("s-1").await.unwrap().0, "failed");

        let letter = dead_letter(world, Queue::Notify).await;
        assert_eq!(letter.code, ended.failure_code);
        world.redrive(Queue::Notify, &letter).await;
        assert!(eventually(async || world.session("s-1").await.unwrap().status == "completed").await);
        assert_eq!(world.mails().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_is_settled_by_its_event_and_not_sent_twice() {
    on_the_stack("lost-mail", json!({}), async |world| {
        let lost = json!({ "match": "POST outbound-emails", "body_match": world.visitor(), "drop_after": true });
        world.fault("ses", lost).await;
        world.send("s-1").await;
        assert!(eventually(async || world.mails().await.len() == 1).await);
        world.publish("Send", json!({})).await;
        assert_eq!(world.completed("s-1").await.step("notify"), "done");
        assert_eq!((world.mails().await.len(), world.email("s-1").await), (1, Some(("sent".to_owned(), None))));
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_outcome_stays_unknown_is_held() {
    on_the_stack("held", json!({}), async |world| {
        let lost = json!({ "match": "POST outbound-emails", "body_match": world.visitor(), "drop_after": true });
        world.fault("ses", lost).await;
        world.send("s-1").await;
        let ended = world.ended("s-1").await;
        assert_eq!((ended.status.as_str(), ended.failure_code.as_deref()), ("failed", Some("outcome_unknown")));
        assert_eq!(dead_letter(world, Queue::Notify).await.code.as_deref(), Some("outcome_unknown"));
        assert_eq!(world.mails().await.len(), 1, "never sent again on a guess");
        assert_eq!(world.email("s-1").await.unwrap().0, "unknown");
    })
    .await;
}
