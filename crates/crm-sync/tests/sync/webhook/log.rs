//! The log of attempts.

use std::time::{Duration, Instant};

use connectors::Webhooks;
use serde_json::json;
use stage::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::line;
use crate::world::{World, ana};

/// Bytes that are written to a client at a time.
static CHUNK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// The body that our own receiver sends after the headers of an answer.
#[derive(Clone, Copy)]
enum Body {
    Bytes(&'static [u8]),
    /// Nothing, with the connection left open.
    Never,
    /// More, until the client hangs up.
    Endless,
}

/// A receiver of one request; ends with how many bytes of a body it could send.
async fn receiver(world: &mut World, body: Body) -> JoinHandle<usize> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    world.context.connectors.webhooks = Webhooks::new(authority.parse().unwrap()).unwrap();
    world.hook(json!({ "url": format!("http://{authority}/") })).await;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 64 * 1024];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        let length =
            if let Body::Bytes(bytes) = body { format!("content-length: {}\r\n", bytes.len()) } else { String::new() };
        socket.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n").as_bytes()).await.unwrap();
        let mut sent = 0;
        match body {
            Body::Bytes(bytes) => {
                socket.write_all(bytes).await.unwrap();
                sent = bytes.len();
            }
            Body::Never => drop(socket.read(&mut request).await),
            Body::Endless => {
                while socket.write_all(&CHUNK).await.is_ok() {
                    sent += CHUNK.len();
                }
            }
        }
        sent
    })
}

#[tokio::test]
async fn each_attempt_is_logged_with_its_outcome_and_the_beginning_of_the_answer() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    let answer = format!("x{}", "🙂".repeat(500));
    world
        .fault(
            json!([{ "status": 503, "body": "try later" }, { "drop_after": true }, { "status": 400, "body": answer }]),
        )
        .await;
    for outcome in ["retry: unavailable", "retry: unreachable", "final: rejected", "done"] {
        assert_eq!(world.sync_analysis("s-1").await, outcome);
    }
    let mut attempts = world.attempts().await;
    attempts.reverse();
    let result: Vec<_> = attempts.iter().map(|attempt| (attempt.status, attempt.code.as_deref())).collect();
    assert_eq!(
        result,
        [
            (Some(503), Some("unavailable")),
            (None, Some("unreachable")),
            (Some(400), Some("rejected")),
            (Some(204), None)
        ]
    );
    let answers: Vec<_> = attempts.iter().map(|attempt| attempt.answer.as_deref()).collect();
    let kept = format!("x{}", "🙂".repeat(255));
    assert_eq!(answers, [Some("try later"), None, Some(kept.as_str()), Some("")]);
    let id = world.deliveries().await[0]["id"].clone();
    for attempt in attempts {
        assert_eq!((attempt.session_id.as_ref(), json!(attempt.webhook_id)), ("s-1", id.clone()));
        assert_eq!((attempt.event.as_str(), attempt.is_replay), ("session.analyzed", false));
        assert!(attempt.duration_ms < 10_000 && attempt.began_at <= chrono::Utc::now());
    }
}

#[tokio::test]
async fn an_answer_that_is_no_text_is_kept_as_far_as_it_can_be() {
    let mut world = World::new().await;
    world.session("s-1", ana()).await;
    let server = receiver(&mut world, Body::Bytes(b"\0\xffab\0\xc3")).await;
    assert_eq!(world.sync_analysis("s-1").await, "done");
    assert_eq!(server.await.unwrap(), 6);
    assert_eq!(world.attempts().await[0].answer.as_deref(), Some("\u{fffd}ab\u{fffd}"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let mut world = World::new().await;
    world.session("s-1", ana()).await;
    let server = receiver(&mut world, Body::Endless).await;
    let started = Instant::now();
    assert_eq!(world.sync_analysis("s-1").await, "done");
    // The connection is closed; what had been sent by then lay in the buffers of the sockets.
    let sent = server.await.unwrap();
    assert!(
        sent < 64 << 20 && started.elapsed() < connectors::webhook::DELIVERY_TIMEOUT,
        "{sent} bytes in {:?}",
        started.elapsed()
    );
    assert_eq!(world.attempts().await[0].answer.as_deref().map(str::len), Some(1024));
}

#[tokio::test]
async fn a_receiver_that_has_answered_need_not_end_its_answer() {
    let mut world = World::new().await;
    world.session("s-1", ana()).await;
    let _server = receiver(&mut world, Body::Never).await;
    let result = world.sync_within("s-1", "hook", Duration::from_millis(3000)).await;
    assert_eq!(result.unwrap(), Outcome::Done);
    assert_eq!(world.attempts().await[0].status, Some(200));
}

#[tokio::test]
async fn a_slow_receiver_is_left_in_time_to_record_it() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.fault(json!({ "delay_ms": 5000 })).await;
    for (ms, outcome) in [(3000, "retry: timed_out"), (1200, "retry: out_of_time")] {
        let result = world.sync_within("s-1", "hook", Duration::from_millis(ms)).await;
        assert_eq!(line(result), outcome);
        let attempt = world.attempts().await.remove(0);
        assert_eq!((attempt.status, attempt.code.as_deref()), (None, outcome.strip_prefix("retry: ")));
    }
    assert_eq!(world.requests().await.len(), 1);
}
