#!/usr/bin/env bash
# aws-sdk-sqs 1.119.0 with aws-smithy-http-client 1.5.2: each value of a time-out has a pool of connections of its own.
#
# Expected: requests of one client share its connections, whatever their time-outs are.
# Seen: 20 requests with one read time-out use one connection; 20 requests whose read time-out is set for the request, each
# a millisecond longer, open 20 connections, and all of them are open after the last request. A function that gives each
# request what is left of its invocation never uses a connection again.
# Source: aws-smithy-http-client's src/client.rs, which caches a connector for each pair of connect and read time-out.
# Dealt with in: crates/transport, whose connector applies the read time-out to the request.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
cargo --quiet new probe
cat >>probe/Cargo.toml <<'MANIFEST'
aws-sdk-sqs = { version = "=1.119.0", default-features = false, features = ["default-https-client", "rt-tokio"] }
aws-smithy-http-client = "=1.5.2"
tokio = { version = "1", features = ["io-util", "macros", "net", "rt"] }
MANIFEST
cat >probe/src/main.rs <<'PROGRAM'
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

async fn serve(stream: TcpStream, open: Arc<AtomicUsize>) {
    open.fetch_add(1, Ordering::SeqCst);
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(head.as_bytes()).await.unwrap();
        }
        line.clear();
    }
    open.fetch_sub(1, Ordering::SeqCst);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
        .credentials_provider(Credentials::new("id", "secret", None, None, "probe"));
    let client = aws_sdk_sqs::Client::from_conf(config.build());
    let open = Arc::new(AtomicUsize::new(0));
    let counter = open.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, counter.clone()));
        }
    });
    for (name, step) in [("one time-out", 0), ("a time-out for each request", 1)] {
        let before = open.load(Ordering::SeqCst);
        for n in 1..=20 {
            let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_millis(30_000 + n * step)).build();
            let limits = Builder::new().timeout_config(timeouts);
            client.list_queues().customize().config_override(limits).send().await.unwrap();
        }
        println!("20 requests with {name}: {} connections open", open.load(Ordering::SeqCst) - before);
    }
}
PROGRAM
CARGO_TARGET_DIR="$home/target" cargo run --quiet --manifest-path probe/Cargo.toml | tee seen.txt
diff - seen.txt <<'EXPECTED'
20 requests with one time-out: 1 connections open
20 requests with a time-out for each request: 20 connections open
EXPECTED
echo unchanged
