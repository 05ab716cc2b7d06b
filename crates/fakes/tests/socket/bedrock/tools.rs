use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::types::{
    SpecificToolChoice, Tool, ToolChoice, ToolConfiguration, ToolInputSchema, ToolResultBlock, ToolResultContentBlock,
    ToolResultStatus, ToolSpecification, ToolUseBlock,
};
use aws_smithy_types::Document;

use super::*;

const NOVA: &str = "eu.amazon.nova-2-lite-v1:0";

fn document(value: &Value) -> Document {
    match value {
        Value::Object(map) => {
            Document::Object(map.iter().map(|(name, inner)| (name.clone(), document(inner))).collect())
        }
        Value::Array(items) => Document::Array(items.iter().map(document).collect()),
        Value::String(text) => Document::from(text.as_str()),
        Value::Bool(flag) => Document::from(*flag),
        other => panic!("{other} is not in a schema here"),
    }
}

pub(super) fn schema(closed: bool) -> Document {
    let label = json!({ "type": "string", "enum": ["facing_issue", "others"] });
    let category = json!({ "type": "object", "properties": { "label": label } });
    let mut schema = json!({ "type": "object", "properties": { "category": category } });
    if closed {
        schema["additionalProperties"] = json!(false);
    }
    document(&schema)
}

pub(super) fn forced(schema: Document) -> ToolConfiguration {
    let spec = ToolSpecification::builder().name("record_analysis").input_schema(ToolInputSchema::Json(schema));
    let choice = SpecificToolChoice::builder().name("record_analysis").build().unwrap();
    let config = ToolConfiguration::builder().tools(Tool::ToolSpec(spec.build().unwrap()));
    config.tool_choice(ToolChoice::Tool(choice)).build().unwrap()
}

pub(super) fn tool_use(answer: &ConverseOutput) -> ToolUseBlock {
    answer.output().unwrap().as_message().unwrap().content()[0].as_tool_use().unwrap().clone()
}

/// The label in the category that a tool's input has.
fn label(block: &ToolUseBlock) -> String {
    let category = block.input().as_object().unwrap()["category"].as_object().unwrap();
    category["label"].as_string().unwrap().to_owned()
}

pub(super) fn correction(id: &str, text: &str) -> Message {
    let result = ToolResultBlock::builder().tool_use_id(id).status(ToolResultStatus::Error);
    let result = result.content(ToolResultContentBlock::Text(text.to_owned())).build().unwrap();
    Message::builder().role(ConversationRole::User).content(ContentBlock::ToolResult(result)).build().unwrap()
}

pub(super) fn used(block: ToolUseBlock) -> Message {
    Message::builder().role(ConversationRole::Assistant).content(ContentBlock::ToolUse(block)).build().unwrap()
}

#[tokio::test]
async fn a_forced_tool_is_used_and_used_again_after_a_correction() {
    let fake = bedrock::start().await.unwrap();
    let ask = || ask(&fake, "My router is broken").tool_config(forced(schema(false)));
    let first = ask().send().await.unwrap();
    assert_eq!((first.stop_reason(), label(&tool_use(&first)).as_str()), (&StopReason::ToolUse, "facing_issue"));

    let block = tool_use(&first);
    let id = block.tool_use_id().to_owned();
    let second = ask().messages(used(block.clone())).messages(correction(&id, "Correct it")).send().await.unwrap();
    assert_eq!(tool_use(&second).input(), block.input());
    assert_ne!(tool_use(&second).tool_use_id(), id);
}

#[tokio::test]
async fn a_correction_that_fits_no_tool_use_is_refused() {
    let fake = bedrock::start().await.unwrap();
    let ask = || ask(&fake, "My router is broken").tool_config(forced(schema(false)));
    let block = tool_use(&ask().send().await.unwrap());
    let id = block.tool_use_id().to_owned();
    for (request, expected) in [
        (ask().messages(used(block.clone())).messages(correction("other", "Correct it")), "Expected toolResult blocks"),
        (ask().messages(used(block.clone())).messages(message(ConversationRole::User, "Correct it")), id.as_str()),
        (ask().messages(used(block.clone())).messages(correction(&id, " ")), "is blank"),
        (
            ask().messages(message(ConversationRole::Assistant, "{}")).messages(correction(&id, "Correct it")),
            "exceeds the number of toolUse blocks",
        ),
        (
            ask().messages(used(block.clone())).messages(correction(&id, "Correct it")).set_tool_config(None),
            "The toolConfig field must be defined",
        ),
    ] {
        let error = request.send().await.unwrap_err().into_service_error();
        assert!(error.is_validation_exception(), "{error:?}");
        assert!(error.message().unwrap().contains(expected), "{error:?} lacks {expected}");
    }
}

#[tokio::test]
async fn nova_knows_forced_tools_but_neither_output_schemas_nor_closed_tool_schemas() {
    let fake = bedrock::start().await.unwrap();
    let ask = || ask(&fake, "My router is broken").model_id(NOVA);
    let answer = ask().tool_config(forced(schema(false))).send().await.unwrap();
    assert_eq!(label(&tool_use(&answer)), "facing_issue");
    let object = json!({"type": "object", "additionalProperties": false, "properties": {}});
    for (request, expected) in [
        (ask().output_config(format(&object)), "outputConfig.textFormat"),
        (ask().tool_config(forced(schema(true))), "additionalProperties"),
    ] {
        let error = request.send().await.unwrap_err().into_service_error();
        assert!(error.is_validation_exception() && error.message().unwrap().contains(expected), "{error:?}");
    }
}

#[tokio::test]
async fn cache_points_stand_in_tools_system_and_messages() {
    let fake = bedrock::start().await.unwrap();
    let point = CachePointBlock::builder().r#type(CachePointType::Default).build().unwrap();
    let config = forced(schema(false));
    let tools = ToolConfiguration::builder().set_tools(Some(config.tools().to_vec()));
    let tools = tools.tools(Tool::CachePoint(point.clone())).set_tool_choice(config.tool_choice().cloned());
    let prompt = "<transcript-1>\n[0] visitor: cached\n</transcript-1>";
    let user = Message::builder().role(ConversationRole::User).content(ContentBlock::Text(prompt.to_owned()));
    let user = user.content(ContentBlock::CachePoint(point.clone())).build().unwrap();
    let request = || {
        let request = client(&fake).converse().model_id(MODEL).messages(user.clone());
        let request = request.tool_config(tools.clone().build().unwrap());
        request.system(SystemContentBlock::Text("s".repeat(8000))).system(SystemContentBlock::CachePoint(point.clone()))
    };
    let usage = request().send().await.unwrap().usage().cloned().unwrap();
    assert!(usage.cache_write_input_tokens().unwrap() > 2000, "{usage:?}");
    let again = request().send().await.unwrap().usage().cloned().unwrap();
    assert_eq!(again.cache_read_input_tokens(), usage.cache_write_input_tokens());
    let fifth = request().system(SystemContentBlock::CachePoint(point.clone()));
    let fifth = fifth.system(SystemContentBlock::CachePoint(point.clone()));
    assert!(fifth.send().await.unwrap_err().into_service_error().is_validation_exception());
    assert_eq!(fake.control.state("cached").await.unwrap()["cache_points"], 2);
}
