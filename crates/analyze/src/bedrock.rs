//! Requests to Bedrock's Converse API, and their replies and errors.

mod document;
mod error;
mod request;

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::types::{ContentBlock, StopReason, ToolUseBlock};
use store::model_calls::TokenCounts;

use crate::models::ChosenModel;
use crate::prompt::Instructions;

pub use error::{ModelError, NoReply};

/// A message of the conversation with a model; the first one is the user's.
#[derive(Debug, Clone)]
pub(crate) enum ModelMessage {
    User(String),
    Model(ReplyContent),
}

/// The content of a reply, in a form that can be sent to the model again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ReplyContent {
    Text(String),
    /// A call of our tool; `input` is JSON text.
    Tool {
        id: String,
        input: String,
    },
}

impl ModelMessage {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::User(text) => text,
            Self::Model(content) => content.json(),
        }
    }
}

impl ReplyContent {
    /// Returns the text that should be one JSON object.
    pub(crate) fn json(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Tool { input, .. } => input,
        }
    }
}

/// A complete reply of a model, usable or not.
#[derive(Debug, Clone)]
pub(crate) struct ModelReply {
    pub(crate) content: ReplyContent,
    pub(crate) stop: Stop,
    pub(crate) tokens: TokenCounts,
    pub(crate) latency: Duration,
}

/// Reasons for which a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Complete,
    /// The text is cut off at the limit of the output.
    OutOfTokens,
    Malformed,
    Guardrail,
    ContentFilter,
    /// The model itself refused.
    Refusal,
    InputTooLong,
    /// A reason that is newer than the SDK.
    Unknown,
}

/// Sends a request and waits for the reply, at most for `timeout`.
pub(crate) async fn converse(
    client: &Client,
    chosen: &ChosenModel,
    instructions: &Instructions,
    messages: &[ModelMessage],
    max_tokens: usize,
    timeout: Duration,
) -> Result<ModelReply, ModelError> {
    let request = request::build(client, chosen, instructions, messages, max_tokens)?;
    let timeouts = TimeoutConfig::builder().operation_timeout(timeout).read_timeout(timeout).build();
    let overrides = aws_sdk_bedrockruntime::config::Config::builder().timeout_config(timeouts);
    let started = Instant::now();
    let output = request.customize().config_override(overrides).send().await.map_err(ModelError::from_sdk)?;
    Ok(reply(output, started.elapsed()))
}

fn reply(output: ConverseOutput, latency: Duration) -> ModelReply {
    let stop = stop(&output.stop_reason);
    let tokens = output.usage.as_ref().map(|usage| {
        let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
        TokenCounts {
            input: count(usage.input_tokens),
            output: count(usage.output_tokens),
            cached: usage.cache_read_input_tokens.map(count).unwrap_or_default(),
            cache_write: usage.cache_write_input_tokens.map(count).unwrap_or_default(),
        }
    });
    let message = output.output.and_then(|output| match output {
        aws_sdk_bedrockruntime::types::ConverseOutput::Message(message) => Some(message),
        _ => None,
    });
    let content = content(message.map(|message| message.content).unwrap_or_default());
    ModelReply { content, stop, tokens: tokens.unwrap_or_default(), latency }
}

/// Returns the call of the tool if the reply has one, else the text; a block of reasoning may come before them.
fn content(blocks: Vec<ContentBlock>) -> ReplyContent {
    let mut text = String::new();
    for block in blocks {
        match block {
            ContentBlock::ToolUse(ToolUseBlock { tool_use_id, input, .. }) => {
                return ReplyContent::Tool { id: tool_use_id, input: document::to_json(&input).to_string() };
            }
            ContentBlock::Text(block) => text.push_str(&block),
            // Reasoning, and kinds that are newer than the SDK, hold no answer.
            _ => {}
        }
    }
    ReplyContent::Text(text)
}

fn stop(reason: &StopReason) -> Stop {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence | StopReason::ToolUse => Stop::Complete,
        StopReason::MaxTokens => Stop::OutOfTokens,
        StopReason::MalformedModelOutput | StopReason::MalformedToolUse => Stop::Malformed,
        StopReason::GuardrailIntervened => Stop::Guardrail,
        StopReason::ContentFiltered => Stop::ContentFilter,
        StopReason::ModelContextWindowExceeded => Stop::InputTooLong,
        // The SDK has no variant of this name yet.
        other if other.as_str() == "refusal" => Stop::Refusal,
        _ => Stop::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stop_reason_has_its_meaning() {
        for (reason, meaning) in [
            ("end_turn", Stop::Complete),
            ("tool_use", Stop::Complete),
            ("max_tokens", Stop::OutOfTokens),
            ("guardrail_intervened", Stop::Guardrail),
            ("content_filtered", Stop::ContentFilter),
            ("malformed_model_output", Stop::Malformed),
            ("malformed_tool_use", Stop::Malformed),
            ("model_context_window_exceeded", Stop::InputTooLong),
            ("refusal", Stop::Refusal),
            ("something_new", Stop::Unknown),
        ] {
            assert_eq!(stop(&StopReason::from(reason)), meaning, "{reason}");
        }
        let all = StopReason::values().iter().filter(|reason| stop(&StopReason::from(**reason)) == Stop::Unknown);
        assert_eq!(all.count(), 0, "the SDK knows a reason that we do not");
    }
}
