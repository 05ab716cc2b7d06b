//! Converse on the wire: requests, checked, and their answers.

use axum::Json;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::generate;
use super::rules::{self, Form, Refusal, list};
use super::script::Script;
use super::usage::{Input, Size, TOKEN, tokens};

/// A request that passed Bedrock's checks.
#[derive(Debug)]
pub(crate) struct Request {
    body: Value,
    max_tokens: Option<u64>,
    form: Form,
    pub(crate) size: Size,
    pub(crate) cache_points: usize,
}

/// One content block of the answer, and why it ends there.
struct Completion {
    content: Value,
    stop_reason: String,
}

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
    rules::check_messages(&body)?;
    let cache_points = rules::check_cache_points(&body)?;
    let max_tokens = rules::check_inference(model_id, &body)?;
    let form = rules::form(model_id, &body)?;
    Ok(Request { max_tokens, form, size: Size::of(model_id, &body), cache_points, body })
}

impl Request {
    /// The text blocks of the first message, where the transcript stands.
    pub(crate) fn first_user_text(&self) -> String {
        joined(list(&self.body, "/messages/0/content"))
    }

    /// The text of all messages, of tool results too.
    pub(crate) fn messages_text(&self) -> String {
        let blocks = list(&self.body, "/messages").flat_map(|message| list(message, "/content"));
        joined(blocks.flat_map(|block| std::iter::once(block).chain(list(block, "/toolResult/content"))))
    }

    /// Names the tool use of this answer; the next answer of the conversation has another name.
    fn tool_use_id(&self) -> String {
        format!("tooluse_{}", list(&self.body, "/messages").count())
    }
}

fn joined<'a>(blocks: impl Iterator<Item = &'a Value>) -> String {
    blocks.filter_map(|block| block.get("text")?.as_str()).collect::<Vec<_>>().join("\n")
}

/// Answers an accepted request: by the script, else by what it generates from the prompt.
pub(crate) fn answer(request: &Request, text: &str, script: Option<&Script>, input: Input) -> Value {
    let mut completion = match script {
        Some(script) => scripted(request, script),
        None => generated(request, text),
    };
    let mut output_tokens = tokens(written(&completion.content).chars().count());
    if let Some(most) = request.max_tokens.filter(|most| output_tokens as u64 > *most) {
        output_tokens = usize::try_from(most).unwrap_or(usize::MAX);
        let characters = output_tokens.saturating_mul(TOKEN);
        let cut = written(&completion.content).chars().take(characters).collect::<String>();
        completion = Completion { content: json!({ "text": cut }), stop_reason: "max_tokens".to_owned() };
    }
    json!({
        "output": { "message": { "role": "assistant", "content": [completion.content] } },
        "stopReason": completion.stop_reason,
        "usage": input.usage(output_tokens),
        "metrics": { "latencyMs": 200 + output_tokens * 5 },
    })
}

fn generated(request: &Request, text: &str) -> Completion {
    match &request.form {
        Form::Tool { name, schema } => tool_use(request, name, &generate::answer(text, Some(schema))),
        Form::Schema(schema) => plain(&generate::answer(text, Some(schema)).to_string()),
        Form::Text => plain(generate::answer(text, None).as_str().unwrap_or_default()),
    }
}

fn plain(text: &str) -> Completion {
    Completion { content: json!({ "text": text }), stop_reason: "end_turn".to_owned() }
}

fn tool_use(request: &Request, name: &str, input: &Value) -> Completion {
    let content = json!({ "toolUse": { "toolUseId": request.tool_use_id(), "name": name, "input": input } });
    Completion { content, stop_reason: "tool_use".to_owned() }
}

fn scripted(request: &Request, script: &Script) -> Completion {
    let forced = match &request.form {
        Form::Tool { name, .. } => Some(name.as_str()),
        Form::Schema(_) | Form::Text => None,
    };
    let object = || serde_json::from_str::<Value>(&script.answer).ok().filter(Value::is_object);
    let completion = match (&script.tool_use, forced) {
        (Some(used), _) => tool_use(request, used.name.as_deref().or(forced).unwrap_or_default(), &used.input),
        (None, Some(name)) => object().map_or_else(|| plain(&script.answer), |input| tool_use(request, name, &input)),
        (None, None) => plain(&script.answer),
    };
    Completion { stop_reason: script.stop_reason.clone().unwrap_or(completion.stop_reason), ..completion }
}

/// The text that the model wrote itself.
fn written(content: &Value) -> String {
    let input = content.pointer("/toolUse/input").map(Value::to_string);
    input.or_else(|| Some(content.get("text")?.as_str()?.to_owned())).unwrap_or_default()
}

/// 200 with the request id every AWS answer carries.
pub(crate) fn response(answer: Value) -> Response {
    let mut response = Json(answer).into_response();
    if let Ok(id) = HeaderValue::try_from(uuid::Uuid::new_v4().to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}
