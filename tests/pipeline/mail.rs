use pipeline_tests::{Queue, World, eventually, on_the_stack};
use serde_json::{Value, json};

use crate::model::dead_letter;

/// Publishes what SES would about the request, with the tags that it carried.
async fn publish(world: &World, kind: &str, detail: Value) {
    let state = world.stack.fake("ses").state(&world.visitor()).await.unwrap();
    let mail = &state["mails"][0];
    let tags: serde_json::Map<_, _> =
        mail["tags"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    let mut event = json!({
        "eventType": kind,
        "mail": {
            "timestamp": "2026-11-22T10:05:01.000Z", "messageId": mail["message_id"].as_str().unwrap_or("ses-1"),
            "destination": [world.visitor()], "tags": tags
        }
    });
    event[kind.to_lowercase()] = detail;
    let topic = &world.stack.email_events_topic;
    let form = [("Action", "Publish"), ("Version", "2010-03-31"), ("TopicArn", topic), ("Message", &event.to_string())];
    let url = reqwest::Url::parse_with_params(&world.stack.ministack_url, form).unwrap();
    let credential =
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=none";
    let request = reqwest::Client::new().post(&world.stack.ministack_url).header("authorization", credential);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let response = request.body(url.query().unwrap().to_owned()).send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.text().await.unwrap());
}

#[tokio::test]
async fn delivery_events_reach_the_log() {
    on_the_stack("delivered", json!({}), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        publish(world, "Delivery", json!({ "timestamp": "2026-11-22T10:05:03.000Z" })).await;
        publish(world, "Send", json!({})).await;
        let delivered = Some(("delivered".to_owned(), None));
        assert!(eventually(async || world.email("s-1").await == delivered).await, "{:?}", world.email("s-1").await);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_is_recorded_once() {
    on_the_stack("twice-told", json!({}), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        for _ in 0..2 {
            publish(world, "Delivery", json!({ "timestamp": "2026-11-22T10:05:03.000Z" })).await;
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
        publish(world, "Send", json!({})).await;
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
