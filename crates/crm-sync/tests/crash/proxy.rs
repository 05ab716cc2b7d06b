//! Stands between the function and all that it asks, a third party and AWS, and says when a request is to be disturbed.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// Bytes; more than any answer of a stand-in.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Where AWS is, behind the proxy.
const AWS: &str = "/_aws";

/// The moment at which a request is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before it takes effect.
    Before,
    /// The request has taken effect, and its answer is lost.
    Sent,
    /// The answer has arrived, and nothing else has been done.
    Answered,
}

impl Moment {
    pub(crate) const ALL: [Self; 3] = [Self::Before, Self::Sent, Self::Answered];
}

/// The request with this number, from 0, at this moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) request: usize,
    pub(crate) moment: Moment,
}

/// The point has been reached. For [`Moment::Answered`] the answer goes out when this is answered.
pub(crate) struct Reached(pub(crate) oneshot::Sender<()>);

/// Listens until it is dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// `AWS_ENDPOINT_URL` of the function.
    pub(crate) aws_url: String,
    pub(crate) reached: mpsc::UnboundedReceiver<Reached>,
    /// A request after the request let through at [`Moment::Answered`]: the function has gone on.
    pub(crate) went_on: mpsc::UnboundedReceiver<()>,
    shared: Shared,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    upstream: String,
    aws: String,
    http: reqwest::Client,
    seen: Arc<Mutex<Vec<String>>>,
    point: Arc<Mutex<Option<Point>>>,
    reached: mpsc::UnboundedSender<Reached>,
    went_on: mpsc::UnboundedSender<()>,
}

impl Proxy {
    /// `aws` is the address of Secrets Manager and SQS.
    pub(crate) async fn before(upstream: &str, aws: &str) -> Self {
        let (reached, receiver) = mpsc::unbounded_channel();
        let (went_on, went_on_receiver) = mpsc::unbounded_channel();
        let shared = Shared {
            upstream: upstream.to_owned(),
            aws: format!("http://{aws}"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            seen: Arc::default(),
            point: Arc::default(),
            reached,
            went_on,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(pass).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let aws_url = format!("{url}{AWS}");
        Self { url, aws_url, reached: receiver, went_on: went_on_receiver, shared, task }
    }

    /// Disturbs this point, or nothing more.
    pub(crate) fn disturb(&self, point: Option<Point>) {
        self.shared.seen.lock().unwrap().clear();
        *self.shared.point.lock().unwrap() = point;
    }

    /// The requests since then, as method and path, or as AWS's target.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(State(shared): State<Shared>, request: Request) -> Response {
    let number = {
        let mut seen = shared.seen.lock().unwrap();
        let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let request = match target {
            Some(target) => target.to_owned(),
            None => format!("{} {}", request.method(), request.uri().path()),
        };
        seen.push(request);
        seen.len() - 1
    };
    let point = *shared.point.lock().unwrap();
    let moment = match point {
        Some(point) if point.request == number => Some(point.moment),
        Some(point) if number > point.request => {
            let _ = shared.went_on.send(());
            return std::future::pending().await;
        }
        _ => None,
    };
    if moment == Some(Moment::Before) {
        let (sender, _receiver) = oneshot::channel();
        let _ = shared.reached.send(Reached(sender));
        return std::future::pending().await;
    }
    let answer = forward(&shared, request).await;
    match moment {
        None | Some(Moment::Before) => answer,
        Some(Moment::Sent) => {
            let (sender, _receiver) = oneshot::channel();
            let _ = shared.reached.send(Reached(sender));
            std::future::pending().await
        }
        Some(Moment::Answered) => {
            let (sender, receiver) = oneshot::channel();
            let _ = shared.reached.send(Reached(sender));
            let _ = receiver.await;
            answer
        }
    }
}

async fn forward(shared: &Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, MAX_BODY).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().as_str();
    let url = match path.strip_prefix(AWS) {
        Some(path) => format!("{}{path}", shared.aws),
        None => format!("{}{path}", shared.upstream),
    };
    let mut headers = parts.headers;
    headers.remove("host");
    let answer = shared.http.request(parts.method, url).headers(headers).body(body).send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    for name in ["content-length", "transfer-encoding", "connection"] {
        headers.remove(name);
    }
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
