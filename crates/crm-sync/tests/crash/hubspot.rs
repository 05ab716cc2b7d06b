//! HubSpot: one contact and one note.

use domain::integration::Connection;
use serde_json::{Value, json};

use crate::world::{Setting, World, at_every_point, counts};

const TOKEN: &str = "pat-acme";

/// A HubSpot of its own; `prepare` is what is there before.
async fn world(connection: Connection, auth: &str, prepare: &[(&str, Value)]) -> (World, fakes::Running) {
    let hubspot = fakes::hubspot::start().await.unwrap();
    let http = reqwest::Client::new();
    for (path, body) in prepare {
        let made = http.post(format!("{}{path}", hubspot.base_url)).bearer_auth(TOKEN).json(body).send().await.unwrap();
        made.error_for_status().unwrap();
    }
    let app = json!({ "client_id": "app", "client_secret": "hush", "refresh_token": "refresh", "token": TOKEN });
    hubspot.control.set("/_oauth", app).await.unwrap();
    let secret = match auth {
        "oauth" => r#"{"client_id":"app","client_secret":"hush","refresh_token":"refresh"}"#,
        _ => TOKEN,
    };
    let setting = Setting {
        upstream: &hubspot.base_url,
        config: &|_| json!({ "kind": "hubspot", "auth": auth }),
        connection,
        secret,
        event: None,
    };
    (World::new(&setting).await, hubspot)
}

async fn one_of_each(_: &World, hubspot: &fakes::Running) -> Result<(), String> {
    let state = hubspot.control.state("").await.unwrap();
    counts(&state, &[("contacts", 1), ("notes", 1)])?;
    let hangs = state["notes"][0]["contact_ids"].as_array().map(Vec::len);
    if hangs == Some(1) { Ok(()) } else { Err("the note hangs on no contact".to_owned()) }
}

fn key() -> (&'static str, Value) {
    let property = json!({
        "name": "post_session_conversation_id", "label": "Conversation", "groupName": "noteinformation",
        "type": "string", "fieldType": "text", "hasUniqueValue": true,
    });
    ("/crm/properties/2026-03/notes", property)
}

fn keyed() -> Connection {
    Connection { unique_note_property: true, ..Connection::default() }
}

fn contact(properties: Value) -> (&'static str, Value) {
    ("/crm/objects/2026-03/contacts", json!({ "properties": properties }))
}

#[tokio::test]
async fn a_new_visitor_becomes_one_contact_with_one_note() {
    at_every_point(async || world(Connection::default(), "token", &[]).await, one_of_each, 4).await;
}

#[tokio::test]
async fn a_visitor_whom_hubspot_knows_gets_one_note() {
    let known = [contact(json!({ "email": "ana@example.com" }))];
    at_every_point(async || world(Connection::default(), "token", &known).await, one_of_each, 3).await;
}

#[tokio::test]
async fn a_visitor_with_a_secondary_address_gets_one_note() {
    let known = [contact(json!({ "email": "first@example.com", "hs_additional_emails": "ana@example.com" }))];
    at_every_point(async || world(Connection::default(), "token", &known).await, one_of_each, 5).await;
}

#[tokio::test]
async fn a_note_with_a_key_is_one() {
    at_every_point(async || world(keyed(), "token", &[key()]).await, one_of_each, 4).await;
}

#[tokio::test]
async fn a_note_whose_key_is_taken_is_one() {
    let note = json!({ "properties": {
        "post_session_conversation_id": "s-1", "hs_timestamp": "2026-11-22T10:00:00Z", "hs_note_body": "x",
    } });
    let there = [key(), contact(json!({ "email": "ana@example.com" })), ("/crm/objects/2026-03/notes", note)];
    at_every_point(async || world(keyed(), "token", &there).await, one_of_each, 5).await;
}

#[tokio::test]
async fn signing_in_changes_nothing_about_that() {
    at_every_point(async || world(Connection::default(), "oauth", &[]).await, one_of_each, 5).await;
    at_every_point(async || world(keyed(), "oauth", &[key()]).await, one_of_each, 5).await;
}
