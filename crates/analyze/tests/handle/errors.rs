//! Errors of the model and their outcomes.

use super::*;

#[tokio::test]
async fn throttling_is_left_to_the_queue_and_is_no_attempt() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    let throttled = json!({ "match": "POST converse", "times": 4, "exception": "ThrottlingException" });
    world.bedrock.control.fault(throttled).await.unwrap();
    for _ in 0..4 {
        let error = world.handle().await.unwrap_err();
        assert_eq!((error.is_retryable(), error.code().as_str()), (true, "model_throttled"));
    }
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!(world.analysis().await.unwrap().usage.attempts, 1);
}

#[tokio::test]
async fn attempts_are_counted_across_deliveries() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "times": 9, "answer": "nonsense" }])).await;
    let fault = json!({ "match": "POST converse", "times": 1, "status": 503, "delay_ms": 1 });
    world.handle().await.unwrap_err();
    world.bedrock.control.fault(fault).await.unwrap();
    let error = world.handle().await.unwrap_err();
    assert_eq!(error.to_string(), "no valid answer in 3 attempts; the last answer: unknown");
    assert_eq!(world.calls().await, 3);
}

#[tokio::test]
async fn a_request_is_not_begun_with_too_little_time_and_is_no_attempt() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    let error = world.handle_within(Duration::from_millis(1400)).await.unwrap_err();
    assert_eq!((error.is_retryable(), error.code().as_str()), (true, "out_of_time"));
    assert_eq!(world.calls().await, 0);
    assert_eq!(world.handle_within(Duration::from_secs(4)).await.unwrap(), Outcome::Done);
    assert_eq!(world.analysis().await.unwrap().usage.attempts, 1);
}

#[tokio::test]
async fn an_answer_with_shortcomings_is_taken_where_no_time_is_left_to_ask_again() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "times": 9, "answer": answer("I will sue you") }])).await;
    let slow = json!({ "match": "POST converse", "delay_ms": 1800 });
    world.bedrock.control.fault(slow).await.unwrap();
    assert_eq!(world.handle_within(Duration::from_secs(4)).await.unwrap(), Outcome::Done);
    assert_eq!(world.calls().await, 1);
    assert_eq!(world.analysis().await.unwrap().status, AnalysisStatus::Partial);
}

#[tokio::test]
async fn errors_that_pass_have_their_own_codes_and_are_left_to_the_queue() {
    for (exception, code) in [
        ("ModelNotReadyException", "model_not_ready"),
        ("ModelTimeoutException", "model_timeout"),
        ("ModelErrorException", "model_unavailable"),
        ("InternalServerException", "model_unavailable"),
        ("ServiceUnavailableException", "model_unavailable"),
    ] {
        let world = World::new(json!({}), Some(&CHAT)).await;
        world.bedrock.control.fault(json!({ "match": "POST converse", "exception": exception })).await.unwrap();
        let error = world.handle().await.unwrap_err();
        assert_eq!((error.is_retryable(), error.code().as_str()), (true, code), "{exception}");
    }
}

#[tokio::test]
async fn where_a_model_does_not_answer_the_next_one_is_asked() {
    for exception in ["ThrottlingException", "AccessDeniedException", "ResourceNotFoundException"] {
        let fallbacks = json!({ "analysis": { "fallback_models": ["eu.amazon.nova-2-lite-v1:0"] } });
        let world = World::new(fallbacks, Some(&CHAT)).await;
        let fault = json!({ "match": "POST converse claude", "exception": exception, "times": 1 });
        world.bedrock.control.fault(fault).await.unwrap();
        assert_eq!(world.handle().await.unwrap(), Outcome::Done, "{exception}");
        let usage = world.analysis().await.unwrap().usage;
        assert_eq!((usage.model.as_deref(), usage.attempts), (Some("eu.amazon.nova-2-lite-v1:0"), 1));
        let requests = world.bedrock.control.requests("converse").await.unwrap();
        let body: Value = serde_json::from_str(requests[1]["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            body["toolConfig"]["toolChoice"]["tool"]["name"], "record_analysis",
            "Nova is forced to call a tool"
        );
        assert!(body.get("outputConfig").is_none());
    }
}

#[tokio::test]
async fn a_model_that_is_too_slow_leaves_time_for_the_next_one_and_its_cost_is_estimated() {
    let fallbacks = json!({ "analysis": { "fallback_models": ["eu.amazon.nova-2-lite-v1:0"] } });
    let world = World::new(fallbacks, Some(&CHAT)).await;
    let slow = json!({ "match": "POST converse claude", "delay_ms": 4000, "times": 1 });
    world.bedrock.control.fault(slow).await.unwrap();
    assert_eq!(world.handle_within(Duration::from_secs(6)).await.unwrap(), Outcome::Done);
    let usage = world.analysis().await.unwrap().usage;
    assert_eq!((usage.model.as_deref(), usage.attempts), (Some("eu.amazon.nova-2-lite-v1:0"), 1));
    let answered = (usage.input_tokens as f64 * 0.3 + usage.output_tokens as f64 * 2.5) * 1.1 / 1e6;
    assert!(usage.cost_usd.unwrap() > answered + 4000.0 * 5.0 / 1e6, "{usage:?}");
    assert!(usage.latency_ms > 2000, "{usage:?}");
}

#[tokio::test]
async fn a_usable_answer_is_not_given_up_for_a_worse_one() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "answer": answer("I will sue you") }, { "times": 9, "answer": "nonsense" }])).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!((world.calls().await, world.analysis().await.unwrap().status), (2, AnalysisStatus::Partial));
}

#[tokio::test]
async fn errors_that_no_repetition_helps_are_final_with_a_code() {
    for (exception, code) in [
        ("AccessDeniedException", "model_access_denied"),
        ("ResourceNotFoundException", "model_not_found"),
        ("ValidationException", "model_rejected_request"),
    ] {
        let world = World::new(json!({}), Some(&CHAT)).await;
        world.bedrock.control.fault(json!({ "match": "POST converse", "exception": exception })).await.unwrap();
        let error = world.handle().await.unwrap_err();
        assert_eq!((error.is_retryable(), error.code().as_str()), (false, code));
    }
    for (stop_reason, code) in [
        ("guardrail_intervened", "model_guardrail"),
        ("content_filtered", "model_content_filtered"),
        ("refusal", "model_refused"),
        ("model_context_window_exceeded", "transcript_too_long"),
    ] {
        let world = World::new(json!({}), Some(&CHAT)).await;
        world.script(json!([{ "answer": "No.", "stop_reason": stop_reason }])).await;
        let error = world.handle().await.unwrap_err();
        assert_eq!((error.is_retryable(), error.code().as_str()), (false, code));
        assert_eq!(world.calls().await, 1);
    }
}
