//! HTTP/1.1 over TCP, with connections that can be closed instead of answered.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use crate::control::Control;

/// A fake that is listening; it stops when this is dropped.
pub struct Running {
    /// `http://127.0.0.1:<port>`, without a trailing slash.
    pub base_url: String,
    /// The fake's `/_…` endpoints.
    pub control: Control,
    task: JoinHandle<()>,
}

impl Running {
    /// The end of the address: `host:port`.
    pub fn authority(&self) -> &str {
        self.base_url.trim_start_matches("http://")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A free port of the loopback interface.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A response's extension: close the connection and send nothing of the response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloseInstead;

/// Serves until the returned value is dropped.
///
/// `Err` when the address can't be bound.
pub(crate) async fn serve(router: Router, address: SocketAddr) -> io::Result<Running> {
    let listener = TcpListener::bind(address).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let task = tokio::spawn(accept(listener, router));
    Ok(Running { control: Control::new(&base_url), base_url, task })
}

/// The connections belong to the set, so they end with the task.
async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(answer(stream, router.clone())); }
                // Out of file descriptors, or the peer is gone already: let the others go on.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(stream: TcpStream, router: Router) {
    let service = service_fn(move |request: Request<Incoming>| respond(router.clone(), request));
    // A peer that goes away is its own business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// `Err` makes hyper close the connection without a byte of an answer.
async fn respond(router: Router, request: Request<Incoming>) -> io::Result<Response> {
    let response = match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<CloseInstead>() {
        Some(CloseInstead) => Err(io::Error::other("the connection was closed by a fault")),
        None => Ok(response),
    }
}
