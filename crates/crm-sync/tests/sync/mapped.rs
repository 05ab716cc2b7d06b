//! Fields of contacts that a tenant maps.

use std::collections::BTreeMap;

use domain::integration::{Connection, FieldType, Integration};
use domain::session::Visitor;
use domain::step::Code;
use serde_json::{Value, json};
use stage::{Failure, Outcome};

use crate::world::{TOKEN, World, ana, analysis};

async fn define(world: &World, name: &str, kind: &str, field: &str, options: &[&str]) {
    let options: Vec<_> = options.iter().map(|value| json!({ "label": value, "value": value })).collect();
    let property = json!({
        "name": name, "label": name, "groupName": "contactinformation", "type": kind, "fieldType": field,
        "options": options,
    });
    let url = format!("{}/crm/properties/2026-03/contacts", world.hubspot.base_url);
    let made = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&property).send().await.unwrap();
    assert!(made.status().is_success(), "{}", made.text().await.unwrap());
}

/// A property that takes each value in one contact only.
async fn define_unique(world: &World, name: &str) {
    let property = json!({
        "name": name, "label": name, "groupName": "contactinformation", "type": "string", "fieldType": "text",
        "hasUniqueValue": true,
    });
    let url = format!("{}/crm/properties/2026-03/contacts", world.hubspot.base_url);
    let made = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&property).send().await.unwrap();
    made.error_for_status().unwrap();
}

async fn mapped(world: &World, properties: Value, types: &[(&str, FieldType)]) {
    let config = json!({ "kind": "hubspot", "properties": properties });
    world.integrate("hubspot", config, "post-session/test/acme/hubspot").await;
    let integration = world.integration("hubspot").await;
    let fields: BTreeMap<_, _> = types.iter().map(|(name, kind)| (format!("contacts.{name}"), kind.clone())).collect();
    world.save(Integration { connection: Connection { fields, ..Connection::default() }, ..integration }).await;
}

async fn contact(world: &World) -> Value {
    let state = world.hubspot.control.state("").await.unwrap();
    assert_eq!(state["contacts"].as_array().unwrap().len(), 1, "{state}");
    state["contacts"][0]["properties"].clone()
}

#[tokio::test]
async fn any_field_becomes_a_property_of_its_type() {
    let world = World::new().await;
    for (name, kind, field, options) in [
        ("ai_category", "enumeration", "select", ["immediate_buyer", "others"].as_slice()),
        ("ai_sentiment", "number", "number", &[]),
        ("ai_words", "number", "number", &[]),
        ("ai_topics", "string", "textarea", &[]),
        ("ai_last", "datetime", "date", &[]),
        ("ai_day", "date", "date", &[]),
        ("ai_campaign", "string", "text", &[]),
        ("ai_budget", "bool", "booleancheckbox", &["true", "false"]),
    ] {
        define(&world, name, kind, field, options).await;
    }
    let properties = json!({
        "ai_category": "analysis.category.label", "ai_sentiment": "analysis.sentiment.average",
        "ai_words": "analysis.conversation.words", "ai_topics": "analysis.topics", "ai_last": "session.ended_at",
        "ai_day": "session.ended_at", "ai_campaign": "session.metadata.campaign",
        "ai_budget": "analysis.custom_metrics.budget_named", "lastname": "visitor.name",
    });
    let text = FieldType::Text { max_length: None };
    let categories = FieldType::Options { values: vec!["immediate_buyer".into(), "others".into()], is_multiple: false };
    let types = [
        ("ai_category", categories),
        ("ai_sentiment", FieldType::Number),
        ("ai_words", FieldType::Number),
        ("ai_topics", text.clone()),
        ("ai_last", FieldType::DateTime),
        ("ai_day", FieldType::Date),
        ("ai_campaign", text.clone()),
        ("ai_budget", FieldType::Boolean),
        ("lastname", text),
    ];
    mapped(&world, properties, &types).await;
    world.session("s-1", ana()).await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    let contact = contact(&world).await;
    for (name, value) in [
        ("ai_category", "immediate_buyer"),
        ("ai_sentiment", "0.35"),
        ("ai_words", "61"),
        ("ai_topics", "pricing\nonboarding"),
        ("ai_last", "2026-11-22T10:00:12.000Z"),
        ("ai_day", "2026-11-22"),
        ("ai_campaign", "autumn"),
        ("ai_budget", "false"),
        ("lastname", "Ana López"),
        ("firstname", "Ana"),
    ] {
        assert_eq!(contact[name], value, "{name}");
    }
    assert_eq!(world.log("s-1", "hubspot").await.notice, None);
}

#[tokio::test]
async fn what_does_not_fit_is_left_out_and_named_and_the_rest_is_written() {
    let world = World::new().await;
    define(&world, "ai_category", "enumeration", "select", &["others"]).await;
    define(&world, "ai_campaign", "number", "number", &[]).await;
    let properties = json!({ "ai_category": "analysis.category.label", "ai_campaign": "session.metadata.campaign" });
    let types = [
        ("ai_category", FieldType::Options { values: vec!["others".into()], is_multiple: false }),
        ("ai_campaign", FieldType::Number),
    ];
    mapped(&world, properties, &types).await;
    world.session("s-1", ana()).await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), Outcome::Done);
    let contact = contact(&world).await;
    assert!(contact.get("ai_category").is_none() && contact.get("ai_campaign").is_none(), "{contact}");
    let notice = world.log("s-1", "hubspot").await.notice.unwrap();
    assert!(notice.contains("ai_category") && notice.contains("ai_campaign: the value is not a number"), "{notice}");
    assert!(!notice.contains("autumn"), "no content: {notice}");
}

#[tokio::test]
async fn a_list_is_written_to_a_property_of_several_options_and_else_only_if_it_is_one() {
    let world = World::new().await;
    let options = ["spring", "autumn"];
    define(&world, "ai_one", "enumeration", "select", &options).await;
    define(&world, "ai_more", "enumeration", "checkbox", &options).await;
    let properties = json!({
        "ai_one": "session.metadata.campaign", "ai_more": "session.metadata.campaign", "jobtitle": "session.agent_id",
    });
    let config = json!({ "kind": "hubspot", "properties": properties });
    world.integrate("hubspot", config, "post-session/test/acme/hubspot").await;
    assert!(world.check("hubspot").await.is_ok());
    for (id, campaign, one, more) in [
        ("s-1", json!(["spring", "nope", "autumn"]), Value::Null, json!("spring;autumn")),
        ("s-2", json!(["autumn", "nope"]), json!("autumn"), json!("autumn")),
        ("s-3", json!("spring"), json!("spring"), json!("spring")),
    ] {
        world.session_of_campaign(id, campaign).await;
        assert_eq!(world.sync(id, "hubspot").await.unwrap(), Outcome::Done);
        let contact = contact(&world).await;
        assert_eq!((&contact["ai_one"], &contact["ai_more"], &contact["jobtitle"]), (&one, &more, &json!("agent")));
        let notice = world.log(id, "hubspot").await.notice;
        let expected = "Left out: ai_one: the value is several of the options, and the field takes one.";
        assert_eq!(notice.as_deref(), one.is_null().then_some(expected));
    }
}

#[tokio::test]
async fn a_property_that_is_gone_costs_neither_the_contact_nor_the_note() {
    let world = World::new().await;
    mapped(&world, json!({ "ai_gone": "analysis.category.label" }), &[]).await;
    for id in ["s-1", "s-2"] {
        world.session(id, ana()).await;
        assert_eq!(world.sync(id, "hubspot").await.unwrap(), Outcome::Done);
        assert!(world.log(id, "hubspot").await.notice.unwrap().contains("refuses one of them"));
    }
    assert_eq!(contact(&world).await["firstname"], "Ana");
    assert_eq!(world.hubspot.control.state("").await.unwrap()["notes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_value_that_another_contact_has_costs_neither_a_new_contact_nor_a_known_one() {
    let world = World::new().await;
    define_unique(&world, "ai_campaign").await;
    mapped(&world, json!({ "ai_campaign": "session.metadata.campaign" }), &[]).await;
    let ben = Visitor { email: Some("ben@example.com".into()), ..ana() };
    for (id, visitor) in [("s-1", ana()), ("s-2", ben.clone()), ("s-3", ben)] {
        world.session(id, visitor).await;
        assert_eq!(world.sync(id, "hubspot").await.unwrap(), Outcome::Done, "{id}");
        let notice = world.log(id, "hubspot").await.notice;
        assert_eq!(notice.is_some_and(|notice| notice.contains("all mapped properties")), id != "s-1", "{id}");
    }
    let state = world.hubspot.control.state("").await.unwrap();
    assert_eq!((state["contacts"].as_array().unwrap().len(), state["notes"].as_array().unwrap().len()), (2, 3));
    assert_eq!(state["contacts"][1]["properties"]["firstname"], "Ana");
}

#[tokio::test]
async fn a_refusal_that_names_no_property_may_still_be_about_one() {
    let world = World::new().await;
    mapped(&world, json!({ "jobtitle": "session.metadata.campaign" }), &[]).await;
    let rule = json!({ "category": "VALIDATION_ERROR", "errors": [{ "code": "INVALID_ALPHA" }] });
    for (n, (matched, status, body)) in [
        ("PATCH contacts", 400, rule.clone()),
        ("POST /contacts", 400, rule),
        ("PATCH contacts", 400, json!({})),
        ("PATCH contacts", 409, json!({ "category": "CONFLICT" })),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("s-{n}");
        world.session(&id, Visitor { email: Some(format!("v{n}@example.com")), ..ana() }).await;
        let fault = json!({ "match": matched, "body_match": "autumn", "status": status, "body": body });
        world.hubspot.control.fault(fault).await.unwrap();
        assert_eq!(world.sync(&id, "hubspot").await.unwrap(), Outcome::Done, "{matched} {status}");
        assert!(world.log(&id, "hubspot").await.notice.unwrap().contains("all mapped properties"));
    }
    // What is not about a property is not asked for again.
    world.session("s-9", ana()).await;
    let fault =
        json!({ "match": "PATCH contacts", "status": 400, "body": { "errors": [{ "code": "INVALID_EMAIL" }] } });
    world.hubspot.control.clear().await.unwrap();
    world.hubspot.control.fault(fault).await.unwrap();
    assert_eq!(world.sync("s-9", "hubspot").await.unwrap(), Outcome::Skipped(Code::new("invalid_email")));
    assert_eq!(world.hubspot.control.requests("/contacts").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_contact_that_lacks_what_the_account_requires_fails_with_the_name_of_it() {
    let world = World::new().await;
    world.portal("_required", json!(["company"])).await;
    let secret = "post-session/test/acme/hubspot";
    world.integrate("hubspot", json!({ "kind": "hubspot", "api_version": "2026-09" }), secret).await;
    world.session("s-1", ana()).await;
    let error = world.sync("s-1", "hubspot").await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("field_required", false));
    let error = world.log("s-1", "hubspot").await.error.unwrap();
    let words = "HubSpot requires fields that are not set. Map them, or stop requiring them in the account's settings. \
                 (HTTP 400, VALIDATION_ERROR, ";
    assert!(error.starts_with(words) && error.ends_with(", company)"), "{error}");

    let properties = json!({ "company": "session.metadata.campaign" });
    let config = json!({ "kind": "hubspot", "api_version": "2026-09", "properties": properties });
    world.integrate("hubspot", config, secret).await;
    world.session("s-2", ana()).await;
    assert_eq!(world.sync("s-2", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(contact(&world).await["company"], "autumn");
}

#[tokio::test]
async fn nothing_that_is_not_known_clears_what_hubspot_knows() {
    let world = World::new().await;
    define(&world, "ai_purpose", "string", "text", &[]).await;
    mapped(&world, json!({ "ai_purpose": "analysis.intent.primary_purpose" }), &[]).await;
    world.session("s-1", ana()).await;
    world.sync("s-1", "hubspot").await.unwrap();
    let known = contact(&world).await;
    assert_eq!(known["ai_purpose"], "Buy the Pro plan");

    let mut nothing = analysis();
    nothing.intent = None;
    let visitor = Visitor { email: ana().email, name: Some(" ".into()), ..Visitor::default() };
    world.session_with("s-2", visitor, &nothing).await;
    world.sync("s-2", "hubspot").await.unwrap();
    assert_eq!(contact(&world).await, known);
}

#[tokio::test]
async fn a_contact_moves_only_forward_because_its_stage_is_set_when_it_is_created() {
    let world = World::new().await;
    mapped(&world, json!({ "lifecyclestage": "session.metadata.stage" }), &[]).await;
    world.session_in_stage("s-1", ana(), "lead").await;
    world.sync("s-1", "hubspot").await.unwrap();
    assert_eq!(contact(&world).await["lifecyclestage"], "lead");
    world.session_in_stage("s-2", ana(), "subscriber").await;
    assert_eq!(world.sync("s-2", "hubspot").await.unwrap(), Outcome::Done);
    assert_eq!(contact(&world).await["lifecyclestage"], "lead");
}
