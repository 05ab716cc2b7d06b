//! Costs of requests, and transcripts in parts.

use store::parts::PartKey;

use super::*;

#[tokio::test]
async fn a_call_is_paid_for_by_its_tokens() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.handle().await.unwrap();
    let usage = world.analysis().await.unwrap().usage;
    let tokens = [usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens];
    let usd: f64 = tokens.iter().zip([1.0, 5.0, 0.1, 1.25]).map(|(tokens, price)| *tokens as f64 * price / 1e6).sum();
    assert!((usage.cost_usd.unwrap() - usd).abs() < 1e-9 && usd > 0.0, "{usage:?}");
    let spent = world.database.store.model_spend(&"acme".parse().unwrap(), Utc::now()).await.unwrap();
    assert!((spent - usd).abs() < 1e-9, "{spent}");
}

#[tokio::test]
async fn a_budget_that_is_spent_or_cannot_be_kept_makes_the_session_wait() {
    for (settings, code) in [
        (json!({ "monthly_budget_usd": 0 }), "budget_spent"),
        (json!({ "monthly_budget_usd": 5, "model": "meta.llama9" }), "model_price_unknown"),
    ] {
        let world = World::new(json!({ "analysis": settings }), Some(&CHAT)).await;
        let outcome = Outcome::of(&world.handle().await.unwrap_err());
        assert!(matches!(outcome, Outcome::Wait { code: found, .. } if found.as_str() == code), "{outcome:?}");
        assert_eq!(world.calls().await, 0);
    }
}

/// Every other turn is the visitor's.
fn long(turns: usize, words: &str) -> Vec<(Role, String)> {
    let role = |n| if n % 2 == 0 { Role::Agent } else { Role::Visitor };
    (0..turns).map(|n| (role(n), format!("Number {n}: {words}"))).collect()
}

async fn world_of(settings: Value, turns: &[(Role, String)]) -> World {
    let turns: Vec<(Role, &str)> = turns.iter().map(|(role, text)| (*role, text.as_str())).collect();
    World::new(settings, Some(&turns)).await
}

#[tokio::test]
async fn what_does_not_fit_is_analysed_in_smaller_parts_however_few_attempts_there_are() {
    for refusal in [
        json!({ "answer": "No.", "stop_reason": "model_context_window_exceeded", "times": 3 }),
        json!({ "match_prompt": "never", "answer": "" }),
    ] {
        let world =
            world_of(json!({ "analysis": { "max_attempts": 1 } }), &long(200, &"it is broken ".repeat(20))).await;
        world.script(json!([refusal])).await;
        // The first splitting is refused whole, by a stop reason or by an error; of the second, a part is too long
        // again.
        if refusal["match_prompt"].is_string() {
            let too_long = json!({
                "match": "POST converse", "times": 1, "status": 400,
                "headers": { "x-amzn-errortype": "ValidationException" },
                "body": { "message": "Input is too long for requested model." }
            });
            world.bedrock.control.fault(too_long).await.unwrap();
        }
        assert_eq!(world.handle().await.unwrap(), Outcome::Done, "{refusal}");
        let analysis = world.analysis().await.unwrap();
        assert_eq!((analysis.status, analysis.coverage.chunks_failed), (AnalysisStatus::Ok, 0));
        assert!(analysis.coverage.chunks > 1, "{:?}", analysis.coverage);
        assert_eq!(analysis.sentiment.unwrap().timeline.len(), 100);
    }
}

#[tokio::test]
async fn a_later_delivery_begins_with_the_smaller_parts() {
    let world = world_of(json!({}), &long(200, &"it is broken ".repeat(20))).await;
    let too_long = json!({
        "match": "POST converse", "times": 1, "status": 400,
        "headers": { "x-amzn-errortype": "ValidationException" },
        "body": { "message": "Input is too long for requested model." }
    });
    let throttled = json!({ "match": "POST converse", "times": 9, "exception": "ThrottlingException" });
    world.bedrock.control.fault(json!([too_long, throttled])).await.unwrap();
    assert_eq!(world.handle().await.unwrap_err().code().as_str(), "model_throttled");
    let session = session();
    let parts = world.database.store.parts(&session.tenant_id, &session.session_id, 1).await.unwrap();
    assert_eq!(parts, [(PartKey { split: 0, part: 0 }, None)]);

    world.bedrock.control.clear().await.unwrap();
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert!(world.analysis().await.unwrap().coverage.chunks > 1);
    let sql =
        "SELECT count(*) FILTER (WHERE split = 0), count(*) FILTER (WHERE split = 1 AND part = -1) FROM model_calls";
    let row = world.database.client().await.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 1), "the whole once, and all parts together once");
}

#[tokio::test]
async fn parts_that_were_analysed_are_not_paid_for_again_and_the_session_waits_for_the_others() {
    let world = world_of(json!({}), &long(1500, "it is broken.")).await;
    let fault = json!({ "match": "POST converse", "body_match": "Part: 3 of 3", "exception": "ThrottlingException" });
    world.bedrock.control.fault(fault).await.unwrap();
    let outcome = Outcome::of(&world.handle().await.unwrap_err());
    assert!(
        matches!(outcome, Outcome::Wait { after: Duration::ZERO, code } if code.as_str() == "parts_left"),
        "{outcome:?}"
    );
    let before = world.calls().await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!(world.calls().await, before + 2, "the third part, and all together");
    let analysis = world.analysis().await.unwrap();
    assert_eq!((analysis.status, analysis.usage.attempts), (AnalysisStatus::Ok, 4));
}

#[tokio::test]
async fn a_delivery_that_gets_no_further_is_the_queues_to_repeat() {
    let world = world_of(json!({}), &long(1500, "it is broken.")).await;
    let fault = json!({ "match": "POST converse", "times": 9, "exception": "ThrottlingException" });
    world.bedrock.control.fault(fault).await.unwrap();
    let error = world.handle().await.unwrap_err();
    assert_eq!((error.is_retryable(), error.code().as_str()), (true, "model_throttled"));
    let requests = world.bedrock.control.requests("converse").await.unwrap();
    assert!(requests.len() <= 4, "no part is begun after an error that all would meet: {}", requests.len());
}

#[tokio::test]
async fn more_parts_than_one_request_can_put_together_are_put_together_from_less() {
    let world = world_of(json!({ "analysis": { "model": "meta.llama9" } }), &long(3000, "it is broken.")).await;
    assert_eq!(world.handle_within(Duration::from_secs(20)).await.unwrap(), Outcome::Done);
    let analysis = world.analysis().await.unwrap();
    assert_eq!(analysis.coverage.turns_analysed, 3000);
    assert!(analysis.coverage.chunks >= 15, "{:?}", analysis.coverage);
    assert_eq!((analysis.status, analysis.usage.cost_usd), (AnalysisStatus::Ok, None));
}
