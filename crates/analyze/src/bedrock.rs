//! One request to Bedrock's Converse API, and what can come of it.

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::error::{BuildError, SdkError};
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, InferenceConfiguration, JsonSchemaDefinition, Message, OutputConfig, OutputFormat,
    OutputFormatStructure, OutputFormatType, StopReason, SystemContentBlock,
};

use crate::prompt::{SCHEMA, SYSTEM};

/// The schema's name, for those who read model logs.
const SCHEMA_NAME: &str = "conversation_analysis";

/// What was said so far, beginning with the user.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    User(String),
    Model(String),
}

/// A model's reply that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) stop: Stop,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) cached_tokens: u64,
    pub(crate) latency: Duration,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Complete,
    /// The output budget was used up: the text is cut off.
    OutOfTokens,
    Malformed,
    /// A guardrail or content filter stepped in.
    Refused,
    /// The transcript does not fit.
    InputTooLong,
    Other,
}

/// A request without a reply.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("build the request")]
    Build(#[source] BuildError),
    #[error("get a reply: the model is throttled")]
    Throttled(#[source] Box<SdkError<ConverseError>>),
    #[error("get a reply: the model is not available now")]
    Unavailable(#[source] Box<SdkError<ConverseError>>),
    #[error("get a reply in time")]
    Timeout(#[source] Box<SdkError<ConverseError>>),
    #[error("get a reply: access to the model is denied")]
    Denied(#[source] Box<SdkError<ConverseError>>),
    #[error("get a reply: there is no such model")]
    UnknownModel(#[source] Box<SdkError<ConverseError>>),
    #[error("get a reply: the request was rejected")]
    Rejected(#[source] Box<SdkError<ConverseError>>),
}

impl ModelError {
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled(_) | Self::Unavailable(_) | Self::Timeout(_) => true,
            Self::Build(_) | Self::Denied(_) | Self::UnknownModel(_) | Self::Rejected(_) => false,
        }
    }

    fn from_sdk(error: SdkError<ConverseError>) -> Self {
        let source = Box::new(error);
        let error = match source.as_ref() {
            SdkError::TimeoutError(_) => return Self::Timeout(source),
            SdkError::ServiceError(service) => service.err(),
            _ => return Self::Unavailable(source),
        };
        match error {
            ConverseError::ThrottlingException(_) => Self::Throttled(source),
            ConverseError::AccessDeniedException(_) => Self::Denied(source),
            ConverseError::ResourceNotFoundException(_) => Self::UnknownModel(source),
            ConverseError::ValidationException(_) => Self::Rejected(source),
            // Model not ready, model time-out, model error, internal, unavailable, and what the SDK does not know yet.
            _ => Self::Unavailable(source),
        }
    }
}

/// Asks and waits for at most `timeout`.
pub(crate) async fn converse(
    client: &Client,
    model: &str,
    said: &[Said],
    max_tokens: i32,
    timeout: Duration,
) -> Result<Reply, ModelError> {
    let messages = said.iter().map(message).collect::<Result<Vec<_>, _>>().map_err(ModelError::Build)?;
    let request = client
        .converse()
        .model_id(model)
        .system(SystemContentBlock::Text(SYSTEM.to_owned()))
        .set_messages(Some(messages))
        .inference_config(InferenceConfiguration::builder().max_tokens(max_tokens).build())
        .output_config(output_config().map_err(ModelError::Build)?);
    let timeouts = TimeoutConfig::builder().operation_timeout(timeout).read_timeout(timeout).build();
    let overrides = aws_sdk_bedrockruntime::config::Config::builder().timeout_config(timeouts);
    let started = Instant::now();
    let output = request.customize().config_override(overrides).send().await.map_err(ModelError::from_sdk)?;
    Ok(reply(output, started.elapsed()))
}

fn message(said: &Said) -> Result<Message, BuildError> {
    let (role, text) = match said {
        Said::User(text) => (ConversationRole::User, text),
        Said::Model(text) => (ConversationRole::Assistant, text),
    };
    Message::builder().role(role).content(ContentBlock::Text(text.clone())).build()
}

fn output_config() -> Result<OutputConfig, BuildError> {
    let schema = JsonSchemaDefinition::builder().name(SCHEMA_NAME).schema(SCHEMA).build()?;
    let format = OutputFormat::builder()
        .r#type(OutputFormatType::JsonSchema)
        .structure(OutputFormatStructure::JsonSchema(schema))
        .build()?;
    Ok(OutputConfig::builder().text_format(format).build())
}

fn reply(output: ConverseOutput, latency: Duration) -> Reply {
    let stop = stop(&output.stop_reason);
    let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
    let usage = output.usage.as_ref();
    // Reasoning may come first: only text blocks are the answer.
    let message = output.output.as_ref().and_then(|output| output.as_message().ok());
    let blocks = message.map(|message| message.content.as_slice()).unwrap_or_default();
    let text = blocks.iter().filter_map(|block| block.as_text().ok()).cloned().collect();
    Reply {
        text,
        stop,
        input_tokens: usage.map(|usage| count(usage.input_tokens)).unwrap_or_default(),
        output_tokens: usage.map(|usage| count(usage.output_tokens)).unwrap_or_default(),
        cached_tokens: usage.and_then(|usage| usage.cache_read_input_tokens).map(count).unwrap_or_default(),
        latency,
    }
}

fn stop(reason: &StopReason) -> Stop {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence => Stop::Complete,
        StopReason::MaxTokens => Stop::OutOfTokens,
        StopReason::MalformedModelOutput | StopReason::MalformedToolUse => Stop::Malformed,
        StopReason::GuardrailIntervened | StopReason::ContentFiltered => Stop::Refused,
        StopReason::ModelContextWindowExceeded => Stop::InputTooLong,
        _ => Stop::Other,
    }
}
