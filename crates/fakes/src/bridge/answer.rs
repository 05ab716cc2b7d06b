//! A chat completion as Converse's answer.

use serde_json::{Value, json};

/// Translates a chat completion; `None` for any other answer.
pub(super) fn translate(answer: &Value) -> Option<Value> {
    let choice = answer.pointer("/choices/0")?;
    let message = choice.get("message")?;
    let text = message.get("content").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let refusal = message.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut content: Vec<_> = refusal.or(text).map(|text| json!({ "text": text })).into_iter().collect();
    let mut reason = match choice.get("finish_reason").and_then(Value::as_str) {
        Some("length") => "max_tokens",
        Some("content_filter") => "content_filtered",
        Some("tool_calls" | "function_call") => "tool_use",
        _ => "end_turn",
    };
    if refusal.is_some() {
        reason = "content_filtered";
    }
    let calls = message.get("tool_calls").and_then(Value::as_array);
    for (number, call) in calls.into_iter().flatten().enumerate() {
        match tool_use(number, call) {
            Some(block) => {
                content.push(block);
                // Servers say `stop` of a call that was forced.
                if reason == "end_turn" {
                    reason = "tool_use";
                }
            }
            None if reason == "max_tokens" => {}
            None => reason = "malformed_tool_use",
        }
    }
    Some(json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": reason,
        "usage": usage(answer),
        "metrics": { "latencyMs": 0 },
    }))
}

/// `None` where the arguments are not JSON.
fn tool_use(number: usize, call: &Value) -> Option<Value> {
    let function = call.get("function")?;
    let input: Value = match function.get("arguments")? {
        Value::String(text) => serde_json::from_str(text).ok()?,
        object => object.clone(),
    };
    let id = call.get("id").and_then(Value::as_str).map_or_else(|| format!("call_{number}"), str::to_owned);
    Some(json!({ "toolUse": { "toolUseId": id, "name": function.get("name")?, "input": input } }))
}

/// Bedrock counts cached tokens apart, OpenAI among the prompt's.
fn usage(answer: &Value) -> Value {
    let count = |at: &str| answer.pointer(at).and_then(Value::as_u64).unwrap_or_default();
    let (prompt, output) = (count("/usage/prompt_tokens"), count("/usage/completion_tokens"));
    let cached = count("/usage/prompt_tokens_details/cached_tokens").min(prompt);
    json!({
        "inputTokens": prompt - cached, "outputTokens": output, "totalTokens": prompt + output,
        "cacheReadInputTokens": cached, "cacheWriteInputTokens": 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion(finish_reason: &str, message: &Value) -> Value {
        json!({ "choices": [{ "index": 0, "finish_reason": finish_reason, "message": message }],
                "usage": { "prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": { "cached_tokens": 60 } } })
    }

    fn translated(finish_reason: &str, message: Value) -> (Value, String) {
        let answer = translate(&completion(finish_reason, &message)).unwrap();
        (answer["output"]["message"]["content"].clone(), answer["stopReason"].as_str().unwrap().to_owned())
    }

    #[test]
    fn every_reason_to_stop_has_its_counterpart() {
        let expected = [
            ("stop", "end_turn"),
            ("length", "max_tokens"),
            ("content_filter", "content_filtered"),
            ("tool_calls", "tool_use"),
        ];
        for (theirs, ours) in expected {
            let (content, reason) = translated(theirs, json!({ "role": "assistant", "content": "{}" }));
            assert_eq!((content, reason.as_str()), (json!([{ "text": "{}" }]), ours));
        }
    }

    #[test]
    fn cached_tokens_are_counted_apart() {
        let answer = translate(&completion("stop", &json!({ "content": "hi" }))).unwrap();
        assert_eq!(
            answer["usage"],
            json!({ "inputTokens": 40, "outputTokens": 7, "totalTokens": 107,
                    "cacheReadInputTokens": 60, "cacheWriteInputTokens": 0 })
        );
    }

    #[test]
    fn a_tool_call_is_a_use_of_the_tool_even_if_the_server_says_stop() {
        let call =
            json!({ "id": "c1", "type": "function", "function": { "name": "record", "arguments": "{\"a\": 1}" } });
        let (content, reason) = translated("stop", json!({ "content": null, "tool_calls": [call] }));
        let block = json!({ "toolUse": { "toolUseId": "c1", "name": "record", "input": { "a": 1 } } });
        assert_eq!((content, reason.as_str()), (json!([block]), "tool_use"));
    }

    #[test]
    fn arguments_that_are_not_json_are_malformed_unless_they_were_cut_off() {
        let message =
            json!({ "tool_calls": [{ "id": "c1", "function": { "name": "record", "arguments": "{\"a\":" } }] });
        assert_eq!(translated("tool_calls", message.clone()), (json!([]), "malformed_tool_use".to_owned()));
        assert_eq!(translated("length", message), (json!([]), "max_tokens".to_owned()));
    }

    #[test]
    fn a_refusal_is_content_that_was_filtered() {
        let (content, reason) = translated("stop", json!({ "content": null, "refusal": "I can't help." }));
        assert_eq!((content, reason.as_str()), (json!([{ "text": "I can't help." }]), "content_filtered"));
    }

    #[test]
    fn what_is_no_completion_is_none() {
        assert_eq!(translate(&json!({ "object": "list", "data": [] })), None);
        assert_eq!(translate(&json!("busy")), None);
    }
}
