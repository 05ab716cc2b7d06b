//! Events that reach a webhook which asks for all of them.

use domain::event::EventType;
use pipeline_tests::{Queue, World, eventually, on_the_stack};
use serde_json::{Value, json};

use crate::model::dead_letter;

/// Waits until the webhook has received the mail's status.
async fn hears_of_mail(world: &World, status: &str) -> bool {
    eventually(async || {
        let deliveries = world.deliveries_of(EventType::EmailStatus).await;
        deliveries.iter().any(|delivery| delivery["body"]["data"]["email"]["status"] == status)
    })
    .await
}

#[tokio::test]
async fn each_status_of_the_mail_is_sent_as_ses_reports_it() {
    on_the_stack("mail-event", json!({}), async |world| {
        world.subscribe_to_all_events().await;
        world.send("s-1").await;
        world.completed("s-1").await;
        assert!(hears_of_mail(world, "sent").await, "{:#?}", world.deliveries().await);
        let delivery = json!({
            "timestamp": "2026-11-22T10:05:03.000Z", "processingTimeMillis": 1200, "recipients": [world.visitor()],
            "smtpResponse": "250 ok", "reportingMTA": "a1-1.smtp-out.eu-central-1.amazonses.com"
        });
        // SES repeats events; a status is sent once.
        for _ in 0..2 {
            world.publish("Delivery", delivery.clone()).await;
        }
        assert!(hears_of_mail(world, "delivered").await, "{:#?}", world.deliveries().await);

        assert_eq!(world.deliveries_of(EventType::SessionAnalyzed).await.len(), 1);
        let deliveries = world.deliveries_of(EventType::EmailStatus).await;
        let [sent, delivered] = &deliveries[..] else { panic!("{deliveries:#?}") };
        assert_ne!(sent["id"], delivered["id"]);
        for delivery in [sent, delivered] {
            assert_eq!(delivery["verified"], true);
            let data = &delivery["body"]["data"];
            assert_eq!(
                (&data["session"]["session_id"], &data["email"]["analysis_version"]),
                (&json!("s-1"), &json!(1))
            );
            assert_eq!(data["email"]["email_id"], sent["body"]["data"]["email"]["email_id"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_fails_is_sent_once_with_its_code() {
    on_the_stack("failure-event", json!({}), async |world| {
        world.subscribe_to_all_events().await;
        let nonsense =
            json!([{ "match": world.marker("s-1"), "times": 3, "answer": "I am sorry, an error occurred." }]);
        world.stack.fake("bedrock").script(nonsense).await.unwrap();
        world.send("s-1").await;
        assert_eq!(world.ended("s-1").await.status, "failed");
        let letter = dead_letter(world, Queue::Analyze).await;
        assert!(eventually(async || !world.deliveries().await.is_empty()).await, "nothing was sent");
        let deliveries = world.deliveries().await;
        assert_eq!(deliveries.len(), 1, "{deliveries:#?}");
        assert_eq!((&deliveries[0]["type"], &deliveries[0]["verified"]), (&json!("session.failed"), &json!(true)));
        let data = &deliveries[0]["body"]["data"];
        assert_eq!(
            (&data["failure_code"], &data["session"]["session_id"]),
            (&json!("model_answers_invalid"), &json!("s-1"))
        );
        assert_eq!(data.get("analysis"), None::<&Value>);

        // It can still complete, which is sent as of any other session.
        world.redrive(Queue::Analyze, &letter).await;
        assert!(eventually(async || world.session("s-1").await.unwrap().status == "completed").await);
        assert!(hears_of_mail(world, "sent").await);
        assert_eq!(world.deliveries_of(EventType::SessionAnalyzed).await.len(), 1);
        assert_eq!(world.deliveries_of(EventType::SessionFailed).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_event_whose_answer_was_lost_is_repeated_with_the_same_id() {
    on_the_stack("event-twice", json!({}), async |world| {
        world.subscribe_to_all_events().await;
        let lost = json!({
            "match": format!("POST /hooks/{}", world.tenant), "body_match": "email.status", "drop_after": true
        });
        world.fault("webhook", lost).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        let deliveries = async || world.deliveries_of(EventType::EmailStatus).await;
        assert!(eventually(async || deliveries().await.len() == 2).await, "{:#?}", deliveries().await);
        let deliveries = deliveries().await;
        assert_eq!((&deliveries[0]["id"], &deliveries[0]["body"]), (&deliveries[1]["id"], &deliveries[1]["body"]));
    })
    .await;
}

#[tokio::test]
async fn what_an_operator_replays_is_sent_once_more_with_the_same_id_and_is_in_the_log() {
    on_the_stack("replayed", json!({}), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        let replay = json!({ "task": "replay_integration", "integration_id": "webhook", "session_id": "s-1" });
        assert_eq!(world.administer(replay).await, json!({ "replayed": 1, "next": null }));
        assert!(eventually(async || world.deliveries().await.len() == 2).await, "{:#?}", world.deliveries().await);
        let deliveries = world.deliveries().await;
        assert_eq!((&deliveries[0]["id"], &deliveries[0]["body"]), (&deliveries[1]["id"], &deliveries[1]["body"]));
        assert!(deliveries.iter().all(|delivery| delivery["verified"] == true));

        let attempts = json!({ "task": "show_attempts", "integration_id": "webhook" });
        let attempts = world.administer(attempts).await["attempts"].clone();
        let replays: Vec<_> = attempts.as_array().unwrap().iter().map(|attempt| &attempt["is_replay"]).collect();
        assert_eq!(replays, [&json!(true), &json!(false)], "{attempts:#}");
        let log = json!({ "task": "show_syncs", "integration_id": "hubspot", "session_id": "s-1" });
        let log = world.administer(log).await["syncs"][0].clone();
        assert_eq!((&log["status"], &log["tries"]), (&json!("done"), &json!(1)), "{log:#}");
    })
    .await;
}
