mod schemas;
mod scripts;
mod tools;

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_bedrockruntime::error::ProvideErrorMetadata;
use aws_sdk_bedrockruntime::operation::converse::builders::ConverseFluentBuilder;
use aws_sdk_bedrockruntime::types::{
    CachePointBlock, CachePointType, ContentBlock, ConversationRole, InferenceConfiguration, JsonSchemaDefinition,
    Message, OutputConfig, OutputFormat, OutputFormatStructure, OutputFormatType, StopReason, SystemContentBlock,
};
use aws_sdk_bedrockruntime::{Client, Config};
use serde_json::{Value, json};

use fakes::{Running, bedrock};

const MODEL: &str = "eu.anthropic.claude-haiku-4-5-20251001-v1:0";
/// The end of every summary.
const SIGNATURE: &str = "(Written by the local stand-in for Bedrock.)";

fn client(fake: &Running) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .endpoint_url(&fake.base_url)
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

fn message(role: ConversationRole, text: impl Into<String>) -> Message {
    Message::builder().role(role).content(ContentBlock::Text(text.into())).build().unwrap()
}

fn ask(fake: &Running, said: &str) -> ConverseFluentBuilder {
    let prompt = format!("Output language: en\n<transcript-9c>\n[0] visitor: {said}\n</transcript-9c>");
    client(fake).converse().model_id(MODEL).messages(message(ConversationRole::User, prompt))
}

fn format(schema: &Value) -> OutputConfig {
    let definition = JsonSchemaDefinition::builder().schema(schema.to_string()).name("analysis").build().unwrap();
    let format = OutputFormat::builder().r#type(OutputFormatType::JsonSchema);
    let format = format.structure(OutputFormatStructure::JsonSchema(definition)).build().unwrap();
    OutputConfig::builder().text_format(format).build()
}

async fn text(request: ConverseFluentBuilder) -> (String, StopReason) {
    let answer = request.send().await.unwrap();
    let message = answer.output().unwrap().as_message().unwrap();
    (message.content()[0].as_text().unwrap().clone(), answer.stop_reason().clone())
}

#[tokio::test]
async fn the_sdk_reads_an_answer_that_keeps_to_its_schema() {
    let fake = bedrock::start().await.unwrap();
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["category"], "properties": {
        "category": {"type": "object", "additionalProperties": false, "required": ["label"],
                     "properties": {"label": {"enum": ["facing_issue", "others"]}}}}});
    let limit = InferenceConfiguration::builder().max_tokens(4096).build();
    let request = ask(&fake, "My router is broken").output_config(format(&schema)).inference_config(limit);
    let (text, stop_reason) = text(request).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"category": {"label": "facing_issue"}}));
    assert_eq!(stop_reason, StopReason::EndTurn);
}

#[tokio::test]
async fn a_schema_that_breaks_a_rule_is_a_validation_exception() {
    let fake = bedrock::start().await.unwrap();
    let schema =
        json!({"type": "object", "additionalProperties": false, "properties": {"n": {"type": "number", "minimum": 0}}});
    let error = ask(&fake, "Hi").output_config(format(&schema)).send().await.unwrap_err().into_service_error();
    assert!(error.is_validation_exception());
    assert!(error.message().unwrap().contains("#/properties/n"), "{error:?}");
    assert_eq!(fake.control.state("").await.unwrap()["calls"], 0);
}

#[tokio::test]
async fn a_scripted_exception_is_the_sdks_own() {
    let fake = bedrock::start().await.unwrap();
    for (name, status) in [("ThrottlingException", 429), ("ModelErrorException", 424), ("ModelTimeoutException", 408)] {
        fake.control
            .fault(json!({"match": "POST /model converse", "body_match": "tenant-7", "exception": name}))
            .await
            .unwrap();
        let error = ask(&fake, "tenant-7").send().await.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), status);
        assert_eq!(error.into_service_error().code(), Some(name));
    }
    assert!(fake.control.fault(json!({"exception": "Nonsense"})).await.is_err());
    ask(&fake, "tenant-7").send().await.unwrap();
}

#[tokio::test]
async fn a_script_answers_literally_and_for_its_transcript_only() {
    let fake = bedrock::start().await.unwrap();
    let script = json!([{"match": "session-7", "times": 1, "answer": "I can't.", "stop_reason": "content_filtered"}]);
    fake.control.script(script).await.unwrap();
    assert!(text(ask(&fake, "session-8")).await.0.ends_with(SIGNATURE));
    assert_eq!(text(ask(&fake, "session-7")).await, ("I can't.".to_owned(), StopReason::ContentFiltered));
    assert!(text(ask(&fake, "session-7")).await.0.ends_with(SIGNATURE));

    let state = fake.control.state("session-7").await.unwrap();
    assert_eq!((&state["calls"], &state["models"][MODEL]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn an_answer_longer_than_max_tokens_is_cut() {
    let fake = bedrock::start().await.unwrap();
    let limit = InferenceConfiguration::builder().max_tokens(10).build();
    let (text, stop_reason) = text(ask(&fake, "Hello there").inference_config(limit)).await;
    assert_eq!((text.chars().count(), stop_reason), (40, StopReason::MaxTokens));
}

#[tokio::test]
async fn a_request_bedrock_would_refuse_is_refused() {
    let fake = bedrock::start().await.unwrap();
    let zero = InferenceConfiguration::builder().max_tokens(0).build();
    let warm = InferenceConfiguration::builder().temperature(0.5).build();
    let requests = [
        client(&fake).converse().model_id(MODEL),
        ask(&fake, "Hi").inference_config(zero),
        ask(&fake, "Hi").messages(message(ConversationRole::Assistant, "{")),
        client(&fake).converse().model_id(MODEL).messages(message(ConversationRole::User, " ")),
        ask(&fake, "Hi").inference_config(warm.clone()).model_id("eu.anthropic.claude-haiku-5-5-20260901-v1:0"),
    ];
    for request in requests {
        let error = request.send().await.unwrap_err().into_service_error();
        assert!(error.is_validation_exception(), "{error:?}");
    }
    ask(&fake, "Hi").inference_config(warm).send().await.unwrap();
}

#[tokio::test]
async fn a_long_prefix_before_a_cache_point_is_written_once_and_read_after() {
    let fake = bedrock::start().await.unwrap();
    let point = CachePointBlock::builder().r#type(CachePointType::Default).build().unwrap();
    let request = || {
        let system = SystemContentBlock::Text("instruction ".repeat(400));
        ask(&fake, "Hi").system(system).system(SystemContentBlock::CachePoint(point.clone()))
    };
    let mut cached = Vec::new();
    for _ in 0..2 {
        let usage = request().send().await.unwrap().usage().cloned().unwrap();
        let parts = usage.input_tokens() + usage.output_tokens();
        let both = (usage.cache_write_input_tokens().unwrap(), usage.cache_read_input_tokens().unwrap());
        assert_eq!(usage.total_tokens(), parts + both.0 + both.1);
        cached.push(both);
    }
    assert_eq!(cached, [(1200, 0), (0, 1200)]);
}
