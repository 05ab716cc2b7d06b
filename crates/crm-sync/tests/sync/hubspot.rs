//! HubSpot: one contact, one note, whatever goes wrong.

mod lost_notes;
mod trouble;

use domain::session::Visitor;
use domain::step::Code;
use serde_json::{Value, json};
use stage::{Failure, Outcome, error_chain};
use store::integration_log::SyncStatus;

use crate::world::{TOKEN, World, ana, analysis};

async fn state(world: &World) -> (Vec<Value>, Vec<Value>) {
    let state = world.hubspot.control.state("").await.unwrap();
    let all = |name: &str| state[name].as_array().unwrap().clone();
    (all("contacts"), all("notes"))
}

async fn calls(world: &World) -> Vec<String> {
    let requests = world.hubspot.control.requests("").await.unwrap();
    let call = |request: &Value| {
        let path = request["path"].as_str().unwrap().replace("/crm/objects/2026-03/", "");
        format!("{} {path} {}", request["method"].as_str().unwrap(), request["status"])
    };
    requests.iter().map(call).collect()
}

/// Creates a contact as another client of the same account.
async fn seed(world: &World, properties: Value) {
    let url = format!("{}/crm/objects/2026-03/contacts", world.hubspot.base_url);
    let body = json!({ "properties": properties });
    let request = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&body);
    request.send().await.unwrap().error_for_status().unwrap();
    world.hubspot.control.clear().await.unwrap();
}

#[tokio::test]
async fn a_session_becomes_a_contact_with_a_note() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);

    let (contacts, notes) = state(&world).await;
    assert_eq!(contacts.len(), 1);
    let expected = json!({
        "email": "Ana+crm@example.com", "firstname": "Ana", "lastname": "López", "phone": "+34 600 000 000",
    });
    assert_eq!(contacts[0]["properties"], expected);
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["contact_ids"], json!([contacts[0]["id"]]));
    assert_eq!(notes[0]["properties"]["hs_timestamp"], "2026-11-22T10:00:12.000Z");
    assert!(notes[0]["properties"]["hs_note_body"].as_str().unwrap().contains("Conversation ID: s-1"));

    let log = world.log("s-1", "hubspot").await;
    assert_eq!(log.status, SyncStatus::Done);
    assert_eq!(log.contact_id.as_deref(), contacts[0]["id"].as_str());
    assert_eq!(log.record_id.as_deref(), notes[0]["id"].as_str());
}

#[tokio::test]
async fn a_later_session_of_the_same_visitor_adds_a_note_with_two_requests() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.session("s-2", Visitor { name: Some("Ana Ruiz".into()), phone: None, ..ana() }).await;
    world.sync("s-1", "hubspot").await.unwrap();
    world.hubspot.control.clear().await.unwrap();
    world.sync("s-2", "hubspot").await.unwrap();

    let path = "contacts/Ana%2Bcrm%40example.com?idProperty=email";
    assert_eq!(calls(&world).await, [format!("PATCH {path} 200"), "POST notes 201".to_owned()]);
    let (contacts, notes) = state(&world).await;
    assert_eq!((contacts.len(), notes.len()), (1, 2));
    assert_eq!(contacts[0]["properties"]["lastname"], "Ruiz");
    assert_eq!(contacts[0]["properties"]["phone"], "+34 600 000 000", "what is not known clears nothing");
}

#[tokio::test]
async fn a_session_that_is_synced_is_not_synced_again() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.sync("s-1", "hubspot").await.unwrap();
    world.hubspot.control.clear().await.unwrap();
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert!(calls(&world).await.is_empty());
}

#[tokio::test]
async fn a_visitor_of_whom_only_the_address_is_known_becomes_one_contact() {
    let world = World::new().await;
    for id in ["s-1", "s-2"] {
        world.session(id, Visitor { email: ana().email, ..Visitor::default() }).await;
        world.sync(id, "hubspot").await.unwrap();
    }
    let (contacts, notes) = state(&world).await;
    assert_eq!((contacts.len(), notes.len()), (1, 2));
}

#[tokio::test]
async fn a_contact_that_another_session_creates_first_is_used() {
    let world = World::new().await;
    seed(&world, json!({ "email": "ana+crm@example.com", "firstname": "A." })).await;
    world.hubspot.control.fault(json!({ "match": "PATCH idProperty", "status": 404, "body": {} })).await.unwrap();
    world.session("s-1", ana()).await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    let (contacts, notes) = state(&world).await;
    assert_eq!((contacts.len(), notes.len()), (1, 1));
    assert_eq!(contacts[0]["properties"]["firstname"], "Ana");
}

#[tokio::test]
async fn sessions_that_end_together_share_a_contact() {
    let world = World::new().await;
    for id in ["s-1", "s-2", "s-3"] {
        world.session(id, ana()).await;
    }
    // All of them learn that there is no contact before one is created.
    let slow = json!({ "match": "POST /contacts", "delay_ms": 200, "times": 3 });
    world.hubspot.control.fault(slow).await.unwrap();
    let sync = |id| world.sync(id, "hubspot");
    let (first, second, third) = tokio::join!(sync("s-1"), sync("s-2"), sync("s-3"));
    for outcome in [first, second, third] {
        assert_eq!(outcome.unwrap(), Outcome::Done);
    }
    let conflicts = calls(&world).await.iter().filter(|call| call.ends_with("409")).count();
    let (contacts, notes) = state(&world).await;
    assert_eq!((contacts.len(), notes.len(), conflicts), (1, 3, 2));
}

#[tokio::test]
async fn a_contact_whose_answer_was_lost_is_used_by_the_next_delivery() {
    let world = World::new().await;
    world.session("s-1", ana()).await;
    world.hubspot.control.fault(json!({ "match": "POST /contacts", "drop_after": true })).await.unwrap();
    assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable());
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    let (contacts, notes) = state(&world).await;
    assert_eq!((contacts.len(), notes.len()), (1, 1));
}

#[tokio::test]
async fn a_secondary_address_finds_its_contact_and_does_not_become_the_first() {
    let world = World::new().await;
    let addresses = json!({ "email": "first@example.com", "hs_additional_emails": "ana+crm@example.com" });
    seed(&world, addresses).await;
    for (id, visitor) in [("s-1", ana()), ("s-2", Visitor { email: ana().email, ..Visitor::default() })] {
        world.session(id, visitor).await;
        assert_eq!(world.sync(id, "hubspot").await.unwrap(), Outcome::Done);
    }
    let (contacts, notes) = state(&world).await;
    assert_eq!((contacts.len(), notes.len()), (1, 2));
    assert_eq!(contacts[0]["properties"]["email"], "first@example.com");
    assert_eq!(contacts[0]["properties"]["firstname"], "Ana");
}

#[tokio::test]
async fn a_contact_that_is_deleted_while_the_session_is_synced_is_made_again() {
    // Between the conflict and the change by its id; before the note; and before a lost note is looked for.
    let conflict = json!({ "message": "Contact already exists. Existing ID: 37799999999", "category": "CONFLICT" });
    let none = json!({ "id": "37799999999", "properties": {} });
    for faults in [
        json!([{ "match": "POST /contacts", "status": 409, "body": conflict }]),
        json!([{ "match": "PATCH contacts", "status": 200, "body": none }]),
    ] {
        let world = World::new().await;
        world.session("s-1", ana()).await;
        world.hubspot.control.fault(faults.clone()).await.unwrap();
        let error = world.sync("s-1", "hubspot").await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), ("conflict", true), "{faults}");
        assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done, "{faults}");
        let (contacts, notes) = state(&world).await;
        assert_eq!((contacts.len(), notes.len()), (1, 1));
        assert_eq!(notes[0]["contact_ids"], json!([contacts[0]["id"]]));
    }
    let world = World::new().await;
    world.session("s-1", ana()).await;
    let lost = json!([
        { "match": "POST /notes", "drop_before": true },
        { "match": "GET associations/notes", "status": 404, "body": { "category": "OBJECT_NOT_FOUND" } },
    ]);
    world.hubspot.control.fault(lost).await.unwrap();
    for code in ["unreachable", "conflict"] {
        assert_eq!(world.sync("s-1", "hubspot").await.unwrap_err().code().as_str(), code);
    }
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(state(&world).await.1.len(), 1);
}

#[tokio::test]
async fn an_address_that_hubspot_refuses_skips_this_session_only() {
    let world = World::new().await;
    world.session("s-1", Visitor { email: Some("ana@acme.invalid".into()), ..ana() }).await;
    world.session("s-2", ana()).await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Skipped(Code::new("invalid_email")));
    let log = world.log("s-1", "hubspot").await;
    assert_eq!((log.status, log.code.as_deref()), (SyncStatus::Skipped, Some("invalid_email")));
    assert_eq!(world.sync("s-2", "hubspot").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_visitor_without_a_usable_address_is_skipped_without_a_request() {
    let world = World::new().await;
    for (id, email, code) in
        [("s-1", None, "no_email"), ("s-2", Some(" "), "no_email"), ("s-3", Some("ana at home"), "invalid_email")]
    {
        world.session(id, Visitor { email: email.map(str::to_owned), ..ana() }).await;
        assert_eq!(world.sync(id, "hubspot").await.unwrap(), Outcome::Skipped(Code::new(code)));
        assert_eq!(world.log(id, "hubspot").await.code.as_deref(), Some(code));
    }
    assert!(calls(&world).await.is_empty());
}

#[tokio::test]
async fn what_a_visitor_said_is_text_in_the_note_and_absent_from_errors() {
    let world = World::new().await;
    let mut analysis = analysis();
    analysis.summary.as_mut().unwrap().text = "<img src=x onerror=alert(1)>".into();
    world.session_with("s-1", ana(), &analysis).await;
    let answer = json!({
        "category": "VALIDATION_ERROR", "message": "Ana+crm@example.com said <img", "subCategory": "Ana+crm@example.com",
    });
    world.hubspot.control.fault(json!({ "match": "PATCH", "status": 400, "body": answer })).await.unwrap();
    let error = error_chain(&world.sync("s-1", "hubspot").await.unwrap_err());
    assert_eq!(error, "CRM request failed: update the contact: HubSpot answered with 400 VALIDATION_ERROR");

    world.hubspot.control.fault(json!({ "match": "PATCH", "drop_before": true })).await.unwrap();
    let error = world.sync("s-1", "hubspot").await.unwrap_err();
    assert!(!format!("{error:?} {}", error_chain(&error)).contains("example.com"), "{error:?}");

    world.sync("s-1", "hubspot").await.unwrap();
    let (_, notes) = state(&world).await;
    let body = notes[0]["properties"]["hs_note_body"].as_str().unwrap();
    assert!(body.contains("&lt;img src=x onerror=alert(1)&gt;") && !body.contains("<img"), "{body}");
}
