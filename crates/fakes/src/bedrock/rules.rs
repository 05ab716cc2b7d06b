//! Bedrock's checks of a request before it asks the model: `request.schema.json`, and what no JSON schema can say.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::schema::{self, validator};

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
/// All that Nova knows at the top of a tool's schema.
const NOVA_SCHEMA: [&str; 3] = ["type", "properties", "required"];

static REQUEST: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("request.schema.json")));

fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(message.into()))
}

/// The elements of the array at `pointer`; an empty list for other values.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// All blocks in the order in which Bedrock reads them: tools, system, messages.
pub(crate) fn blocks(body: &Value) -> impl Iterator<Item = &Value> {
    let messages = list(body, "/messages").flat_map(|message| list(message, "/content"));
    list(body, "/toolConfig/tools").chain(list(body, "/system")).chain(messages)
}

/// Checks a request; returns the form that it asks for.
pub(crate) fn check(model_id: &str, body: &Value) -> Result<Form, Refusal> {
    check_shape(body)?;
    check_turns(body)?;
    let points = blocks(body).filter(|block| block.get("cachePoint").is_some()).count();
    if points > CACHE_POINTS {
        return refuse(format!("A maximum of {CACHE_POINTS} cache points is supported. Found {points}."));
    }
    let sampling = ["temperature", "topP"].into_iter().find(|name| !body["inferenceConfig"][name].is_null());
    if let Some(name) = sampling.filter(|_| refuses_sampling(model_id)) {
        return refuse(format!("inferenceConfig.{name}: not supported by this model"));
    }
    form(model_id, body)
}

fn check_shape(body: &Value) -> Result<(), Refusal> {
    REQUEST.validate(body).map_err(|error| {
        let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
        let is_blank = error.instance().as_str().is_some_and(|text| text.trim().is_empty());
        // Without the value, which may be a whole transcript.
        let why = if is_blank { "the text is blank".to_owned() } else { error.masked().to_string() };
        Refusal(format!("{place}: {why}"))
    })
}

/// Checks that roles alternate and that each use of a tool has its result.
fn check_turns(body: &Value) -> Result<(), Refusal> {
    let mut asked = Vec::new();
    for (at, message) in list(body, "/messages").enumerate() {
        let (role, misplaced) = if at % 2 == 0 { ("user", "toolUse") } else { ("assistant", "toolResult") };
        if message["role"] != role {
            return refuse(format!("messages.{at}.role: roles alternate from user, so this must be {role}"));
        }
        if !tool_ids(message, misplaced).is_empty() {
            return refuse(format!("The {misplaced} blocks at messages.{at}.content are not for the {role} role."));
        }
        let answered = tool_ids(message, "toolResult");
        if answered.len() > asked.len() {
            return refuse(format!(
                "The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of \
                 previous turn."
            ));
        }
        let missing = asked.into_iter().filter(|id| !answered.contains(id)).collect::<Vec<_>>().join(", ");
        if !missing.is_empty() {
            return refuse(format!("Expected toolResult blocks at messages.{at}.content for the Ids: {missing}"));
        }
        asked = tool_ids(message, "toolUse");
    }
    if list(body, "/messages").count().is_multiple_of(2) {
        return refuse("The conversation must end with a user message: the model does not support prefill.");
    }
    let uses_tools = blocks(body).any(|block| block.get("toolUse").is_some() || block.get("toolResult").is_some());
    if uses_tools && body.get("toolConfig").is_none() {
        return refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.");
    }
    Ok(())
}

fn tool_ids<'a>(message: &'a Value, kind: &str) -> Vec<&'a str> {
    list(message, "/content").filter_map(|block| block.get(kind)?.get("toolUseId")?.as_str()).collect()
}

/// Claude since 4.7: ids such as `eu.anthropic.claude-haiku-5-5-20260901-v1:0`.
fn refuses_sampling(model_id: &str) -> bool {
    let Some((_, name)) = model_id.split_once("claude-") else { return false };
    let mut numbers = name.split('-').filter(|part| part.len() <= 2).filter_map(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (4, 7)
}

fn is_nova(model_id: &str) -> bool {
    model_id.contains("nova")
}

/// The form that is asked for, where the model knows it.
fn form(model_id: &str, body: &Value) -> Result<Form, Refusal> {
    if let Some(schema) = body.pointer("/outputConfig/textFormat/structure/jsonSchema/schema") {
        return schema_form(model_id, schema.as_str().unwrap_or_default());
    }
    let specs = || list(body, "/toolConfig/tools").filter_map(|tool| tool.get("toolSpec"));
    specs().try_for_each(|spec| check_tool(model_id, spec))?;
    let choice = &body["toolConfig"]["toolChoice"];
    if choice.is_null() || choice.get("auto").is_some() {
        return Ok(Form::Text);
    }
    let forced = choice.pointer("/tool/name");
    match specs().find(|spec| forced.is_none_or(|name| spec["name"] == *name)) {
        Some(spec) => Ok(Form::Tool {
            name: spec["name"].as_str().unwrap_or_default().to_owned(),
            schema: spec["inputSchema"]["json"].clone(),
        }),
        None => refuse("toolConfig.toolChoice: unknown tool"),
    }
}

fn schema_form(model_id: &str, schema: &str) -> Result<Form, Refusal> {
    if is_nova(model_id) {
        return refuse("This model doesn't support the outputConfig.textFormat field. Remove it and try again.");
    }
    let schema = serde_json::from_str(schema).map_err(|error| format!("the schema is not JSON: {error}"));
    let checked = schema.and_then(|schema| schema::check(&schema).map(|()| schema));
    checked.map(Form::Schema).map_err(|why| Refusal(format!("outputConfig.textFormat: invalid JSON schema: {why}")))
}

fn check_tool(model_id: &str, spec: &Value) -> Result<(), Refusal> {
    let (name, schema) = (&spec["name"], &spec["inputSchema"]["json"]);
    if spec["strict"] == true {
        return schema::check(schema).map_err(|why| Refusal(format!("tool {name}: invalid JSON schema: {why}")));
    }
    let mut keys = schema.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    match keys.find(|key| is_nova(model_id) && !NOVA_SCHEMA.contains(key)) {
        Some(key) => refuse(format!("tool {name}: the key {key:?} is not supported by this model")),
        None => Ok(()),
    }
}
