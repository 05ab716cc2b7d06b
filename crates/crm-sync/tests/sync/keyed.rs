//! HubSpot accounts with a unique property that identifies notes.

use domain::integration::{Connection, Integration};
use serde_json::{Value, json};
use stage::{Failure, Outcome};

use crate::world::{TOKEN, World, ana};

/// The property that `crm-sync` makes when it checks an integration.
pub(crate) const KEY: &str = "post_session_conversation_id";

/// An account with the unique property, found by a check.
async fn keyed() -> World {
    let world = World::new().await;
    define_key(&world, TOKEN).await;
    let integration = world.integration("hubspot").await;
    let connection = Connection { unique_note_property: true, ..Connection::default() };
    world.save(Integration { connection, ..integration }).await;
    world.session("s-1", ana()).await;
    world
}

pub(crate) async fn define_key(world: &World, token: &str) {
    let property = json!({
        "name": KEY, "label": "Conversation", "groupName": "noteinformation", "type": "string", "fieldType": "text",
        "hasUniqueValue": true,
    });
    let url = format!("{}/crm/properties/2026-03/notes", world.hubspot.base_url);
    let made = reqwest::Client::new().post(url).bearer_auth(token).json(&property).send().await.unwrap();
    made.error_for_status().unwrap();
}

async fn notes(world: &World) -> Vec<Value> {
    world.hubspot.control.state("").await.unwrap()["notes"].as_array().unwrap().clone()
}

async fn calls(world: &World) -> Vec<String> {
    let requests = world.hubspot.control.requests("/crm/objects").await.unwrap();
    let call = |request: &Value| {
        let path = request["path"].as_str().unwrap().replace("/crm/objects/2026-03/", "");
        format!("{} {}", request["method"].as_str().unwrap(), path.split('?').next().unwrap())
    };
    requests.iter().map(call).collect()
}

#[tokio::test]
async fn a_note_is_made_with_its_key_and_its_contact_in_one_request() {
    let world = keyed().await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    world.session("s-2", ana()).await;
    world.hubspot.control.clear().await.unwrap();
    assert_eq!(world.sync("s-2", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(calls(&world).await, ["PATCH contacts/Ana%2Bcrm%40example.com", "POST notes"]);
    let notes = notes(&world).await;
    assert_eq!(notes[1]["properties"][KEY], "s-2");
    assert_eq!(notes[1]["contact_ids"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_note_whose_answer_was_lost_is_written_again_by_its_key_and_hangs_on_the_contact() {
    for loss in ["notes/batch/upsert", "PUT associations"] {
        for drop in ["drop_before", "drop_after"] {
            let world = keyed().await;
            world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
            assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable());
            world.hubspot.control.fault(json!({ "match": loss, (drop): true })).await.unwrap();
            assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable(), "{loss} {drop}");
            assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done, "{loss} {drop}");
            let notes = notes(&world).await;
            assert_eq!(notes.len(), 1, "{loss} {drop}: {notes:?}");
            assert_eq!(notes[0]["contact_ids"].as_array().unwrap().len(), 1, "{loss} {drop}");
            assert!(!calls(&world).await.iter().any(|call| call.contains("associations/notes")), "none is searched");
        }
    }
}

#[tokio::test]
async fn a_key_that_is_taken_is_written_to() {
    let world = keyed().await;
    let note = json!({ "properties": { KEY: "s-1", "hs_timestamp": "2026-11-22T10:00:00Z", "hs_note_body": "x" } });
    let url = format!("{}/crm/objects/2026-03/notes", world.hubspot.base_url);
    let made = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&note).send().await.unwrap();
    made.error_for_status().unwrap();
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    let notes = notes(&world).await;
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["contact_ids"].as_array().unwrap().len(), 1, "the association is healed");
}

/// A session whose note may be there, so that it is written by its key, and what that is answered with.
async fn answered(body: Value) -> World {
    let world = keyed().await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_before": true })).await.unwrap();
    world.sync("s-1", "hubspot").await.unwrap_err();
    let fault = json!({ "match": "notes/batch/upsert", "status": 207, "body": body });
    world.hubspot.control.fault(fault).await.unwrap();
    world
}

#[tokio::test]
async fn what_a_batch_refuses_is_taken_for_what_it_is() {
    let refused = |error: Value| json!({ "status": "COMPLETE", "results": [], "numErrors": 1, "errors": [error] });
    for (error, code, retryable) in [
        (json!({ "category": "VALIDATION_ERROR", "message": "no" }), "rejected", false),
        (json!({ "category": "CONFLICT" }), "conflict", true),
        (json!({ "category": "INTERNAL_ERROR" }), "unavailable", true),
    ] {
        let world = answered(refused(error)).await;
        let error = world.sync("s-1", "hubspot").await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), (code, retryable));
    }
    let gone = json!({ "category": "VALIDATION_ERROR", "errors": [{ "code": "PROPERTY_DOESNT_EXIST" }] });
    let world = answered(refused(gone)).await;
    assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable());
    assert!(!world.integration("hubspot").await.connection.unique_note_property, "the property is gone");
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);

    let world = answered(json!({ "status": "COMPLETE", "results": [] })).await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap_err().code().as_str(), "unreadable_answer");
}

#[tokio::test]
async fn a_later_version_writes_over_the_note_of_its_key() {
    let world = keyed().await;
    world.sync("s-1", "hubspot").await.unwrap();
    let mut second = crate::world::analysis();
    second.summary.as_mut().unwrap().text = "Second words.".into();
    world.analyse_again("s-1", 2, &second).await;
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), Outcome::Done);
    let notes = notes(&world).await;
    assert_eq!(notes.len(), 1);
    assert!(notes[0]["properties"]["hs_note_body"].as_str().unwrap().contains("Second words."));
}

#[tokio::test]
async fn a_contact_that_is_gone_before_its_note_is_put_on_it_is_looked_for_again() {
    let world = keyed().await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_before": true })).await.unwrap();
    world.sync("s-1", "hubspot").await.unwrap_err();
    let gone = json!({ "match": "PUT associations", "status": 404, "body": { "category": "OBJECT_NOT_FOUND" } });
    world.hubspot.control.fault(gone).await.unwrap();
    let error = world.sync("s-1", "hubspot").await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("conflict", true));
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(notes(&world).await.len(), 1);
}

/// Every tag is closed in its place, and there are no others than a note may have.
fn is_well_formed(html: &str) -> bool {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { return false };
        match tag.strip_prefix('/') {
            Some(closed) if open.pop() == Some(closed) => {}
            Some(_) => return false,
            None if tag == "br" => {}
            None if ["p", "strong", "ul", "li"].contains(&tag) => open.push(tag),
            None => return false,
        }
    }
    open.is_empty()
}

#[tokio::test]
async fn of_an_analysis_of_a_megabyte_whole_parts_are_left_out_and_named() {
    let endless = |words: &str| {
        let mut analysis = crate::world::analysis();
        analysis.summary.as_mut().unwrap().text = format!("{words} <b>O'Brien & 日本語🙂</b>\n").repeat(20_000);
        analysis.topics = vec!["</li></ul>é&".repeat(30); 2_000];
        assert!(serde_json::to_string(&analysis).unwrap().len() > 1_000_000);
        analysis
    };
    for world in [World::new().await, keyed().await] {
        world.session_with("s-9", ana(), &endless("First")).await;
        world.analyse_again("s-9", 2, &endless("Second")).await;
        for version in [1, 2] {
            assert_eq!(world.sync_version("s-9", "hubspot", version).await.unwrap(), Outcome::Done);
            let notes = notes(&world).await;
            let body = notes[0]["properties"]["hs_note_body"].as_str().unwrap();
            assert!(notes.len() == 1 && body.encode_utf16().count() <= connectors::hubspot::MAX_NOTE_LENGTH);
            assert!(is_well_formed(body), "{body}");
            assert!(body.ends_with("Left out: Summary, Topics.</p>"), "{body}");
            assert!(body.contains("<strong>Action items</strong>") && body.contains("Conversation ID: s-9"), "{body}");
        }
    }
}

#[tokio::test]
async fn a_note_that_was_begun_without_a_key_is_looked_for_before_one_with_a_key_is_made() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
    assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable());
    define_key(&world, TOKEN).await;
    let integration = world.integration("hubspot").await;
    let connection = Connection { unique_note_property: true, ..Connection::default() };
    world.save(Integration { connection, ..integration }).await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(notes(&world).await.len(), 1);
}

#[tokio::test]
async fn an_account_that_has_lost_the_property_gets_notes_without_it() {
    let world = keyed().await;
    let url = format!("{}/crm/properties/2026-03/notes/{KEY}", world.hubspot.base_url);
    let deleted = reqwest::Client::new().delete(url).bearer_auth(TOKEN).send().await.unwrap();
    deleted.error_for_status().unwrap();
    assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable());
    assert!(!world.integration("hubspot").await.connection.unique_note_property);
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(notes(&world).await.len(), 1);
}
