//! Webhooks: one id, whatever is sent again.

use domain::event::Event;
use domain::integration::Connection;
use serde_json::json;

use crate::world::{Setting, World, at_every_point};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

async fn world(event: Option<Event>) -> (World, fakes::Running) {
    let receiver = fakes::webhook::start().await.unwrap();
    receiver.control.set("/_secrets/acme", json!(SECRET)).await.unwrap();
    let setting = Setting {
        upstream: &receiver.base_url,
        config: &|url| json!({ "kind": "webhook", "url": format!("{url}/hooks/acme") }),
        connection: Connection::default(),
        secret: SECRET,
        event,
    };
    (World::new(&setting).await, receiver)
}

async fn one_id(_: &World, receiver: &fakes::Running) -> Result<(), String> {
    let state = receiver.control.state("").await.unwrap();
    let deliveries = state["deliveries"].as_array().unwrap();
    let ids: std::collections::BTreeSet<_> = deliveries.iter().map(|delivery| delivery["id"].as_str()).collect();
    let verified = deliveries.iter().all(|delivery| delivery["verified"] == true);
    if ids.len() == 1 && verified { Ok(()) } else { Err(format!("{ids:?}, verified: {verified}")) }
}

#[tokio::test]
async fn an_analysis_is_sent_under_one_id() {
    at_every_point(async || world(None).await, one_id, 2).await;
}

#[tokio::test]
async fn an_event_is_sent_under_one_id() {
    let failed = || Event::SessionFailed { code: "lost".to_owned(), occurrence: 1 };
    at_every_point(async || world(Some(failed())).await, one_id, 2).await;
}
