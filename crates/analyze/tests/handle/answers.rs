//! Answers of the model, and conversations that need none.

use super::*;

#[tokio::test]
async fn a_conversation_is_analysed_stored_and_passed_on() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    let analysis = world.analysis().await.unwrap();
    assert_eq!((analysis.status, analysis.code.as_deref()), (AnalysisStatus::Ok, None));
    let category = analysis.category.unwrap();
    assert_eq!(category.label, CategoryLabel::FacingIssue);
    let evidence = &category.justification.evidence[0];
    assert!(CHAT[evidence.turn].1.contains(&evidence.quote), "{evidence:?}");
    let sentiment = analysis.sentiment.unwrap();
    assert_eq!(sentiment.timeline.iter().map(|feeling| feeling.turn).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((analysis.usage.attempts, analysis.usage.prompt_version.as_deref()), (1, Some("v2")));
    assert!(analysis.usage.input_tokens > 0 && analysis.usage.output_tokens > 0);
    let session = session();
    let planned = world
        .database
        .store
        .unclaimed_steps(&session.tenant_id, &session.session_id, store::steps::Unclaimed::All)
        .await
        .unwrap();
    assert_eq!(
        planned.iter().map(|planned| planned.message.as_str()).collect::<Vec<_>>(),
        [r#"{"type":"notify.v1","tenant_id":"acme","session_id":"s-1","analysis_version":1}"#]
    );
}

#[tokio::test]
async fn the_whole_prompt_of_a_short_session() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.handle().await.unwrap();
    let requests = world.bedrock.control.requests("converse").await.unwrap();
    let body: Value = serde_json::from_str(requests[0]["body"].as_str().unwrap()).unwrap();
    let message = body["messages"][0]["content"][0]["text"].as_str().unwrap();
    let opening = message.lines().find(|line| line.starts_with("<transcript-")).unwrap();
    let nonce = opening.trim_start_matches("<transcript-").trim_end_matches('>');
    assert_eq!((nonce.len(), message.matches(nonce).count()), (16, 2), "nobody who spoke could know it");
    assert_eq!(body["system"][1]["cachePoint"]["type"], "default", "the constant part can be cached");
    let system = body["system"][0]["text"].as_str().unwrap();
    insta::assert_snapshot!("whole_prompt", format!("{system}\n=====\n{}", message.replace(nonce, "NONCE")));
}

#[tokio::test]
async fn an_analysis_that_is_stored_already_costs_no_second_call() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.handle().await.unwrap();
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!(world.calls().await, 1);
}

#[tokio::test]
async fn nonsense_is_asked_again_three_times_and_leaves_nothing_that_looks_like_a_result() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "times": 9, "answer": "I am sorry, an error occurred." }])).await;
    let error = world.handle().await.unwrap_err();
    assert_eq!((error.is_retryable(), error.code().as_str()), (false, "model_answers_invalid"));
    assert_eq!(error.to_string(), "no valid answer in 3 attempts; the last answer: not_as_asked");
    assert_eq!((world.calls().await, world.analysis().await), (3, None));
}

#[tokio::test]
async fn a_tenant_may_have_up_to_five_attempts_and_the_model_gets_what_was_wrong() {
    let world = World::new(json!({ "analysis": { "max_attempts": 5 } }), Some(&CHAT)).await;
    let wrong = answer("machine is broken").replace("facing_issue", "furious");
    world.script(json!([{ "times": 4, "answer": wrong }, { "answer": answer("machine is broken") }])).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!(world.analysis().await.unwrap().usage.attempts, 5);
    let requests = world.bedrock.control.requests("converse").await.unwrap();
    let last: Value = serde_json::from_str(requests.last().unwrap()["body"].as_str().unwrap()).unwrap();
    let messages = last["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3, "the transcript, the last answer, and what was wrong with it");
    let reported = messages[2]["content"][0]["text"].as_str().unwrap();
    assert!(reported.contains("category.label is not one of immediate_buyer"), "{reported}");
}

#[tokio::test]
async fn a_tool_call_that_is_wrong_is_answered_with_what_was_wrong() {
    let world = World::new(json!({ "analysis": { "model": "eu.amazon.nova-2-lite-v1:0" } }), Some(&CHAT)).await;
    world.script(json!([{ "answer": answer("machine is broken").replace("facing_issue", "furious") }])).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    assert_eq!(world.analysis().await.unwrap().usage.attempts, 2);
    let requests = world.bedrock.control.requests("converse").await.unwrap();
    let body: Value = serde_json::from_str(requests[1]["body"].as_str().unwrap()).unwrap();
    let result = &body["messages"][2]["content"][0]["toolResult"];
    assert_eq!(result["status"], "error");
    assert_eq!(result["toolUseId"], body["messages"][1]["content"][0]["toolUse"]["toolUseId"]);
    assert!(result["content"][0]["text"].as_str().unwrap().contains("category.label is not one of"), "{result}");
}

#[tokio::test]
async fn a_tool_input_that_is_not_an_object_is_asked_again() {
    for input in [json!([answer("machine is broken")]), json!("yes"), json!(null)] {
        let world = World::new(json!({ "analysis": { "model": "eu.amazon.nova-2-lite-v1:0" } }), Some(&CHAT)).await;
        world.script(json!({ "tool_use": { "name": "send_email", "input": input } })).await;
        assert_eq!(world.handle().await.unwrap(), Outcome::Done, "{input}");
        assert_eq!(world.analysis().await.unwrap().usage.attempts, 2);
    }
}

#[tokio::test]
async fn a_visitor_who_said_less_than_the_tenant_asks_for_costs_no_call() {
    let world = World::new(json!({ "analysis": { "min_visitor_words": 30 } }), Some(&CHAT)).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    let analysis = world.analysis().await.unwrap();
    assert_eq!(analysis.status, AnalysisStatus::InsufficientContent);
    assert_eq!((analysis.code.as_deref(), world.calls().await), (Some("too_little_content"), 0));
}

#[tokio::test]
async fn an_invented_quote_is_asked_again_once_then_dropped() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "times": 9, "answer": answer("I will sue you") }])).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    let analysis = world.analysis().await.unwrap();
    assert_eq!((world.calls().await, analysis.usage.quotes_dropped), (2, 1));
    assert_eq!(analysis.code.as_deref(), Some("category_without_evidence"));
    assert_eq!(analysis.status, AnalysisStatus::Partial);
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_asked_again_with_more_room() {
    let world = World::new(json!({}), Some(&CHAT)).await;
    world.script(json!([{ "answer": "{\"intent\":", "stop_reason": "max_tokens" }])).await;
    assert_eq!(world.handle().await.unwrap(), Outcome::Done);
    let requests = world.bedrock.control.requests("converse").await.unwrap();
    let room = |n: usize| {
        let body: Value = serde_json::from_str(requests[n]["body"].as_str().unwrap()).unwrap();
        body["inferenceConfig"]["maxTokens"].as_u64().unwrap()
    };
    assert_eq!(room(1), 2 * room(0));
}

#[tokio::test]
async fn a_visitor_who_said_nothing_costs_no_call() {
    for turns in [&[][..], &[(Role::Agent, "Hello?"), (Role::Visitor, " … ")][..]] {
        let world = World::new(json!({}), Some(turns)).await;
        assert_eq!(world.handle().await.unwrap(), Outcome::Done);
        let analysis = world.analysis().await.unwrap();
        assert_eq!(analysis.status, AnalysisStatus::InsufficientContent);
        assert_eq!((analysis.code.as_deref(), analysis.summary), (Some("no_visitor_turns"), None));
        assert_eq!(world.calls().await, 0);
    }
}

#[tokio::test]
async fn a_transcript_that_is_not_there_yet_is_waited_for_and_then_given_up() {
    let mut world = World::new(json!({}), None).await;
    let Outcome::Retry { after, code, .. } = world.handle().await.unwrap() else { panic!("it should wait") };
    assert_eq!((after, code.as_str()), (Some(Duration::from_secs(200)), "transcript_missing"));
    fn later() -> DateTime<Utc> {
        Utc::now() + Duration::from_secs(601)
    }
    world.context.clock = later;
    assert!(
        matches!(world.handle().await.unwrap(), Outcome::Final { code, .. } if code.as_str() == "transcript_missing")
    );
}
