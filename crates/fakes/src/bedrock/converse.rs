//! Converse on the wire: what a request must be, and what its answer looks like.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Json;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer;
use super::prompt::Prompt;
use super::schema;
use super::script::Script;

/// Bedrock's `ValidationException` with this message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

/// A request that passed Bedrock's checks.
#[derive(Debug)]
pub(crate) struct Request {
    model_id: String,
    body: Value,
    max_tokens: Option<u64>,
    form: Form,
}

/// How the answer is to be given.
#[derive(Debug, PartialEq)]
enum Form {
    Text,
    Schema(Value),
    Tool { name: String, schema: Value },
}

/// Characters per token; a plausible mean for European languages.
const TOKEN: usize = 4;
/// Tokens below which a cache point is without effect (differs by model; this is the smaller Claude models').
const CACHE_MINIMUM: usize = 1024;

/// The status of each exception that Converse declares.
pub(crate) fn status_of(exception: &str) -> Option<u16> {
    Some(match exception {
        "ValidationException" => 400,
        "AccessDeniedException" => 403,
        "ResourceNotFoundException" => 404,
        "ModelTimeoutException" => 408,
        "ModelErrorException" => 424,
        "ThrottlingException" | "ModelNotReadyException" => 429,
        "InternalServerException" => 500,
        "ServiceUnavailableException" => 503,
        _ => return None,
    })
}

/// Checks a request as Bedrock does before it asks the model.
pub(crate) fn parse(model_id: &str, body: &[u8]) -> Result<Request, Refusal> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Refusal(format!("the body is not JSON: {error}")))?;
    check_messages(&body)?;
    let max_tokens = check_inference(model_id, &body)?;
    let form = form(&body)?;
    Ok(Request { model_id: model_id.to_owned(), body, max_tokens, form })
}

fn check_messages(body: &Value) -> Result<(), Refusal> {
    let messages = body.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
    let Some(messages) = messages else { return refuse("messages: at least one message is needed") };
    for (at, message) in messages.iter().enumerate() {
        let expected = if at % 2 == 0 { "user" } else { "assistant" };
        if message.get("role").and_then(Value::as_str) != Some(expected) {
            return refuse(format!("messages.{at}.role: roles alternate from user, so this must be {expected}"));
        }
        let content = message.get("content").and_then(Value::as_array).filter(|content| !content.is_empty());
        let Some(content) = content else { return refuse(format!("messages.{at}.content: must not be empty")) };
        let blank = |block: &Value| {
            block.get("text").is_some_and(|text| text.as_str().is_none_or(|text| text.trim().is_empty()))
        };
        if let Some(block) = content.iter().position(blank) {
            return refuse(format!("messages.{at}.content.{block}.text: must not be blank"));
        }
    }
    if messages.len() % 2 == 0 {
        return refuse("the conversation must end with a user message: prefill is not supported");
    }
    Ok(())
}

fn check_inference(model_id: &str, body: &Value) -> Result<Option<u64>, Refusal> {
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

fn form(body: &Value) -> Result<Form, Refusal> {
    if let Some(format) = body.pointer("/outputConfig/textFormat") {
        if format.get("type").and_then(Value::as_str) != Some("json_schema") {
            return refuse("outputConfig.textFormat.type: must be json_schema");
        }
        let text = format.pointer("/structure/jsonSchema/schema").and_then(Value::as_str);
        let Some(text) = text else {
            return refuse("outputConfig.textFormat.structure.jsonSchema.schema: a string is needed");
        };
        let parsed = serde_json::from_str::<Value>(text);
        let schema =
            parsed.map_err(|error| Refusal(format!("outputConfig.textFormat: the schema is not JSON: {error}")))?;
        schema::check(&schema)
            .map_err(|why| Refusal(format!("outputConfig.textFormat: invalid JSON schema: {why}")))?;
        return Ok(Form::Schema(schema));
    }
    let Some(choice) = body.pointer("/toolConfig/toolChoice") else { return Ok(Form::Text) };
    let tools = body.pointer("/toolConfig/tools").and_then(Value::as_array).into_iter().flatten();
    let wanted = choice.pointer("/tool/name").and_then(Value::as_str);
    let mut specs = tools.filter_map(|tool| tool.get("toolSpec"));
    let spec = specs.find(|spec| wanted.is_none_or(|wanted| spec.get("name").is_some_and(|name| name == wanted)));
    match spec {
        _ if choice.get("auto").is_some() => Ok(Form::Text),
        Some(spec) => tool(spec),
        None => refuse("toolConfig.toolChoice: no such tool"),
    }
}

fn tool(spec: &Value) -> Result<Form, Refusal> {
    let schema = spec.pointer("/inputSchema/json").cloned().unwrap_or_else(|| json!({ "type": "object" }));
    if spec.get("strict") == Some(&Value::Bool(true)) {
        schema::check(&schema).map_err(|why| Refusal(format!("toolConfig: invalid JSON schema: {why}")))?;
    }
    let name = spec.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Form::Tool { name, schema })
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(message.into()))
}

impl Request {
    /// The text blocks of the first message, where the transcript stands.
    pub(crate) fn first_user_text(&self) -> String {
        let blocks = self.body.pointer("/messages/0/content").and_then(Value::as_array).into_iter().flatten();
        blocks.filter_map(|block| block.get("text")?.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Characters of all text blocks, and of those before the last cache point with their digest.
    fn measure(&self) -> (usize, usize, u64) {
        let system = self.body.get("system").and_then(Value::as_array).into_iter().flatten();
        let messages = self.body.get("messages").and_then(Value::as_array).into_iter().flatten();
        let blocks = messages.filter_map(|message| message.get("content")?.as_array()).flatten();
        let (mut total, mut cacheable, mut digest) = (0, 0, 0);
        let mut hasher = DefaultHasher::new();
        self.model_id.hash(&mut hasher);
        for block in system.chain(blocks) {
            if block.get("cachePoint").is_some() {
                (cacheable, digest) = (total, hasher.finish());
            } else if let Some(text) = block.get("text").and_then(Value::as_str) {
                total += text.chars().count();
                text.hash(&mut hasher);
            }
        }
        (total, cacheable, digest)
    }
}

/// What the model says to an accepted request, or what a script says in its place.
pub(crate) fn answer(request: &Request, script: Option<Script>, cached: &mut HashSet<u64>) -> Value {
    let computed = || answer::compute(&Prompt::parse(&request.first_user_text()));
    let (content, size, mut stop_reason) = match (script, &request.form) {
        (Some(script), _) => (json!({ "text": script.answer }), script.answer.chars().count(), script.stop_reason),
        (None, Form::Tool { name, schema }) => {
            let input = schema::fit(&computed(), schema);
            let size = input.to_string().chars().count();
            (
                json!({ "toolUse": { "toolUseId": "tooluse_1", "name": name, "input": input } }),
                size,
                "tool_use".to_owned(),
            )
        }
        (None, Form::Schema(schema)) => text(&schema::fit(&computed(), schema)),
        (None, Form::Text) => text(&computed()),
    };
    let mut output_tokens = tokens(size);
    let content = match request.max_tokens {
        Some(most) if output_tokens as u64 > most => {
            (output_tokens, stop_reason) = (usize::try_from(most).unwrap_or(usize::MAX), "max_tokens".to_owned());
            json!({ "text": cut(&content, output_tokens.saturating_mul(TOKEN)) })
        }
        _ => content,
    };
    json!({
        "output": { "message": { "role": "assistant", "content": [content] } },
        "stopReason": stop_reason,
        "usage": usage(request, output_tokens, cached),
        "metrics": { "latencyMs": 200 + output_tokens * 5 },
    })
}

fn text(answer: &Value) -> (Value, usize, String) {
    let text = answer.to_string();
    let size = text.chars().count();
    (json!({ "text": text }), size, "end_turn".to_owned())
}

fn cut(content: &Value, characters: usize) -> String {
    let text = content.get("text").and_then(Value::as_str).map_or_else(|| content.to_string(), str::to_owned);
    text.chars().take(characters).collect()
}

fn tokens(characters: usize) -> usize {
    characters.div_ceil(TOKEN)
}

/// Cached tokens are not part of `inputTokens`, but of the total.
fn usage(request: &Request, output: usize, cached: &mut HashSet<u64>) -> Value {
    let (total, cacheable, digest) = request.measure();
    let prefix = Some(tokens(cacheable)).filter(|tokens| *tokens >= CACHE_MINIMUM);
    let (read, write) = match prefix {
        None => (0, 0),
        Some(tokens) if cached.insert(digest) => (0, tokens),
        Some(tokens) => (tokens, 0),
    };
    let input = tokens(total).saturating_sub(read + write).max(1);
    json!({
        "inputTokens": input, "outputTokens": output, "totalTokens": input + output + read + write,
        "cacheReadInputTokens": read, "cacheWriteInputTokens": write,
    })
}

/// 200 with the request id every AWS answer carries.
pub(crate) fn response(answer: Value) -> Response {
    let mut response = Json(answer).into_response();
    if let Ok(id) = HeaderValue::try_from(uuid::Uuid::new_v4().to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}
