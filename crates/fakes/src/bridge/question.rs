//! A Converse request as a chat completion's.

use serde_json::{Value, json};

use crate::bedrock::{joined, list};

/// The name of a schema that has none.
const SCHEMA: &str = "answer";

/// The names of limits there and here.
const LIMITS: [(&str, &str); 4] =
    [("maxTokens", "max_tokens"), ("temperature", "temperature"), ("topP", "top_p"), ("stopSequences", "stop")];

/// Translates a request; cache points, reasoning and guardrails have no counterpart and are left out.
pub(super) fn translate(model: &str, body: &Value) -> Value {
    let system = joined(list(body, "/system"));
    let system = (!system.is_empty()).then(|| json!({ "role": "system", "content": system }));
    let messages = system.into_iter().chain(list(body, "/messages").flat_map(message)).collect::<Vec<_>>();
    let mut question = json!({ "model": model, "messages": messages });
    for (theirs, name) in LIMITS {
        if let Some(value) = body["inferenceConfig"].get(theirs) {
            question[name] = value.clone();
        }
    }
    if let Some(format) = response_format(body) {
        question["response_format"] = format;
    }
    let specs = list(body, "/toolConfig/tools").filter_map(|tool| tool.get("toolSpec"));
    let tools = specs.map(tool).collect::<Vec<_>>();
    if !tools.is_empty() {
        question["tools"] = json!(tools);
        question["tool_choice"] = tool_choice(&body["toolConfig"]["toolChoice"]);
    }
    question
}

/// A user message with tool results becomes one message for each, and the rest of it one more.
fn message(message: &Value) -> Vec<Value> {
    let content = || list(message, "/content");
    let text = joined(content());
    if message.get("role").and_then(Value::as_str) == Some("assistant") {
        let calls: Vec<_> = content().filter_map(|block| block.get("toolUse")).map(tool_call).collect();
        let mut said = json!({ "role": "assistant", "content": text });
        if !calls.is_empty() {
            said["tool_calls"] = json!(calls);
        }
        return vec![said];
    }
    let mut messages: Vec<_> = content().filter_map(|block| block.get("toolResult")).map(tool_result).collect();
    if !text.is_empty() || messages.is_empty() {
        messages.push(json!({ "role": "user", "content": text }));
    }
    messages
}

fn tool_call(tool: &Value) -> Value {
    let input = tool.get("input").map_or_else(|| "{}".to_owned(), Value::to_string);
    json!({ "id": tool.get("toolUseId"), "type": "function",
            "function": { "name": tool.get("name"), "arguments": input } })
}

fn tool_result(result: &Value) -> Value {
    let json = list(result, "/content").filter_map(|block| block.get("json")).map(Value::to_string);
    let content = std::iter::once(joined(list(result, "/content"))).chain(json).filter(|text| !text.is_empty());
    let content = content.collect::<Vec<_>>().join("\n");
    json!({ "role": "tool", "tool_call_id": result.get("toolUseId"), "content": content })
}

fn response_format(body: &Value) -> Option<Value> {
    let definition = body.pointer("/outputConfig/textFormat/structure/jsonSchema")?;
    let schema: Value = serde_json::from_str(definition.get("schema")?.as_str()?).ok()?;
    let name = definition.get("name").and_then(Value::as_str).unwrap_or(SCHEMA);
    Some(json!({ "type": "json_schema", "json_schema": { "name": name, "strict": true, "schema": schema } }))
}

fn tool_choice(choice: &Value) -> Value {
    match choice.pointer("/tool/name") {
        Some(name) => json!({ "type": "function", "function": { "name": name } }),
        None if choice.get("any").is_some() => json!("required"),
        None => json!("auto"),
    }
}

fn tool(spec: &Value) -> Value {
    let mut function = json!({ "name": spec.get("name"), "parameters": spec.pointer("/inputSchema/json") });
    for name in ["description", "strict"] {
        if let Some(value) = spec.get(name) {
            function[name] = value.clone();
        }
    }
    json!({ "type": "function", "function": function })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_messages_limits_and_schema_are_passed_on() {
        let schema = json!({ "type": "object", "additionalProperties": false, "properties": {} });
        let body = json!({
            "system": [{ "text": "Analyse." }, { "cachePoint": { "type": "default" } }],
            "messages": [
                { "role": "user", "content": [{ "text": "one" }, { "text": "two" }] },
                { "role": "assistant", "content": [{ "text": "{" }] },
                { "role": "user", "content": [{ "text": "again" }] },
            ],
            "inferenceConfig": { "maxTokens": 4096, "temperature": 0.0 },
            "outputConfig": { "textFormat": { "type": "json_schema", "structure": { "jsonSchema": {
                "name": "analysis", "schema": schema.to_string() } } } },
        });
        let expected = json!({
            "model": "small",
            "messages": [
                { "role": "system", "content": "Analyse." },
                { "role": "user", "content": "one\ntwo" },
                { "role": "assistant", "content": "{" },
                { "role": "user", "content": "again" },
            ],
            "max_tokens": 4096,
            "temperature": 0.0,
            "response_format": { "type": "json_schema",
                                 "json_schema": { "name": "analysis", "strict": true, "schema": schema } },
        });
        assert_eq!(translate("small", &body), expected);
    }

    #[test]
    fn a_forced_tool_and_the_correction_of_its_use_are_passed_on() {
        let body = json!({
            "messages": [
                { "role": "user", "content": [{ "text": "Analyse." }] },
                { "role": "assistant", "content": [
                    { "toolUse": { "toolUseId": "t1", "name": "record", "input": { "a": 1 } } }] },
                { "role": "user", "content": [
                    { "toolResult": { "toolUseId": "t1", "status": "error", "content": [{ "text": "a is wrong" }] } }] },
            ],
            "toolConfig": {
                "tools": [{ "toolSpec": { "name": "record", "description": "Records.", "strict": true,
                                          "inputSchema": { "json": { "type": "object" } } } }],
                "toolChoice": { "tool": { "name": "record" } } },
        });
        let question = translate("small", &body);
        let call =
            json!({ "id": "t1", "type": "function", "function": { "name": "record", "arguments": "{\"a\":1}" } });
        assert_eq!(question["messages"][1], json!({ "role": "assistant", "content": "", "tool_calls": [call] }));
        assert_eq!(question["messages"][2], json!({ "role": "tool", "tool_call_id": "t1", "content": "a is wrong" }));
        assert_eq!(question["messages"].as_array().unwrap().len(), 3);
        assert_eq!(question["tool_choice"], json!({ "type": "function", "function": { "name": "record" } }));
        let function = json!({ "name": "record", "parameters": { "type": "object" }, "description": "Records.",
                               "strict": true });
        assert_eq!(question["tools"], json!([{ "type": "function", "function": function }]));
    }

    #[test]
    fn tools_that_are_not_forced_are_offered() {
        let body = |choice: Value| {
            json!({ "messages": [], "toolConfig": { "toolChoice": choice,
                "tools": [{ "toolSpec": { "name": "a", "inputSchema": { "json": {} } } }] } })
        };
        assert_eq!(translate("m", &body(json!({ "any": {} })))["tool_choice"], "required");
        assert_eq!(translate("m", &body(json!({ "auto": {} })))["tool_choice"], "auto");
        assert!(translate("m", &json!({ "messages": [] })).get("tools").is_none());
    }
}
