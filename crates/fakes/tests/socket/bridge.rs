//! The bridge to an OpenAI-compatible server, which here is one of axum's.

use std::sync::{Arc, Mutex};

use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_bedrockruntime::error::ProvideErrorMetadata;
use aws_sdk_bedrockruntime::operation::converse::builders::ConverseFluentBuilder;
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message, StopReason, SystemContentBlock};
use aws_sdk_bedrockruntime::{Client, Config};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use fakes::Running;
use fakes::bedrock::{self, Upstream};

const MODEL: &str = "eu.anthropic.claude-haiku-4-5-20251001-v1:0";
const KEY: &str = "sk-do-not-tell";

/// The key and the body of a request.
type Asked = (Option<String>, Value);

/// Answers everything alike, and keeps what it was asked.
#[derive(Clone)]
struct OpenAi {
    answer: Arc<(StatusCode, Value)>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl OpenAi {
    async fn start(status: u16, answer: Value) -> (Self, Running) {
        let status = StatusCode::from_u16(status).unwrap();
        let server = Self { answer: Arc::new((status, answer)), asked: Arc::default() };
        let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(server.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, bridge(&url).await)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn complete(State(server): State<OpenAi>, headers: HeaderMap, Json(question): Json<Value>) -> Response {
    let key = headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
    server.asked.lock().unwrap().push((key, question));
    let (status, answer) = server.answer.as_ref();
    (*status, [("retry-after", "7")], Json(answer.clone())).into_response()
}

async fn bridge(url: &str) -> Running {
    let upstream = Upstream::new(url, Some("small"), Some(KEY)).unwrap();
    bedrock::bridge_on("127.0.0.1:0".parse().unwrap(), upstream).await.unwrap()
}

fn ask(bridge: &Running) -> ConverseFluentBuilder {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .endpoint_url(&bridge.base_url)
        .retry_config(RetryConfig::disabled());
    let text = ContentBlock::Text("<transcript-9c>\n[0] visitor: Hi\n</transcript-9c>".to_owned());
    let message = Message::builder().role(ConversationRole::User).content(text).build().unwrap();
    let system = SystemContentBlock::Text("Analyse.".to_owned());
    Client::from_conf(config.build()).converse().model_id(MODEL).system(system).messages(message)
}

fn completion(text: &str) -> Value {
    json!({ "choices": [{ "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
            "usage": { "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15 } })
}

#[tokio::test]
async fn the_sdk_reads_the_answer_of_an_openai_server_as_bedrocks() {
    let (server, bridge) = OpenAi::start(200, completion("{\"a\":1}")).await;
    let answer = ask(&bridge).send().await.unwrap();
    let message = answer.output().unwrap().as_message().unwrap();
    assert_eq!(message.content()[0].as_text().unwrap(), "{\"a\":1}");
    let usage = answer.usage().unwrap();
    assert_eq!((answer.stop_reason(), usage.input_tokens(), usage.output_tokens()), (&StopReason::EndTurn, 12, 3));
    let (key, question) = server.asked().remove(0);
    assert_eq!((key.as_deref(), &question["model"]), (Some("Bearer sk-do-not-tell"), &json!("small")));
    assert_eq!(question["messages"][0], json!({ "role": "system", "content": "Analyse." }));
}

#[tokio::test]
async fn the_key_is_in_no_journal() {
    let (_server, bridge) = OpenAi::start(200, completion("{}")).await;
    ask(&bridge).send().await.unwrap();
    assert_eq!(bridge.control.requests("").await.unwrap().len(), 1);
    assert!(bridge.control.requests(KEY).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_script_answers_before_the_server() {
    let (server, bridge) = OpenAi::start(200, completion("{}")).await;
    bridge.control.script(json!({ "answer": "scripted" })).await.unwrap();
    let answer = ask(&bridge).send().await.unwrap();
    assert_eq!(answer.output().unwrap().as_message().unwrap().content()[0].as_text().unwrap(), "scripted");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn too_many_requests_are_a_throttling_exception_with_the_servers_wait() {
    let (_server, bridge) = OpenAi::start(429, json!({ "error": { "message": "slow down" } })).await;
    let error = ask(&bridge).send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().headers().get("retry-after"), Some("7"));
    let error = error.into_service_error();
    assert!(error.is_throttling_exception(), "{error:?}");
    assert_eq!(error.message(), Some("slow down"));
}

#[tokio::test]
async fn a_server_that_is_away_is_an_unavailable_service() {
    let bridge = bridge("http://127.0.0.1:9/v1").await;
    let error = ask(&bridge).send().await.unwrap_err().into_service_error();
    assert!(error.is_service_unavailable_exception(), "{error:?}");
}

#[tokio::test]
async fn what_is_no_completion_is_a_model_error() {
    let (_server, bridge) = OpenAi::start(200, json!({ "hello": "world" })).await;
    let error = ask(&bridge).send().await.unwrap_err().into_service_error();
    assert!(error.is_model_error_exception(), "{error:?}");
}
