//! Notes whose answer was lost.

use serde_json::{Value, json};
use stage::{Failure, Outcome, error_chain};
use store::integration_log::SyncStatus;

use super::{calls, state};
use crate::world::{TOKEN, World, ana};

#[tokio::test]
async fn a_note_whose_answer_was_lost_is_found_and_not_written_again() {
    let world = World::new().await;
    for id in ["s-0", "s-10"] {
        world.session(id, ana()).await;
        world.sync(id, "hubspot").await.unwrap();
    }
    world.session("s-1", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
    let error = world.sync("s-1", "hubspot").await.unwrap_err();
    assert!(error.is_retryable(), "{}", error_chain(&error));
    assert_eq!(world.log("s-1", "hubspot").await.status, SyncStatus::Writing);

    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    let (_, notes) = state(&world).await;
    assert_eq!(notes.len(), 3);
    assert_eq!(world.log("s-1", "hubspot").await.record_id.as_deref(), notes[2]["id"].as_str());
}

#[tokio::test]
async fn a_note_that_never_arrived_is_written_by_the_next_delivery() {
    let world = World::new().await;
    world.session("s-0", ana()).await;
    world.sync("s-0", "hubspot").await.unwrap();
    world.session("s-1", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_before": true })).await.unwrap();
    assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable());
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(state(&world).await.1.len(), 2);
}

#[tokio::test]
async fn a_lost_note_is_found_beyond_the_first_page_and_the_first_batch() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
    world.sync("s-1", "hubspot").await.unwrap_err();
    let (contacts, notes) = state(&world).await;
    let note = json!({
        "properties": { "hs_timestamp": "2026-11-22T10:00:00Z", "hs_note_body": "Conversation ID: s-1" },
        "associations": [{ "to": { "id": contacts[0]["id"] },
                           "types": [{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202 }] }],
    });
    let (client, url) = (reqwest::Client::new(), format!("{}/crm/objects/2026-03/notes", world.hubspot.base_url));
    for _ in 0..520 {
        client.post(&url).bearer_auth(TOKEN).json(&note).send().await.unwrap().error_for_status().unwrap();
    }
    world.sync("s-1", "hubspot").await.unwrap();
    assert_eq!(world.log("s-1", "hubspot").await.record_id.as_deref(), notes[0]["id"].as_str());
}

#[tokio::test]
async fn notes_that_are_gone_or_empty_keep_none_from_being_found() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
    world.sync("s-1", "hubspot").await.unwrap_err();
    let (contacts, notes) = state(&world).await;
    let url = format!("{}/crm/objects/2026-03/notes", world.hubspot.base_url);
    let empty = json!({
        "properties": { "hs_timestamp": "2026-11-22T10:00:00Z" },
        "associations": [{ "to": { "id": contacts[0]["id"] },
                           "types": [{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202 }] }],
    });
    let made = reqwest::Client::new().post(&url).bearer_auth(TOKEN).json(&empty).send().await.unwrap();
    let made: Value = made.error_for_status().unwrap().json().await.unwrap();
    // One is deleted after the notes were listed; one is listed twice.
    let listed = [&notes[0]["id"], &made["id"], &json!("37799999999"), &notes[0]["id"]];
    let listed: Vec<_> = listed.iter().map(|id| json!({ "toObjectId": id })).collect();
    world.hubspot.control.clear().await.unwrap();
    let fault = json!({ "match": "GET associations/notes", "status": 200, "body": { "results": listed } });
    world.hubspot.control.fault(fault).await.unwrap();
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert!(calls(&world).await.contains(&"POST notes/batch/read 207".to_owned()));
    assert_eq!(world.log("s-1", "hubspot").await.record_id.as_deref(), notes[0]["id"].as_str());
    assert_eq!(state(&world).await.1.len(), 2);
}

#[tokio::test]
async fn no_notes_are_read_that_are_older_than_the_session() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_before": true })).await.unwrap();
    world.sync("s-1", "hubspot").await.unwrap_err();
    world.hubspot.control.clear().await.unwrap();
    let ids = |from: u64, to: u64| (from..to).rev().map(|id| id.to_string());
    let listed: Vec<_> = ids(1000, 1300).map(|id| json!({ "toObjectId": id })).collect();
    let batch = |created_at: &str, ids: &mut dyn Iterator<Item = String>| {
        let note = |id| json!({ "id": id, "createdAt": created_at, "properties": { "hs_note_body": null } });
        json!({ "status": "COMPLETE", "results": ids.map(note).collect::<Vec<_>>() })
    };
    let read = |body| json!({ "match": "POST notes/batch/read", "status": 200, "body": body });
    world
        .hubspot
        .control
        .fault(json!([
            { "match": "GET associations/notes", "status": 200, "body": { "results": listed } },
            read(batch("2100-01-01T00:00:00Z", &mut ids(1200, 1300))),
            read(batch("2001-01-01T00:00:00.123Z", &mut ids(1100, 1200))),
        ]))
        .await
        .unwrap();
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    let reads = world.hubspot.control.requests("notes/batch/read").await.unwrap();
    assert_eq!(reads.len(), 2, "the third hundred is not asked for");
    assert_eq!(state(&world).await.1.len(), 1);
}

#[tokio::test]
async fn while_the_notes_cannot_be_listed_none_is_written() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
    world.sync("s-1", "hubspot").await.unwrap_err();
    let unknown = json!({ "results": [], "errors": [{ "category": "UNKNOWN" }] });
    for (fault, code, retryable) in [
        (json!({ "match": "GET associations/notes", "status": 503 }), "unavailable", true),
        (json!({ "match": "GET associations/notes", "status": 200, "body": "<html>" }), "unreadable_answer", true),
        (json!({ "match": "POST notes/batch/read", "status": 207, "body": unknown }), "unreadable_answer", true),
    ] {
        world.hubspot.control.fault(fault).await.unwrap();
        let error = world.sync("s-1", "hubspot").await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), (code, retryable));
    }
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(state(&world).await.1.len(), 1);
}
