//! The connector under a client of the AWS SDK, against a server at a socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_sqs::error::SdkError;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use transport::AwsHttpClient;

const ANSWER: &str = r#"{"QueueUrls":["http://sqs.example/1/first"]}"#;

/// The behaviour of the server towards each request.
#[derive(Clone, Copy)]
enum Behaviour {
    Answer,
    Hang,
    Close,
}

/// A server that counts its connections.
struct Server {
    endpoint: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, behaviour));
            }
        });
        Self { endpoint, connections }
    }

    fn client(&self) -> Client {
        client(&self.endpoint)
    }
}

async fn serve(stream: TcpStream, behaviour: Behaviour) {
    let mut stream = BufReader::new(stream);
    while let Some(length) = head(&mut stream).await {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        match behaviour {
            Behaviour::Answer => {}
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Close => return,
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            ANSWER.len()
        );
        stream.write_all((head + ANSWER).as_bytes()).await.unwrap();
    }
}

/// Reads a request's head and returns the length of its body; `None` at the end of the connection.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            return Some(length);
        }
    }
}

fn client(endpoint: &str) -> Client {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .retry_config(transport::retries(1))
        .http_client(AwsHttpClient::new().unwrap());
    Client::from_conf(config.build())
}

fn read_timeout(time: Duration) -> Builder {
    Builder::new().timeout_config(TimeoutConfig::builder().read_timeout(time).build())
}

#[tokio::test]
async fn requests_with_different_time_outs_share_one_connection() {
    let server = Server::start(Behaviour::Answer).await;
    let client = server.client();
    for millis in 0..50 {
        let limits = read_timeout(Duration::from_millis(30_000 + millis));
        let answer = client.list_queues().customize().config_override(limits).send().await.unwrap();
        assert_eq!(answer.queue_urls(), ["http://sqs.example/1/first"]);
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_time_out() {
    let server = Server::start(Behaviour::Hang).await;
    let limits = read_timeout(Duration::from_millis(200));
    let error = server.client().list_queues().customize().config_override(limits).send().await.unwrap_err();
    assert!(matches!(&error, SdkError::DispatchFailure(failure) if failure.is_timeout()), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_lost_or_never_made_is_an_io_error() {
    let server = Server::start(Behaviour::Close).await;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for client in [server.client(), client(&format!("http://{unused}"))] {
        let error = client.list_queues().send().await.unwrap_err();
        assert!(matches!(&error, SdkError::DispatchFailure(failure) if failure.is_io()), "{error:?}");
    }
}
