//! A stand-in for `SendEmail` of SES v2 with scripted answers.
//!
//! The stand-in speaks HTTP/1.1 by itself, because it also has to break connections.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a helper that fails ends its test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_sdk_sesv2::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use transport::AwsHttpClient;

/// An answer of SES.
#[derive(Debug, Clone)]
pub enum SesAnswer {
    Accept,
    /// An HTTP status, an exception of SES and its message.
    Refuse(u16, &'static str, &'static str),
    /// An HTTP status and a body that does not come from SES.
    Gateway(u16),
    /// Accepts the mail and closes the connection.
    Lose,
    /// Accepts the mail and closes the connection in the middle of the answer.
    Cut,
    /// Accepts the mail and does not answer.
    Hang,
}

#[derive(Default)]
struct SesState {
    script: VecDeque<SesAnswer>,
    requests: Vec<Value>,
}

/// A server that listens until it is dropped.
pub struct FakeSes {
    address: String,
    state: Arc<Mutex<SesState>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FakeSes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeSes {
    /// Starts a server that accepts every mail after the script.
    pub async fn start(script: impl IntoIterator<Item = SesAnswer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(SesState { script: script.into_iter().collect(), requests: Vec::new() }));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { address, state, task }
    }

    pub fn sdk_config(&self) -> SdkConfig {
        sdk_config(&self.address)
    }

    /// Returns the bodies of all `SendEmail` requests.
    pub fn requests(&self) -> Vec<Value> {
        self.state.lock().unwrap().requests.clone()
    }
}

/// Makes a configuration of the SDK for an endpoint.
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(AwsHttpClient::new().unwrap())
        .build()
}

async fn serve(stream: TcpStream, state: Arc<Mutex<SesState>>) {
    let mut stream = BufReader::new(stream);
    while let Some((line, body)) = read_request(&mut stream).await {
        assert_eq!(line, "POST /v2/email/outbound-emails HTTP/1.1");
        let answer = {
            let mut state = state.lock().unwrap();
            state.requests.push(serde_json::from_slice(&body).unwrap());
            state.script.pop_front().unwrap_or(SesAnswer::Accept)
        };
        let accepted = json!({ "MessageId": "0102-ses-1" }).to_string();
        let (response, goes_on) = match answer {
            SesAnswer::Accept => (response(200, "", &accepted), true),
            SesAnswer::Refuse(status, exception, message) => {
                let body = json!({ "message": message }).to_string();
                (response(status, &format!("x-amzn-ErrorType: {exception}\r\n"), &body), true)
            }
            SesAnswer::Gateway(status) => (response(status, "", "<html>Bad gateway</html>"), true),
            SesAnswer::Lose => (String::new(), false),
            SesAnswer::Cut => (response(200, "", &accepted).trim_end_matches("-1\"}").to_owned(), false),
            SesAnswer::Hang => std::future::pending().await,
        };
        if stream.write_all(response.as_bytes()).await.is_err() || !goes_on {
            return;
        }
    }
}

fn response(status: u16, header: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{header}\r\n{body}"
    )
}

/// Reads the request line and the body; `None` at the end of the connection.
async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut request_line, mut length) = (String::new(), 0);
    stream.read_line(&mut request_line).await.ok().filter(|read| *read > 0)?;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok().filter(|read| *read > 0)?;
        match header.trim_end().split_once(": ") {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((request_line.trim_end().to_owned(), body))
}
