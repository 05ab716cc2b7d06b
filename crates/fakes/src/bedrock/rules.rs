//! Bedrock's checks of a request before it asks the model.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::schema;

/// Bedrock's `ValidationException` with this message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

/// How the answer is to be given.
#[derive(Debug, PartialEq)]
pub(crate) enum Form {
    Text,
    Schema(Value),
    Tool { name: String, schema: Value },
}

/// Cache points in one request; more are refused.
const CACHE_POINTS: usize = 4;
/// The members a content block can be.
const BLOCKS: [&str; 10] = [
    "text",
    "image",
    "document",
    "video",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
];
/// All that Nova knows at the top of a tool's schema.
const NOVA_SCHEMA: [&str; 3] = ["type", "properties", "required"];

pub(crate) fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(message.into()))
}

/// The elements of the array at `pointer`; an empty list for other values.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// The messages and the system prompt.
pub(crate) fn check_messages(body: &Value) -> Result<(), Refusal> {
    for (at, block) in list(body, "/system").enumerate() {
        check_block(block, "SystemContentBlock", &format!("system.{at}"))?;
    }
    let messages = body.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
    let Some(messages) = messages else { return refuse("messages: at least one message is needed") };
    let mut asked = BTreeSet::new();
    for (at, message) in messages.iter().enumerate() {
        let expected = if at % 2 == 0 { "user" } else { "assistant" };
        if message.get("role").and_then(Value::as_str) != Some(expected) {
            return refuse(format!("messages.{at}.role: roles alternate from user, so this must be {expected}"));
        }
        let content = message.get("content").and_then(Value::as_array).filter(|content| !content.is_empty());
        let Some(content) = content else {
            return refuse(format!(
                "The content field in the Message object at messages.{at} is empty. Add a ContentBlock object to the content field and try again."
            ));
        };
        for (block, value) in content.iter().enumerate() {
            check_block(value, "ContentBlock", &format!("messages.{at}.content.{block}"))?;
        }
        asked = check_tools_of(content, at, &asked)?;
    }
    if messages.len() % 2 == 0 {
        return refuse(
            "The model does not support assistant message prefill. The conversation must end with a user message.",
        );
    }
    check_tool_config_is_there(body, messages)
}

fn check_block(block: &Value, kind: &str, place: &str) -> Result<(), Refusal> {
    if !BLOCKS.iter().any(|name| block.get(*name).is_some()) {
        return refuse(format!(
            "The {kind} object at {place} must set one of the following keys: {}.",
            BLOCKS.join(", ")
        ));
    }
    if let Some(text) = block.get("text")
        && text.as_str().is_none_or(|text| text.trim().is_empty())
    {
        return refuse(format!(
            "The text field in the {kind} object at {place} is blank. Add text to the text field, and try again."
        ));
    }
    check_cache_point(block, place)
}

fn check_cache_point(block: &Value, place: &str) -> Result<(), Refusal> {
    match block.get("cachePoint") {
        Some(point) if point.get("type").is_none_or(|kind| kind != "default") => {
            refuse(format!("The value at {place}.cachePoint.type must be one of the following: default."))
        }
        _ => Ok(()),
    }
}

/// `asked` are the tool uses of the message before; the result is those of this one.
fn check_tools_of(content: &[Value], at: usize, asked: &BTreeSet<String>) -> Result<BTreeSet<String>, Refusal> {
    let (uses, results) = (ids(content, "toolUse"), ids(content, "toolResult"));
    let is_user = at.is_multiple_of(2);
    if is_user && !uses.is_empty() {
        return refuse(format!(
            "The toolUse blocks at messages.{at}.content are only supported for the assistant role."
        ));
    }
    if !is_user && !results.is_empty() {
        return refuse(format!("The toolResult blocks at messages.{at}.content are only supported for the user role."));
    }
    let answered = results.iter().cloned().collect::<BTreeSet<_>>();
    if results.len() > asked.len() {
        return refuse(format!(
            "The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of previous turn."
        ));
    }
    let missing = asked.iter().filter(|id| is_user && !answered.contains(*id)).cloned().collect::<Vec<_>>();
    if !missing.is_empty() {
        return refuse(format!(
            "Expected toolResult blocks at messages.{at}.content for the following Ids: {}",
            missing.join(", ")
        ));
    }
    content
        .iter()
        .enumerate()
        .try_for_each(|(i, block)| check_tool_block(block, &format!("messages.{at}.content.{i}")))?;
    Ok(uses.into_iter().collect())
}

fn ids(content: &[Value], name: &str) -> Vec<String> {
    let blocks = content.iter().filter_map(|block| block.get(name));
    blocks.map(|block| block.get("toolUseId").and_then(Value::as_str).unwrap_or_default().to_owned()).collect()
}

fn check_tool_block(block: &Value, place: &str) -> Result<(), Refusal> {
    let is_id = |id: &str| {
        (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    let has_id = |block: &Value| block.get("toolUseId").and_then(Value::as_str).is_some_and(is_id);
    if let Some(tool_use) = block.get("toolUse") {
        if !has_id(tool_use) {
            return refuse(format!("{place}.toolUse.toolUseId: must match [a-zA-Z0-9_-]+ and have 1 to 64 characters"));
        }
        if !tool_use.get("input").is_some_and(Value::is_object) {
            return refuse(format!(
                "The format of the value at {place}.toolUse.input is invalid. Provide a json object for the field and try again."
            ));
        }
    }
    let Some(result) = block.get("toolResult") else { return Ok(()) };
    if !has_id(result) {
        return refuse(format!("{place}.toolResult.toolUseId: must match [a-zA-Z0-9_-]+ and have 1 to 64 characters"));
    }
    let is_error = result.get("status").is_some_and(|status| status == "error");
    if is_error && list(result, "/content").next().is_none() {
        return refuse(format!("The content field at {place}.toolResult cannot be empty when status value is error."));
    }
    let blank =
        |block: &Value| block.get("text").is_some_and(|text| text.as_str().is_none_or(|text| text.trim().is_empty()));
    match list(result, "/content").position(blank) {
        Some(i) => refuse(format!(
            "The text field in the ToolResultContentBlock object at {place}.toolResult.content.{i} is blank. \
             Add text to the text field, and try again."
        )),
        None => Ok(()),
    }
}

fn check_tool_config_is_there(body: &Value, messages: &[Value]) -> Result<(), Refusal> {
    let mut blocks = messages.iter().flat_map(|message| list(message, "/content"));
    let uses_tools = blocks.any(|block| block.get("toolUse").is_some() || block.get("toolResult").is_some());
    if uses_tools && body.get("toolConfig").is_none() {
        return refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.");
    }
    Ok(())
}

pub(crate) fn check_inference(model_id: &str, body: &Value) -> Result<Option<u64>, Refusal> {
    let Some(config) = body.get("inferenceConfig") else { return Ok(None) };
    let sampling = ["temperature", "topP"].into_iter().find(|name| config.get(name).is_some());
    if let Some(name) = sampling.filter(|_| refuses_sampling(model_id)) {
        return refuse(format!("inferenceConfig.{name}: not supported by this model"));
    }
    match config.get("maxTokens") {
        None => Ok(None),
        Some(tokens) => match tokens.as_u64() {
            Some(tokens) if tokens > 0 => Ok(Some(tokens)),
            _ => refuse("inferenceConfig.maxTokens: must be at least 1"),
        },
    }
}

/// Claude since 4.7: ids such as `eu.anthropic.claude-haiku-5-5-20260901-v1:0`.
fn refuses_sampling(model_id: &str) -> bool {
    let Some((_, name)) = model_id.split_once("claude-") else { return false };
    let mut numbers = name.split('-').filter(|part| part.len() <= 2).filter_map(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (4, 7)
}

fn is_nova(model_id: &str) -> bool {
    model_id.contains("nova")
}

/// More cache points than a request may have, whatever they stand in.
pub(crate) fn check_cache_points(body: &Value) -> Result<usize, Refusal> {
    for (at, tool) in list(body, "/toolConfig/tools").enumerate() {
        check_cache_point(tool, &format!("toolConfig.tools.{at}"))?;
    }
    let in_messages = list(body, "/messages").flat_map(|message| list(message, "/content"));
    let blocks = list(body, "/toolConfig/tools").chain(list(body, "/system")).chain(in_messages);
    match blocks.filter(|block| block.get("cachePoint").is_some()).count() {
        points if points > CACHE_POINTS => {
            refuse(format!("A maximum of {CACHE_POINTS} cache points is supported. Found {points}."))
        }
        points => Ok(points),
    }
}

/// The form that is asked for, where the model knows it.
pub(crate) fn form(model_id: &str, body: &Value) -> Result<Form, Refusal> {
    if let Some(format) = body.pointer("/outputConfig/textFormat") {
        return schema_form(model_id, format);
    }
    let tools = || list(body, "/toolConfig/tools").filter_map(|tool| tool.get("toolSpec"));
    if body.get("toolConfig").is_some() && tools().next().is_none() {
        return refuse(
            "Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1",
        );
    }
    for (at, spec) in tools().enumerate() {
        check_tool(model_id, spec, at)?;
    }
    let Some(choice) = body.pointer("/toolConfig/toolChoice") else { return Ok(Form::Text) };
    let wanted = choice.pointer("/tool/name").and_then(Value::as_str);
    let spec = tools().find(|spec| wanted.is_none_or(|wanted| spec.get("name").is_some_and(|name| name == wanted)));
    match spec {
        _ if choice.get("auto").is_some() => Ok(Form::Text),
        Some(spec) => Ok(tool_form(spec)),
        None => refuse("toolConfig.toolChoice: unknown tool"),
    }
}

fn schema_form(model_id: &str, format: &Value) -> Result<Form, Refusal> {
    if is_nova(model_id) {
        return refuse(
            "This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat and try again.",
        );
    }
    if format.get("type").and_then(Value::as_str) != Some("json_schema") {
        return refuse("outputConfig.textFormat.type: must be json_schema");
    }
    let Some(text) = format.pointer("/structure/jsonSchema/schema").and_then(Value::as_str) else {
        return refuse("outputConfig.textFormat.structure.jsonSchema.schema: a string is needed");
    };
    let parsed = serde_json::from_str::<Value>(text);
    let schema =
        parsed.map_err(|error| Refusal(format!("outputConfig.textFormat: the schema is not JSON: {error}")))?;
    schema::check(&schema).map_err(|why| Refusal(format!("outputConfig.textFormat: invalid JSON schema: {why}")))?;
    Ok(Form::Schema(schema))
}

fn check_tool(model_id: &str, spec: &Value, at: usize) -> Result<(), Refusal> {
    let place = format!("toolConfig.tools.{at}.toolSpec.inputSchema.json");
    let schema = spec.pointer("/inputSchema/json").and_then(Value::as_object);
    let Some(schema) = schema.filter(|schema| schema.get("type").is_some_and(|kind| kind == "object")) else {
        return refuse(format!("The value at {place}.type must be one of the following: object."));
    };
    if spec.get("strict") == Some(&Value::Bool(true)) {
        let schema = Value::Object(schema.clone());
        return schema::check(&schema).map_err(|why| Refusal(format!("toolConfig: invalid JSON schema: {why}")));
    }
    match unknown_to(model_id, schema) {
        Some(name) => {
            refuse(format!("{place}: the key {name:?} is not supported by this model; only {}", NOVA_SCHEMA.join(", ")))
        }
        None => Ok(()),
    }
}

fn unknown_to<'a>(model_id: &str, schema: &'a Map<String, Value>) -> Option<&'a String> {
    schema.keys().find(|name| is_nova(model_id) && !NOVA_SCHEMA.contains(&name.as_str()))
}

fn tool_form(spec: &Value) -> Form {
    let name = spec.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    Form::Tool { name, schema: spec.pointer("/inputSchema/json").cloned().unwrap_or_default() }
}
