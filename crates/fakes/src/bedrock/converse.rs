//! Converse on the wire: requests, checked, and their answers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::aws_error::with_request_id;

use super::controls::Script;
use super::generate;
use super::rules::{self, Form, Refusal, list};
use super::usage::{Input, TOKEN, tokens};

/// A request that passed Bedrock's checks.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) body: Value,
    form: Form,
}

/// One content block of the answer, and why it ends there.
struct Completion {
    content: Value,
    stop_reason: String,
}

impl Completion {
    fn text(text: &str) -> Self {
        Self { content: json!({ "text": text }), stop_reason: "end_turn".to_owned() }
    }

    /// The text that the model wrote itself.
    fn written(&self) -> String {
        let input = self.content.pointer("/toolUse/input").map(Value::to_string);
        input.or_else(|| Some(self.content.get("text")?.as_str()?.to_owned())).unwrap_or_default()
    }
}

impl Request {
    /// Checks a request as Bedrock does before it asks the model.
    pub(crate) fn parse(model_id: &str, body: &[u8]) -> Result<Self, Refusal> {
        let body = serde_json::from_slice(body).map_err(|error| Refusal(format!("the body is not JSON: {error}")))?;
        Ok(Self { form: rules::check(model_id, &body)?, body })
    }

    /// The text blocks of the first message, where the transcript stands.
    pub(crate) fn first_text(&self) -> String {
        joined(list(&self.body, "/messages/0/content"))
    }

    /// The text of all messages, of tool results too.
    pub(crate) fn messages_text(&self) -> String {
        let blocks = list(&self.body, "/messages").flat_map(|message| list(message, "/content"));
        joined(blocks.flat_map(|block| std::iter::once(block).chain(list(block, "/toolResult/content"))))
    }

    /// Answers by the script, else by what is generated from the prompt.
    pub(crate) fn answer(&self, script: Option<&Script>, input: Input) -> Value {
        let mut completion = script.map_or_else(|| self.generated(), |script| self.scripted(script));
        let written = completion.written();
        let most = self.body.pointer("/inferenceConfig/maxTokens").and_then(Value::as_u64);
        let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let output_tokens = tokens(written.chars().count()).min(most);
        if written.chars().count() > most.saturating_mul(TOKEN) {
            let cut = written.chars().take(most * TOKEN).collect::<String>();
            completion = Completion { stop_reason: "max_tokens".to_owned(), ..Completion::text(&cut) };
        }
        json!({
            "output": { "message": { "role": "assistant", "content": [completion.content] } },
            "stopReason": completion.stop_reason,
            "usage": input.usage(output_tokens),
            "metrics": { "latencyMs": 200 + output_tokens * 5 },
        })
    }

    fn generated(&self) -> Completion {
        let text = self.first_text();
        match &self.form {
            Form::Tool { name, schema } => self.tool_use(name, &generate::answer(&text, Some(schema))),
            Form::Schema(schema) => Completion::text(&generate::answer(&text, Some(schema)).to_string()),
            Form::Text => Completion::text(generate::answer(&text, None).as_str().unwrap_or_default()),
        }
    }

    fn scripted(&self, script: &Script) -> Completion {
        let forced = if let Form::Tool { name, .. } = &self.form { Some(name.as_str()) } else { None };
        let object = || serde_json::from_str::<Value>(&script.answer).ok().filter(Value::is_object);
        let completion = match (&script.tool_use, forced.zip(object())) {
            (Some(used), _) => self.tool_use(used.name.as_deref().or(forced).unwrap_or_default(), &used.input),
            (None, Some((name, input))) => self.tool_use(name, &input),
            (None, None) => Completion::text(&script.answer),
        };
        Completion { stop_reason: script.stop_reason.clone().unwrap_or(completion.stop_reason), ..completion }
    }

    /// Each answer of a conversation names its use differently.
    fn tool_use(&self, name: &str, input: &Value) -> Completion {
        let id = format!("tooluse_{}", list(&self.body, "/messages").count());
        let content = json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } });
        Completion { content, stop_reason: "tool_use".to_owned() }
    }
}

/// The text of the blocks that have one.
pub(crate) fn joined<'a>(blocks: impl Iterator<Item = &'a Value>) -> String {
    blocks.filter_map(|block| block.get("text")?.as_str()).collect::<Vec<_>>().join("\n")
}

pub(crate) fn response(answer: Value) -> Response {
    with_request_id(Json(answer).into_response())
}
