//! Converse on the wire: what a request asks, and what its answer looks like.

use axum::Json;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer;
use super::gullible::{Orders, Reply};
use super::prompt::Prompt;
use super::rules::{self, Form, Refusal, list};
use super::schema;
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

/// What makes the model say something else than what it computes.
#[derive(Debug)]
pub(crate) enum Instead {
    Script(Script),
    Orders(Orders),
    Nothing,
}

/// One content block of the answer, and why it ends there.
struct Said {
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

    pub(crate) fn system_text(&self) -> String {
        joined(list(&self.body, "/system"))
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

/// What the model says to an accepted request, or what is said in its place.
pub(crate) fn answer(request: &Request, text: &str, instead: &Instead, input: Input) -> Value {
    let mut said = match instead {
        Instead::Script(script) => scripted(request, script),
        Instead::Orders(orders) => match orders.obey(computed(request, text)) {
            Reply::Answer(answer) => given(request, answer),
            Reply::Text(text) => Said { content: json!({ "text": text }), stop_reason: "end_turn".to_owned() },
            Reply::Tool(name) => tool_use(request, &name, &json!({})),
        },
        Instead::Nothing => given(request, computed(request, text)),
    };
    let mut output_tokens = tokens(size(&said.content));
    if let Some(most) = request.max_tokens.filter(|most| output_tokens as u64 > *most) {
        output_tokens = usize::try_from(most).unwrap_or(usize::MAX);
        let content = json!({ "text": cut(&said.content, output_tokens.saturating_mul(TOKEN)) });
        said = Said { content, stop_reason: "max_tokens".to_owned() };
    }
    json!({
        "output": { "message": { "role": "assistant", "content": [said.content] } },
        "stopReason": said.stop_reason,
        "usage": input.usage(output_tokens),
        "metrics": { "latencyMs": 200 + output_tokens * 5 },
    })
}

fn computed(request: &Request, text: &str) -> Value {
    let answer = answer::compute(&Prompt::parse(text));
    match &request.form {
        Form::Tool { schema, .. } | Form::Schema(schema) => schema::fit(&answer, schema),
        Form::Text => answer,
    }
}

fn given(request: &Request, answer: Value) -> Said {
    match &request.form {
        Form::Tool { name, .. } => tool_use(request, name, &answer),
        Form::Schema(_) | Form::Text => {
            Said { content: json!({ "text": answer.to_string() }), stop_reason: "end_turn".to_owned() }
        }
    }
}

fn tool_use(request: &Request, name: &str, input: &Value) -> Said {
    let content = json!({ "toolUse": { "toolUseId": request.tool_use_id(), "name": name, "input": input } });
    Said { content, stop_reason: "tool_use".to_owned() }
}

fn scripted(request: &Request, script: &Script) -> Said {
    let input = serde_json::from_str::<Value>(&script.answer).ok().filter(Value::is_object);
    let said = match (&request.form, input) {
        (Form::Tool { name, .. }, Some(input)) => tool_use(request, name, &input),
        _ => Said { content: json!({ "text": script.answer }), stop_reason: "end_turn".to_owned() },
    };
    Said { stop_reason: script.stop_reason.clone().unwrap_or(said.stop_reason), ..said }
}

/// The characters of what the model wrote itself.
fn size(content: &Value) -> usize {
    written(content).chars().count()
}

fn cut(content: &Value, characters: usize) -> String {
    written(content).chars().take(characters).collect()
}

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
