//! Findings of a check of an org, and the saved part of them.

use domain::integration::FieldType;
use serde_json::{Value, json};
use stage::Outcome;

use crate::org::{KEY, Org};
use crate::world::ana;

const NAME: &str = "post-session/test/acme/salesforce";

async fn test(org: &Org) -> Value {
    let task = json!({ "task": "test_integration", "tenant_id": "acme", "integration_id": "salesforce" });
    org.world.ask(task).await.unwrap()
}

fn findings(tested: &Value) -> String {
    let findings: Vec<_> = tested["findings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    findings.join("\n")
}

fn key(more: Value) -> Value {
    let mut field = json!({
        "object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": true, "caseSensitive": true,
    });
    field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    field
}

#[tokio::test]
async fn an_org_with_its_external_id_works_and_nothing_is_written_to_find_out() {
    let org = Org::new().await;
    let tested = test(&org).await;
    assert_eq!((&tested["ok"], &tested["findings"]), (&json!(true), &json!([])), "{tested}");
    assert_eq!(org.counts().await, [0, 0, 0]);

    org.define(key(json!({ "length": 36 }))).await;
    let tested = test(&org).await;
    assert_eq!(tested["ok"], true);
    let expected = "PostSession_Id__c takes 36 characters: sessions with longer ids are refused.";
    assert_eq!(findings(&tested), expected);
}

#[tokio::test]
async fn an_external_id_that_would_leave_two_tasks_or_write_over_one_is_a_problem() {
    for (field, expected) in [
        (key(json!({ "unique": false })), "must be a text field that is both unique and an external id"),
        (key(json!({ "externalId": false })), "must be a text field that is both unique and an external id"),
        (key(json!({ "caseSensitive": false })), "must be case sensitive"),
        (json!({ "object": "Activity", "name": "PostSession_Id__c" }), "must be a text field"),
    ] {
        let org = Org::new().await;
        org.define(field).await;
        let tested = test(&org).await;
        assert_eq!(tested["ok"], false);
        assert!(
            findings(&tested).starts_with(&format!("config.external_id_field: PostSession_Id__c {expected}")),
            "{tested}"
        );
    }
    let org = Org::with(json!({ "external_id_field": "Nope__c" })).await;
    let expected = "config.external_id_field: Nope__c is no field of tasks, or the user that signs in may not see it";
    assert!(findings(&test(&org).await).starts_with(expected));
}

#[tokio::test]
async fn a_user_who_may_not_make_or_see_what_a_sync_needs_is_a_problem() {
    let unseen = |object: &str| {
        format!(
            "The org does not have the API version, or the user that signs in may not see objects of the kind {object}."
        )
    };
    let unmade = |object: &str| format!("config.unknown_visitor: the user that signs in may not create a {object}");
    for (unknown_visitor, settings, expected) in [
        ("lead", json!({ "not_createable": ["Task"] }), "The user that signs in may not create tasks.".to_owned()),
        ("lead", json!({ "not_createable": ["Lead"] }), unmade("Lead")),
        ("contact", json!({ "not_createable": ["Contact"] }), unmade("Contact")),
        ("lead", json!({ "not_createable": ["Contact"] }), String::new()),
        ("skip", json!({ "not_createable": ["Contact", "Lead"] }), String::new()),
        ("lead", json!({ "hidden": ["Task"] }), unseen("Task")),
        ("skip", json!({ "hidden": ["Contact"] }), unseen("Contact")),
        ("contact", json!({ "hidden": ["Lead"] }), unseen("Lead")),
    ] {
        let org = Org::with(json!({ "unknown_visitor": unknown_visitor })).await;
        org.set(settings.clone()).await;
        let tested = test(&org).await;
        assert_eq!((findings(&tested), &tested["ok"]), (expected.clone(), &json!(expected.is_empty())), "{settings}");
    }
}

#[tokio::test]
async fn mapped_fields_must_exist_and_take_what_they_are_set_to() {
    let person = json!({
        "email": "visitor.email", "CreatedDate": "session.ended_at", "Nope__c": "visitor.id", "Company": "visitor.name",
        "Score__c": "visitor.name", "Title": "session.metadata.campaign",
    });
    let task = json!({
        "WhoId": "visitor.id", "postsession_id__c": "visitor.id", "Words__c": "analysis.sentiment.average",
        "Mood__c": "analysis.sentiment.label", "Ended__c": "session.ended_at",
    });
    let org = Org::with(json!({ "person_fields": person, "task_fields": task })).await;
    let field = |object: &str, name: &str, kind: &str| json!({ "object": object, "name": name, "type": kind });
    let mut mood = field("Activity", "Mood__c", "picklist");
    mood["values"] = json!(["positive", "negative"]);
    org.define(json!([
        mood,
        field("Activity", "Words__c", "int"),
        field("Activity", "Ended__c", "datetime"),
        field("Contact", "Score__c", "double"),
        field("Lead", "Score__c", "double"),
    ]))
    .await;
    let tested = test(&org).await;
    assert_eq!(tested["ok"], false);
    insta::assert_snapshot!(findings(&tested), @"
    config.task_fields.Mood__c: cannot be set to analysis.sentiment.label in a Task: it lacks the options neutral, mixed, by their internal names
    config.task_fields.WhoId: cannot be set to visitor.id: a sync sets it itself
    config.task_fields.Words__c: cannot be set to analysis.sentiment.average in a Task: it takes whole numbers, and this is a number
    config.task_fields.postsession_id__c: cannot be set to visitor.id: a sync sets it itself
    config.person_fields.CreatedDate: cannot be set to session.ended_at in a Contact: the user that signs in may not write it, or Salesforce sets it itself
    config.person_fields.CreatedDate: cannot be set to session.ended_at in a Lead: the user that signs in may not write it, or Salesforce sets it itself
    config.person_fields.Nope__c: cannot be set to visitor.id: there is no such field, or the user that signs in may not see it
    config.person_fields.Score__c: cannot be set to visitor.name in a Contact: it takes numbers, and this is text
    config.person_fields.Score__c: cannot be set to visitor.name in a Lead: it takes numbers, and this is text
    config.person_fields.email: cannot be set to visitor.email: a sync sets it itself
    There is no field Company of a Contact, or the user that signs in may not see it: where one is written, all of person_fields is left out.
    ");
}

#[tokio::test]
async fn a_field_that_takes_a_value_once_is_reported() {
    let org = Org::with(json!({ "task_fields": { "Visitor__c": "visitor.id" } })).await;
    org.define(json!([
        { "object": "Activity", "name": "Visitor__c", "unique": true },
    ]))
    .await;
    let tested = test(&org).await;
    assert_eq!(tested["ok"], true);
    let expected =
        "Visitor__c takes a value in one Task only: where another one has it already, all of task_fields is left out.";
    assert_eq!(findings(&tested), expected);
}

#[tokio::test]
async fn what_was_found_of_fields_is_what_a_sync_writes_them_by() {
    let task = json!({ "Ended__c": "session.ended_at", "Day__c": "session.ended_at" });
    let org = Org::with(json!({ "task_fields": task, "person_fields": { "Title": "visitor.name" } })).await;
    org.define(json!([
        { "object": "Activity", "name": "Ended__c", "type": "datetime" },
        { "object": "Activity", "name": "Day__c", "type": "date" },
    ]))
    .await;
    assert_eq!(test(&org).await["ok"], true);
    let fields = org.world.integration("salesforce").await.connection.fields;
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["Contact.Title", "Lead.Title", "Task.Day__c", "Task.Ended__c"]);
    assert_eq!(fields["Task.Day__c"], FieldType::Date);
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.one("tasks").await["Day__c"], "2026-11-22");
    assert_eq!(org.world.log("s-1", "salesforce").await.notice, None);
}

#[tokio::test]
async fn an_org_that_cannot_be_asked_is_reported_in_plain_words() {
    let org = Org::new().await;
    org.fault(json!({ "match": "GET Task/describe", "status": 503 })).await;
    let tested = test(&org).await;
    assert_eq!(findings(&tested), "Salesforce is down or overloaded. Test the integration again later. (HTTP 503)");

    org.world.vault.put("salesforce", &json!({ "client_id": "3MVG1", "client_secret": "wrong" }).to_string());
    org.set(json!({ "secret": "right" })).await;
    let tested = test(&org).await;
    assert!(findings(&tested).starts_with("Salesforce refuses the credentials"), "{tested}");
    assert!(!tested.to_string().contains("wrong\""), "{tested}");

    let save = json!({
        "task": "save_integration", "tenant_id": "acme", "integration_id": "new",
        "config": { "kind": "salesforce", "url": "https://example.com" },
        "secret_name": "post-session/test/acme/salesforce",
    });
    let error = org.world.ask(save).await.unwrap_err();
    assert!(error.starts_with("integration not saved: config.url: "), "{error}");
}

#[tokio::test]
async fn an_integration_whose_kept_token_was_revoked_is_enabled_with_another() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    org.world.sync("s-1", "salesforce").await.unwrap();
    org.fake.control.delete(&format!("/_orgs/{KEY}/tokens")).await.unwrap();
    let (tenant, id) = ("acme".parse().unwrap(), "salesforce".parse().unwrap());
    let code = domain::step::Code::new("unauthorized");
    let store = &org.world.database.store;
    let (_, as_of) = store.integration_as_of(&tenant, &id).await.unwrap().unwrap();
    assert!(store.disable_integration(&tenant, &id, as_of, code, "revoked").await.unwrap());
    let task = |name: &str| json!({ "task": name, "tenant_id": "acme", "integration_id": "salesforce" });
    assert_eq!(org.world.ask(task("enable_integration")).await.unwrap()["state"], "on");

    org.set(json!({ "secret": "other" })).await;
    let tested = org.world.ask(task("test_integration")).await.unwrap();
    assert_eq!(tested["ok"], false, "the kept token still works: {tested}");
}

#[tokio::test]
async fn an_integration_that_has_synced_is_not_saved_with_another_org() {
    let org = Org::new().await;
    let save = json!({
        "task": "save_integration", "tenant_id": "acme", "integration_id": "salesforce", "secret_name": NAME,
        "config": { "kind": "salesforce", "url": format!("{}/", org.fake.base_url) },
    });
    org.world.ask(save.clone()).await.unwrap();
    org.world.session("s-1", ana()).await;
    org.world.sync("s-1", "salesforce").await.unwrap();
    let mut other = save;
    other["config"]["url"] = json!(org.fake.base_url);
    org.world.ask(other.clone()).await.unwrap();
    other["config"]["url"] = json!("https://other.my.salesforce.com");
    let error = org.world.ask(other).await.unwrap_err();
    assert!(error.contains("config.url: the log of salesforce is of another org"), "{error}");
}
