use pipeline_tests::{Queue, World, eventually, on_the_stack};
use serde_json::{Value, json};

use crate::model::dead_letter;

/// Mails, notes and webhooks so far.
async fn effects(world: &World) -> (usize, usize, usize) {
    (world.mails().await.len(), world.notes().await.len(), world.deliveries().await.len())
}

/// A conversation of this many turns, in which the visitor speaks every other time.
fn long_notification(world: &World, session: &str, turns: usize) -> Value {
    let mut notification = world.notification(session);
    let marker = world.marker(session);
    let turn = |n: usize| match n % 2 {
        0 => json!({ "role": "agent", "text": format!("Answer number {n}: let me look at that with you.") }),
        _ => json!({ "role": "visitor", "text": format!("Question number {n} about the broken brake, {marker}") }),
    };
    notification["transcript"] = (0..turns).map(turn).collect();
    notification
}

#[tokio::test]
async fn a_bad_answer_is_repaired_in_the_same_conversation() {
    on_the_stack("repair", json!({}), async |world| {
        let marker = world.marker("s-1");
        let bad = json!([{ "match": marker, "answer": "{\"category\":{\"label\":\"vip\"}}" }]);
        world.stack.fake("bedrock").script(bad).await.unwrap();
        world.send("s-1").await;
        world.completed("s-1").await;
        let analysis = world.analysis("s-1").await.unwrap();
        assert_eq!((analysis["status"].as_str(), analysis["usage"]["attempts"].as_u64()), (Some("ok"), Some(2)));
        assert_eq!(effects(world).await, (1, 1, 1));
        let requests = world.stack.fake("bedrock").requests(&marker).await.unwrap();
        let second: Value = serde_json::from_str(requests[1]["body"].as_str().unwrap()).unwrap();
        assert_eq!(second["messages"].as_array().unwrap().len(), 3, "the question, the answer, what was wrong with it");
        let calls = world.model_call_log("s-1").await;
        assert_eq!(calls, [("invalid".to_owned(), Some("not_as_asked".to_owned())), ("usable".to_owned(), None)]);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_fails_the_session_and_is_never_a_result() {
    on_the_stack("refusal", json!({}), async |world| {
        let refused =
            json!([{ "match": world.marker("s-1"), "answer": "I cannot.", "stop_reason": "content_filtered" }]);
        world.stack.fake("bedrock").script(refused).await.unwrap();
        world.send("s-1").await;
        let ended = world.ended("s-1").await;
        assert_eq!((ended.status.as_str(), ended.failure_code.as_deref()), ("failed", Some("model_content_filtered")));
        assert_eq!((world.analysis("s-1").await, effects(world).await), (None, (0, 0, 0)));
        assert_eq!(world.model_calls(&world.marker("s-1")).await, 1);
        let letter = dead_letter(world, Queue::Analyze).await;
        assert_eq!(letter.code.as_deref(), Some("model_content_filtered"));
    })
    .await;
}

#[tokio::test]
async fn sessions_beyond_the_budget_wait_and_go_on_when_it_is_raised() {
    let settings = |usd: f64| json!({ "analysis": { "monthly_budget_usd": usd } });
    on_the_stack("budget", settings(0.000_001), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        world.send("s-2").await;
        let waits = eventually(async || world.session("s-2").await.unwrap().status == "waiting").await;
        let session = world.session("s-2").await.unwrap();
        assert!(waits, "{session:#?}");
        assert_eq!(session.step("analyze"), "waiting: budget_spent");
        assert_eq!((world.model_calls(&world.marker("s-2")).await, effects(world).await), (0, (1, 1, 1)));

        world.save_settings(settings(100.0)).await;
        world.end_waiting("s-2").await;
        let (report, failed) = world.stack.invoke("housekeep", &json!({ "task": "requeue" })).await;
        assert!(!failed && report["resumed"].as_u64() >= Some(1), "{report}");
        world.completed("s-2").await;
        assert_eq!(effects(world).await, (2, 2, 2));
    })
    .await;
}

#[tokio::test]
async fn a_part_that_cannot_be_analysed_makes_the_result_partial_and_says_so() {
    on_the_stack("partial", json!({}), async |world| {
        let nonsense = json!([{
            "match": world.marker("s-1"), "match_prompt": "Part: 2 of 3", "times": 3, "answer": "nonsense"
        }]);
        world.stack.fake("bedrock").script(nonsense).await.unwrap();
        let (status, answer) = world.post(&long_notification(world, "s-1", 1500)).await;
        assert_eq!(status, 202, "{answer}");
        world.completed("s-1").await;
        let analysis = world.analysis("s-1").await.unwrap();
        assert_eq!((analysis["status"].as_str(), analysis["code"].as_str()), (Some("partial"), Some("parts_failed")));
        let coverage =
            json!({ "turns_total": 1500, "turns_analysed": 900, "chunks": 3, "chunks_failed": 1, "items_left_out": 0 });
        assert_eq!(analysis["coverage"], coverage);
        let timeline = analysis["sentiment"]["timeline"].as_array().unwrap();
        assert_eq!(timeline.len(), 450);
        assert!(timeline.is_sorted_by_key(|feeling| feeling["turn"].as_u64()));
        let state = world.stack.fake("bedrock").state(&world.marker("s-1")).await.unwrap();
        // Two parts are asked about once, the other three times.
        assert_eq!(state["kinds"]["part"], 5, "the stand-in knows the lines of the prompt: {state}");
        assert_eq!(effects(world).await, (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_further_analysis_is_a_version_of_its_own_and_sends_nothing() {
    on_the_stack("again", json!({}), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        let first = world.analysis("s-1").await.unwrap();
        let model = "global.anthropic.claude-sonnet-5-5";
        let again = json!({
            "task": "reanalyze", "tenant_id": world.tenant, "session_id": "s-1", "model": model
        });
        let (report, failed) = world.stack.invoke("housekeep", &again).await;
        assert_eq!((failed, report["analysis_version"].as_i64()), (false, Some(2)), "{report}");
        assert!(eventually(async || world.analysis_version("s-1", 2).await.is_some()).await);
        world.completed("s-1").await;
        let second = world.analysis_version("s-1", 2).await.unwrap();
        assert_eq!(second["usage"]["model"], model);
        assert_ne!(second["usage"]["model"], first["usage"]["model"]);
        assert_eq!(world.analysis("s-1").await.unwrap(), first, "the first version stays as it was");

        let message = format!(
            r#"{{"type":"analyze.v2","tenant_id":"{}","session_id":"s-1","analysis_version":3,"model":null,"follow_ups":false}}"#,
            world.tenant
        );
        world.enqueue(Queue::Analyze, &message).await;
        assert!(eventually(async || world.analysis_version("s-1", 3).await.is_some()).await, "a bare message does it too");
        world.completed("s-1").await;
        assert_eq!(effects(world).await, (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_further_analysis_is_sent_where_that_is_asked_for() {
    on_the_stack("resend", json!({}), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        let again = json!({
            "task": "reanalyze", "tenant_id": world.tenant, "session_id": "s-1", "follow_ups": true
        });
        let (report, failed) = world.stack.invoke("housekeep", &again).await;
        assert!(!failed, "{report}");
        assert!(eventually(async || effects(world).await == (2, 1, 2)).await, "{:?}", effects(world).await);
        world.completed("s-1").await;
    })
    .await;
}

#[tokio::test]
async fn what_a_tenant_hides_never_reaches_the_model() {
    let settings = json!({ "redaction": {
        "entities": ["email", "payment_card"],
        "patterns": [{ "name": "customer_number", "pattern": "KD-\\d{6}" }],
        "mails": "original"
    } });
    on_the_stack("hidden", settings, async |world| {
        let mut notification = world.notification("s-1");
        let said = format!(
            "The brake is broken, case {}/s-1. My number is KD-123456, my card 4111 1111 1111 1111, write to me@example.com.",
            world.tenant
        );
        notification["transcript"][1]["text"] = said.into();
        assert_eq!(world.post(&notification).await.0, 202);
        world.completed("s-1").await;
        let requests = world.stack.fake("bedrock").requests(&world.marker("s-1")).await.unwrap();
        let prompt = requests[0]["body"].as_str().unwrap();
        for hidden in ["KD-123456", "4111", "me@example.com"] {
            assert!(!prompt.contains(hidden), "{hidden}");
        }
        for shown in ["[CUSTOMER_NUMBER_1]", "[PAYMENT_CARD_1]", "[EMAIL_1]"] {
            assert!(prompt.contains(shown), "{shown}");
        }
        let analysis = world.analysis("s-1").await.unwrap();
        assert_eq!(analysis["redactions"], json!({ "customer_number": 1, "email": 1, "payment_card": 1 }));
        assert!(!analysis.to_string().contains("4111"), "{analysis}");
        let (mails, notes, deliveries) = (world.mails().await, world.notes().await, world.deliveries().await);
        assert!(json!(mails).to_string().contains("4111 1111 1111 1111"), "mails show the original here: {mails:#?}");
        for shown in [json!(notes), json!(deliveries)] {
            let shown = shown.to_string();
            assert!(shown.contains("[PAYMENT_CARD_1]") && !shown.contains("4111"), "{shown}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_longest_conversations_are_analysed_whole_within_256_mib() {
    on_the_stack("long", json!({}), async |world| {
        let (status, answer) = world.post(&long_notification(world, "s-1", 10_000)).await;
        assert_eq!(status, 202, "{answer}");
        let mut one_turn = world.notification("s-2");
        let words = "The brake of this bicycle squeaks and I am not happy at all. ".repeat(200_000 / 61 + 1);
        one_turn["transcript"][1]["text"] = format!("{} {words}", world.marker("s-2")).into();
        assert_eq!(world.post(&one_turn).await.0, 202);
        for (session, turns) in [("s-1", 10_000), ("s-2", 4)] {
            world.completed(session).await;
            let analysis = world.analysis(session).await.unwrap();
            assert_eq!(analysis["status"], "ok", "{session}: {}", analysis["code"]);
            assert_eq!(analysis["coverage"]["turns_analysed"], turns, "{session}");
        }
        let peak = world.stack.peak_memory_mib("analyze");
        assert!((1..256).contains(&peak), "{peak} MiB");
    })
    .await;
}

#[tokio::test]
async fn a_tenants_own_metrics_and_topics_are_evaluated_or_say_why_not() {
    let settings = json!({ "analysis": {
        "topics": ["Brake repair", "Delivery"],
        "custom_metrics": [
            { "name": "wants_repair", "description": "Whether a repair is wanted", "type": "boolean" },
            { "name": "voice_only", "description": "Asked on the phone", "type": "boolean", "when": { "channels": ["voice"] } },
            { "name": "spent", "description": "Euros spent before", "type": "number", "min": 0, "max": 10000 }
        ]
    } });
    on_the_stack("metrics", settings, async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        let analysis = world.analysis("s-1").await.unwrap();
        let metrics = &analysis["custom_metrics"];
        assert_eq!(metrics["wants_repair"]["status"], "ok", "{metrics}");
        assert!(metrics["wants_repair"]["value"].is_boolean(), "{metrics}");
        for name in ["voice_only", "spent"] {
            assert_eq!((&metrics[name]["status"], &metrics[name]["value"]), (&json!("not_evaluated"), &Value::Null));
            assert!(!metrics[name]["rationale"].as_str().unwrap().is_empty(), "{metrics}");
        }
        let topics = analysis["topics"].as_array().unwrap();
        assert!(topics.iter().all(|topic| topic == "Brake repair" || topic == "Delivery"), "{topics:?}");
    })
    .await;
}
