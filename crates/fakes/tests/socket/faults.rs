use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use fakes::{Running, webhook};

async fn deliver(fake: &Running, body: &str) -> reqwest::Result<reqwest::Response> {
    reqwest::Client::new().post(format!("{}/hooks/a", fake.base_url)).body(body.to_owned()).send().await
}

async fn delivered(fake: &Running) -> usize {
    fake.control.state("").await.unwrap()["deliveries"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_drop_after_performs_the_effect_and_closes_the_connection_without_a_byte() {
    let fake = webhook::start().await.unwrap();
    fake.control.fault(json!({"match": "POST /hooks", "drop_after": true})).await.unwrap();

    let mut stream = TcpStream::connect(fake.authority()).await.unwrap();
    stream
        .write_all(b"POST /hooks/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();

    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(delivered(&fake).await, 1);
    assert_eq!(fake.control.requests("/hooks/a").await.unwrap()[0]["status"], Value::Null);
}

#[tokio::test]
async fn a_client_sees_a_dropped_connection_as_an_error_and_the_next_request_is_answered() {
    let fake = webhook::start().await.unwrap();
    fake.control.fault(json!([{"drop_before": true}, {"drop_after": true}])).await.unwrap();
    for effects in [0, 1] {
        let error = deliver(&fake, "{}").await.unwrap_err();
        assert!(format!("{error:?}").contains("IncompleteMessage"), "{error:?}");
        assert_eq!(delivered(&fake).await, effects);
    }
    assert_eq!(deliver(&fake, "{}").await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_status_fault_answers_as_it_says_and_leaves_no_effect() {
    let fake = webhook::start().await.unwrap();
    let fault = json!({"match": "hooks", "body_match": "tenant-7", "times": 1, "status": 429,
                       "body": {"wait": true}, "headers": {"Retry-After": "7"}});
    fake.control.fault(fault).await.unwrap();

    assert_eq!(deliver(&fake, "tenant-8").await.unwrap().status(), 204);
    let refused = deliver(&fake, "tenant-7").await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(refused.json::<Value>().await.unwrap(), json!({"wait": true}));
    assert_eq!(deliver(&fake, "tenant-7").await.unwrap().status(), 204);
    assert_eq!(delivered(&fake).await, 2);

    let statuses = fake.control.requests("tenant-7").await.unwrap().into_iter().map(|entry| entry["status"].clone());
    assert_eq!(statuses.collect::<Vec<_>>(), [429, 204]);
}

#[tokio::test]
async fn a_slow_request_takes_effect_even_though_its_client_gave_up() {
    let fake = webhook::start().await.unwrap();
    fake.control.fault(json!({"delay_ms": 300})).await.unwrap();
    let client = reqwest::Client::builder().timeout(Duration::from_millis(50)).build().unwrap();
    let given_up = client.post(format!("{}/hooks/a", fake.base_url)).body("{}").send().await;
    assert!(given_up.unwrap_err().is_timeout());
    assert_eq!(delivered(&fake).await, 0);

    let started = Instant::now();
    while delivered(&fake).await == 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "the effect never took place");
    }
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_is_refused() {
    let fake = webhook::start().await.unwrap();
    for fault in [
        json!({"status": 42}),
        json!({"exception": "Oops"}),
        json!({"typo": 1}),
        json!([{"headers": {"a b": "c"}, "status": 200}]),
    ] {
        assert!(fake.control.fault(fault.clone()).await.is_err(), "{fault}");
    }
    fake.control.fault(json!({"status": 500})).await.unwrap();
    fake.control.clear().await.unwrap();
    assert_eq!(deliver(&fake, "{}").await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_fake_stops_when_it_is_dropped() {
    let fake = webhook::start().await.unwrap();
    let address = fake.authority().to_owned();
    drop(fake);
    let started = Instant::now();
    while TcpStream::connect(&address).await.is_ok() {
        assert!(started.elapsed() < Duration::from_secs(10), "it still listens");
        tokio::task::yield_now().await;
    }
}
