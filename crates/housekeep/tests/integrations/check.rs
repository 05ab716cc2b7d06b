//! Findings of a check of a HubSpot account.

use serde_json::{Value, json};

use crate::world::{TOKEN, World};

async fn test(world: &World, config: Value) -> Value {
    world.integrate("hubspot", config, "post-session/test/acme/hubspot").await;
    let task = json!({ "task": "test_integration", "tenant_id": "acme", "integration_id": "hubspot" });
    world.ask(task).await.unwrap()
}

fn hubspot() -> Value {
    json!({ "kind": "hubspot" })
}

async fn define(world: &World, kind: &str, property: Value) {
    let url = format!("{}/crm/properties/2026-03/{kind}", world.hubspot.base_url);
    let request = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&property);
    request.send().await.unwrap().error_for_status().unwrap();
}

async fn notes_left(world: &World) -> usize {
    world.hubspot.control.state("").await.unwrap()["notes"].as_array().unwrap().len()
}

/// Findings, when notes are identified by their text.
async fn falls_back(world: &World, expected: &str) {
    let tested = test(world, hubspot()).await;
    assert_eq!(
        (&tested["ok"], &tested["connection"]["unique_note_property"]),
        (&json!(true), &json!(false)),
        "{tested}"
    );
    let finding = tested["findings"][0].as_str().unwrap();
    assert!(
        finding.starts_with("Notes are identified by the conversation id in their text") && finding.contains(expected),
        "{finding}"
    );
    assert_eq!(notes_left(world).await, 0);
}

#[tokio::test]
async fn notes_get_a_unique_property_that_was_seen_to_work() {
    let world = World::new().await;
    for _ in 0..2 {
        let tested = test(&world, hubspot()).await;
        assert_eq!((&tested["ok"], &tested["findings"]), (&json!(true), &json!([])));
        assert_eq!(tested["connection"]["unique_note_property"], true);
        assert_eq!(notes_left(&world).await, 0, "what was written to find out is removed");
    }
    let defined = world.hubspot.control.requests("hasUniqueValue").await.unwrap();
    assert_eq!(defined.len(), 1, "the property is made once");
}

#[tokio::test]
async fn without_a_unique_property_the_text_of_notes_identifies_them() {
    let world = World::new().await;
    world.portal("_quirks", json!({ "upsert_ignores_key": true })).await;
    falls_back(&world, "a note that was written by it twice was there twice").await;

    let world = World::new().await;
    world.portal("_scopes", json!(["crm.objects.contacts.read", "crm.objects.contacts.write"])).await;
    falls_back(&world, "the token lacks the scope crm.schemas.contacts.write").await;

    let world = World::new().await;
    let property = json!({
        "name": "post_session_conversation_id", "label": "x", "groupName": "x", "type": "string", "fieldType": "text",
    });
    define(&world, "notes", property).await;
    falls_back(&world, "its values are not unique").await;

    let world = World::new().await;
    world.hubspot.control.fault(json!({ "match": "POST upsert", "status": 501 })).await.unwrap();
    falls_back(&world, "a request failed (write a note by the property: HubSpot answered with 501").await;
}

#[tokio::test]
async fn an_account_that_cannot_be_asked_at_the_moment_does_not_lose_its_unique_property() {
    let world = World::new().await;
    assert_eq!(test(&world, hubspot()).await["ok"], true);
    for (matched, fault) in [
        ("POST upsert", json!({ "status": 500 })),
        ("POST upsert", json!({ "hubspot_limit": "TEN_SECONDLY_ROLLING" })),
        ("POST upsert", json!({ "drop_after": true })),
        ("GET properties/2026-03/notes", json!({ "status": 503 })),
    ] {
        let mut fault = fault;
        fault["match"] = json!(matched);
        world.hubspot.control.fault(fault.clone()).await.unwrap();
        let task = json!({ "task": "test_integration", "tenant_id": "acme", "integration_id": "hubspot" });
        let tested = world.ask(task).await.unwrap();
        assert_eq!((&tested["ok"], tested["findings"].as_array().unwrap().len()), (&json!(false), 1), "{fault}");
        assert!(world.integration("hubspot").await.connection.unique_note_property, "{fault}");
    }
}

#[tokio::test]
async fn mapped_properties_must_exist_and_take_what_they_are_set_to() {
    let world = World::new().await;
    let choices: Vec<_> = ["positive", "negative"].map(|name| json!({ "label": name, "value": name })).into();
    define(&world, "contacts", json!({
        "name": "mood", "label": "Mood", "groupName": "x", "type": "enumeration", "fieldType": "select", "options": choices,
    }))
    .await;
    let properties = json!({
        "email": "visitor.email",
        "hs_additional_emails": "visitor.email",
        "hs_object_id": "analysis.version",
        "hs_email_domain": "visitor.email",
        "nope": "visitor.id",
        "mood": "analysis.sentiment.label",
        "closedate": "visitor.name",
        "jobtitle": "session.metadata.title",
        "lifecyclestage": "session.metadata.stage",
        "hs_language": "visitor.locale",
    });
    let tested = test(&world, json!({ "kind": "hubspot", "properties": properties })).await;
    assert_eq!(tested["ok"], false);
    let findings: Vec<_> = tested["findings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    insta::assert_snapshot!(findings.join("\n"), @"
    config.properties.closedate: cannot be set to visitor.name: it takes times, and this is text
    config.properties.email: cannot be set to visitor.email: it says which contact this is, and is never changed
    config.properties.hs_additional_emails: cannot be set to visitor.email: it says which contact this is, and is never changed
    config.properties.hs_email_domain: cannot be set to visitor.email: HubSpot sets it itself
    config.properties.hs_object_id: cannot be set to analysis.version: HubSpot sets it itself
    config.properties.mood: cannot be set to analysis.sentiment.label: it lacks the options neutral, mixed, by their internal names
    config.properties.nope: cannot be set to visitor.id: contacts have no such property; names are internal ones, in lower case
    hs_language is set only where visitor.locale is one of its options.
    ");
    let fields: Vec<_> = tested["connection"]["fields"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["contacts.hs_language", "contacts.jobtitle", "contacts.lifecyclestage"]);
}

#[tokio::test]
async fn a_property_that_takes_a_value_once_is_reported() {
    let world = World::new().await;
    let property = json!({
        "name": "visitor", "label": "x", "groupName": "x", "type": "string", "fieldType": "text",
        "hasUniqueValue": true,
    });
    define(&world, "contacts", property).await;
    let tested = test(&world, json!({ "kind": "hubspot", "properties": { "visitor": "visitor.id" } })).await;
    let expected = "visitor takes a value in one contact only: where another one has it already, all mapped properties are \
                left out.";
    assert_eq!((&tested["ok"], &tested["findings"]), (&json!(true), &json!([expected])));
}

#[tokio::test]
async fn a_property_that_the_account_requires_and_nothing_sets_is_a_problem_where_the_api_enforces_it() {
    let world = World::new().await;
    world.portal("_required", json!(["email", "phone", "company", "jobtitle"])).await;
    assert_eq!(test(&world, hubspot()).await["findings"], json!([]));

    let mapped = json!({ "jobtitle": "session.metadata.title" });
    let config = json!({ "kind": "hubspot", "api_version": "2026-09", "properties": mapped });
    let tested = test(&world, config.clone()).await;
    assert_eq!(tested["ok"], false);
    let findings: Vec<_> = tested["findings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    insta::assert_snapshot!(findings.join("\n"), @"
    config.properties: HubSpot requires company of new contacts, and a sync does not set it: map it, or require it no longer
    HubSpot requires jobtitle of new contacts: sessions of new visitors without a value for it fail.
    HubSpot requires phone of new contacts: sessions of new visitors without a value for it fail.
    ");

    world.portal("_scopes", json!(["crm.objects.contacts.read", "crm.objects.contacts.write"])).await;
    let tested = test(&world, config).await;
    assert_eq!(tested["ok"], true);
    let expected = "Whether HubSpot requires properties of new contacts that a sync does not set is unknown, because a \
                request failed (read which properties are required: HubSpot answered with 403 MISSING_SCOPES";
    assert!(tested["findings"][0].as_str().unwrap().starts_with(expected), "{tested}");
}

#[tokio::test]
async fn a_token_that_opens_nothing_is_reported_without_being_repeated() {
    let world = World::new().await;
    world.vault.put("hubspot", "wrong-token");
    let tested = test(&world, hubspot()).await;
    assert_eq!(tested["ok"], false);
    let finding = tested["findings"][0].as_str().unwrap();
    assert!(finding.starts_with("HubSpot refuses the credentials"), "{finding}");
    assert!(!tested.to_string().contains("wrong-token"));
    world.vault.put("hubspot", TOKEN);
    assert_eq!(test(&world, hubspot()).await["ok"], true, "the secret is read again");
}
