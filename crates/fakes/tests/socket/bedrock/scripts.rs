use super::tools::{forced, schema, tool_use};
use super::*;

#[tokio::test]
async fn a_script_can_be_for_one_part_or_for_the_answer_to_a_correction() {
    let fake = bedrock::start().await.unwrap();
    let scripts = json!([
        { "match_prompt": "Part: 2 of", "answer": "second" },
        { "match": "session-7", "match_prompt": "mend it", "answer": "mended" },
    ]);
    fake.control.script(scripts).await.unwrap();
    let part = |number: u32| {
        let prompt = format!("Part: {number} of 2\n<transcript-1>\n[0] visitor: session-7\n</transcript-1>");
        client(&fake).converse().model_id(MODEL).messages(message(ConversationRole::User, prompt))
    };
    assert!(text(part(1)).await.0.starts_with('{'));
    assert_eq!(text(part(2)).await.0, "second");
    let corrected = part(1).messages(message(ConversationRole::Assistant, "{}"));
    let corrected = corrected.messages(message(ConversationRole::User, "Please mend it"));
    assert_eq!(text(corrected).await.0, "mended");
}

#[tokio::test]
async fn a_scripted_object_is_the_input_of_a_forced_tool_and_other_text_stays_text() {
    let fake = bedrock::start().await.unwrap();
    let scripts = json!([
        { "answer": "{\"category\": 7}" },
        { "answer": "{}", "stop_reason": "malformed_tool_use" },
        { "answer": "I can't." },
    ]);
    fake.control.script(scripts).await.unwrap();
    let ask = || ask(&fake, "Hi").tool_config(forced(schema(false)));
    let first = ask().send().await.unwrap();
    assert_eq!(first.stop_reason(), &StopReason::ToolUse);
    assert!(tool_use(&first).input().as_object().unwrap()["category"].as_number().is_some());
    assert_eq!(ask().send().await.unwrap().stop_reason(), &StopReason::MalformedToolUse);
    assert_eq!(text(ask()).await, ("I can't.".to_owned(), StopReason::EndTurn));
}
