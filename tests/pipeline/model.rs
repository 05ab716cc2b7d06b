use pipeline_tests::{DeadLetter, Queue, World, eventually, on_the_stack};
use serde_json::json;

pub(crate) async fn dead_letter(world: &World, queue: Queue) -> DeadLetter {
    let mut letters = Vec::new();
    let arrived = eventually(async || {
        letters.extend(world.take_dead_letters(queue).await);
        !letters.is_empty()
    })
    .await;
    assert!(arrived, "no message of {} in the dead-letter queue of {queue:?}", world.tenant);
    assert_eq!(letters.len(), 1, "{letters:#?}");
    letters.remove(0)
}

#[tokio::test]
async fn a_throttled_model_is_asked_again_by_the_queue() {
    on_the_stack("throttled", json!({}), async |world| {
        let throttled = json!({
            "match": "POST converse", "body_match": world.marker("s-1"), "times": 2, "exception": "ThrottlingException"
        });
        world.fault("bedrock", throttled).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        assert_eq!(world.analysis("s-1").await.unwrap()["usage"]["attempts"], 1);
        let requests = world.stack.fake("bedrock").requests(&world.marker("s-1")).await.unwrap();
        assert_eq!(requests.iter().filter(|request| request["status"] == 429).count(), 2);
    })
    .await;
}

#[tokio::test]
async fn nonsense_three_times_fails_the_session_and_a_replay_completes_it() {
    on_the_stack("nonsense", json!({}), async |world| {
        let nonsense =
            json!([{ "match": world.marker("s-1"), "times": 3, "answer": "I am sorry, an error occurred." }]);
        world.stack.fake("bedrock").script(nonsense).await.unwrap();
        world.send("s-1").await;
        let ended = world.ended("s-1").await;
        assert_eq!((ended.status.as_str(), ended.failure_code.as_deref()), ("failed", Some("model_answers_invalid")));
        assert_eq!(world.model_calls(&world.marker("s-1")).await, 3);
        assert_eq!(world.analysis("s-1").await, None, "nothing that looks like a result");
        assert_eq!((world.mails().await.len(), world.notes().await.len(), world.deliveries().await.len()), (0, 0, 0));

        let letter = dead_letter(world, Queue::Analyze).await;
        assert_eq!(letter.code.as_deref(), Some("model_answers_invalid"));
        assert!(letter.message.as_deref().is_some_and(|message| message.contains("3 attempts")), "{letter:?}");
        world.redrive(Queue::Analyze, &letter).await;
        assert!(eventually(async || world.session("s-1").await.unwrap().status == "completed").await);
        assert_eq!((world.mails().await.len(), world.notes().await.len(), world.deliveries().await.len()), (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_poison_message_leaves_the_good_ones_of_its_batch_alone() {
    on_the_stack("poison", json!({}), async |world| {
        // The queue refuses ingest, so that the sessions are stored and we can queue them together.
        world.refuse_messages(2).await;
        for session in ["s-1", "s-2"] {
            assert_eq!(world.post(&world.notification(session)).await.0, 503);
        }
        let message = |session: &str| {
            format!(r#"{{"type":"analyze.v1","tenant_id":"{}","session_id":"{session}"}}"#, world.tenant)
        };
        let poison = format!("{{\"type\":\"analyze.v9\",\"tenant_id\":\"{}\"", world.tenant);
        world.enqueue_together(Queue::Analyze, &[&message("s-1"), &poison, &message("s-2")]).await;
        world.completed("s-1").await;
        world.completed("s-2").await;
        let letter = dead_letter(world, Queue::Analyze).await;
        assert_eq!((letter.body, letter.code.as_deref()), (poison, Some("unreadable_message")));
    })
    .await;
}
