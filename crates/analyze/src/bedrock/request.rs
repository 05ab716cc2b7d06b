//! Builds requests in the form that each model supports.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::operation::converse::builders::ConverseFluentBuilder;
use aws_sdk_bedrockruntime::types::{
    CachePointBlock, CachePointType, ContentBlock, ConversationRole, InferenceConfiguration, JsonSchemaDefinition,
    Message, OutputConfig, OutputFormat, OutputFormatStructure, OutputFormatType, SpecificToolChoice,
    SystemContentBlock, Tool, ToolChoice, ToolConfiguration, ToolInputSchema, ToolResultBlock, ToolResultContentBlock,
    ToolResultStatus, ToolSpecification, ToolUseBlock,
};
use serde_json::{Value, json};

use super::document::from_json;
use super::{ModelError, ModelMessage, ReplyContent};
use crate::models::{ChosenModel, Output};
use crate::prompt::Instructions;

/// A stand-in for blank text, which Bedrock refuses.
const NO_TEXT: &str = "(no text)";

pub(super) fn build(
    client: &Client,
    chosen: &ChosenModel,
    instructions: &Instructions,
    conversation: &[ModelMessage],
    max_tokens: usize,
) -> Result<ConverseFluentBuilder, ModelError> {
    let max_tokens = i32::try_from(max_tokens).unwrap_or(i32::MAX);
    let request = client
        .converse()
        .model_id(&chosen.id)
        .set_system(Some(system(chosen, instructions).map_err(ModelError::Build)?))
        .set_messages(Some(messages(instructions, conversation)?))
        // Recent Claude models refuse a temperature, so no sampling parameter is set.
        .inference_config(InferenceConfiguration::builder().max_tokens(max_tokens).build());
    Ok(match chosen.model.output {
        Output::JsonSchema => request.output_config(output_config(instructions).map_err(ModelError::Build)?),
        Output::StrictTool => request.tool_config(tool_config(instructions, true)?),
        Output::ForcedTool => request.tool_config(tool_config(instructions, false)?),
    })
}

/// Returns the constant part and its cache point; a tool is sent before them and is cached with them.
fn system(chosen: &ChosenModel, instructions: &Instructions) -> Result<Vec<SystemContentBlock>, BuildError> {
    let mut blocks = vec![SystemContentBlock::Text(instructions.system.to_owned())];
    if chosen.model.prompt_cache {
        let point = CachePointBlock::builder().r#type(CachePointType::Default).build()?;
        blocks.push(SystemContentBlock::CachePoint(point));
    }
    Ok(blocks)
}

fn messages(instructions: &Instructions, conversation: &[ModelMessage]) -> Result<Vec<Message>, ModelError> {
    let mut answers_tool: Option<&str> = None;
    let mut messages = Vec::with_capacity(conversation.len());
    for message in conversation {
        let (role, content) = match message {
            ModelMessage::User(text) => (ConversationRole::User, user_content(text, answers_tool.take())?),
            ModelMessage::Model(ReplyContent::Text(text)) => {
                let text = if text.trim().is_empty() { NO_TEXT } else { text };
                (ConversationRole::Assistant, ContentBlock::Text(text.to_owned()))
            }
            ModelMessage::Model(ReplyContent::Tool { id, input }) => {
                answers_tool = Some(id);
                (ConversationRole::Assistant, tool_use(instructions, id, input)?)
            }
        };
        messages.push(Message::builder().role(role).content(content).build().map_err(ModelError::Build)?);
    }
    Ok(messages)
}

/// Returns the user's text, as the result of the tool if the model has just called it.
fn user_content(text: &str, answers_tool: Option<&str>) -> Result<ContentBlock, ModelError> {
    // Converse refuses a conversation in which a call of a tool has no result.
    let Some(id) = answers_tool else { return Ok(ContentBlock::Text(text.to_owned())) };
    let result = ToolResultBlock::builder()
        .tool_use_id(id)
        .status(ToolResultStatus::Error)
        .content(ToolResultContentBlock::Text(text.to_owned()))
        .build();
    result.map(ContentBlock::ToolResult).map_err(ModelError::Build)
}

fn tool_use(instructions: &Instructions, id: &str, input: &str) -> Result<ContentBlock, ModelError> {
    let mut input: Value = serde_json::from_str(input).map_err(ModelError::ToolInput)?;
    if !input.is_object() {
        // Models give other inputs too, but Bedrock refuses a request that has one.
        input = json!({ "input": input });
    }
    let call = ToolUseBlock::builder().tool_use_id(id).name(instructions.name).input(from_json(input)).build();
    call.map(ContentBlock::ToolUse).map_err(ModelError::Build)
}

fn output_config(instructions: &Instructions) -> Result<OutputConfig, BuildError> {
    let schema = JsonSchemaDefinition::builder().name(instructions.name).schema(instructions.schema).build()?;
    let format = OutputFormat::builder()
        .r#type(OutputFormatType::JsonSchema)
        .structure(OutputFormatStructure::JsonSchema(schema))
        .build()?;
    Ok(OutputConfig::builder().text_format(format).build())
}

fn tool_config(instructions: &Instructions, is_strict: bool) -> Result<ToolConfiguration, ModelError> {
    let mut schema: Value = serde_json::from_str(instructions.schema).map_err(ModelError::Schema)?;
    if !is_strict {
        schema = plain(&schema, &schema);
    }
    let tool = ToolSpecification::builder()
        .name(instructions.name)
        .description("Takes the answer. Call it once, with the whole answer.")
        .input_schema(ToolInputSchema::Json(from_json(schema)))
        .set_strict(is_strict.then_some(true))
        .build()
        .map_err(ModelError::Build)?;
    let choice = SpecificToolChoice::builder().name(instructions.name).build().map_err(ModelError::Build)?;
    let config = ToolConfiguration::builder().tools(Tool::ToolSpec(tool)).tool_choice(ToolChoice::Tool(choice));
    config.build().map_err(ModelError::Build)
}

/// Reduces a schema to the keywords that every model supports, with each definition copied to its places of use.
fn plain(schema: &Value, root: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let named = fields.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
            if let Some(definition) = named.and_then(|path| root.pointer(path)) {
                return plain(definition, root);
            }
            let kept = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "additionalProperties" | "$defs"));
            kept.map(|(name, field)| (name.clone(), plain(field, root))).collect()
        }
        Value::Array(items) => items.iter().map(|item| plain(item, root)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::ANALYSIS;

    #[test]
    fn a_plain_schema_has_its_definitions_in_place() {
        let schema: Value = serde_json::from_str(ANALYSIS.schema).unwrap();
        let plain = plain(&schema, &schema);
        let text = plain.to_string();
        assert!(!["$ref", "$defs", "additionalProperties"].iter().any(|keyword| text.contains(keyword)), "{text}");
        let evidence = &plain["properties"]["category"]["properties"]["evidence"]["items"];
        assert_eq!(evidence["required"], json!(["turn", "quote"]));
        assert_eq!(plain.as_object().unwrap().keys().collect::<Vec<_>>(), ["properties", "required", "type"]);
    }
}
