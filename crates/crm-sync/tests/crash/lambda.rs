//! The surroundings of a Lambda function: the runtime interface, its queues and Secrets Manager.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long an invocation may take.
const INVOCATION: Duration = Duration::from_secs(60);

/// Listens until it is dropped.
pub(crate) struct Lambda {
    pub(crate) address: String,
    surroundings: Surroundings,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Surroundings {
    /// Given to the first instance that asks; `None` when it is taken.
    event: Arc<Mutex<Option<Value>>>,
    answered: watch::Sender<Option<Value>>,
    secrets: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Lambda {
    pub(crate) async fn start(secrets: &[(&str, &str)]) -> Self {
        let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let surroundings = Surroundings {
            event: Arc::default(),
            answered: watch::Sender::new(None),
            secrets: Arc::new(Mutex::new(secrets)),
        };
        let runtime = "/2018-06-01/runtime";
        let app = Router::new()
            .route(&format!("{runtime}/invocation/next"), get(next))
            .route(&format!("{runtime}/invocation/{{id}}/response"), post(answer))
            .route("/", post(aws))
            .with_state(surroundings.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, surroundings, task }
    }

    /// The event that the next instance is given.
    pub(crate) fn deliver(&self, body: &str) {
        let record = json!({
            "messageId": "m-1", "receiptHandle": "r-1", "body": body, "eventSource": "aws:sqs",
            "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {}, "awsRegion": "eu-west-1",
        });
        self.surroundings.answered.send_replace(None);
        *self.surroundings.event.lock().unwrap() = Some(json!({ "Records": [record] }));
    }

    /// Waits for the instance's answer.
    pub(crate) async fn answer(&self) -> Value {
        let mut answered = self.surroundings.answered.subscribe();
        answered.wait_for(Option::is_some).await.unwrap().clone().unwrap()
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn next(State(surroundings): State<Surroundings>) -> Response {
    let event = surroundings.event.lock().unwrap().take();
    let Some(event) = event else { return std::future::pending().await };
    let deadline = SystemTime::now() + INVOCATION;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", "request-1".to_owned()),
        ("lambda-runtime-deadline-ms", deadline),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:1:function:crm-sync".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

async fn answer(State(surroundings): State<Surroundings>, body: Bytes) -> StatusCode {
    let answer = serde_json::from_slice(&body).unwrap_or(Value::Null);
    surroundings.answered.send_replace(Some(answer));
    StatusCode::ACCEPTED
}

/// SQS and Secrets Manager, in their JSON protocol.
async fn aws(State(surroundings): State<Surroundings>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let name = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
    let mut secrets = surroundings.secrets.lock().unwrap();
    let answer = match target.as_str() {
        "secretsmanager.GetSecretValue" => match secrets.get(&name("SecretId")) {
            Some(value) => json!({ "Name": name("SecretId"), "SecretString": value }),
            None => return not_found(),
        },
        "secretsmanager.PutSecretValue" if !secrets.contains_key(&name("SecretId")) => return not_found(),
        "secretsmanager.PutSecretValue" => {
            secrets.insert(name("SecretId"), name("SecretString"));
            json!({})
        }
        "secretsmanager.CreateSecret" => {
            secrets.insert(name("Name"), name("SecretString"));
            json!({})
        }
        "AmazonSQS.SendMessage" => json!({ "MessageId": "m-2" }),
        "AmazonSQS.ChangeMessageVisibility" => json!({}),
        other => panic!("{other}"),
    };
    answer.to_string().into_response()
}

fn not_found() -> Response {
    (StatusCode::BAD_REQUEST, json!({ "__type": "ResourceNotFoundException" }).to_string()).into_response()
}
