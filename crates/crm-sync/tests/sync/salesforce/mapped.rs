//! Fields of people and tasks that a tenant maps.

use std::collections::BTreeMap;

use domain::integration::{Connection, FieldType, Integration};
use domain::session::Visitor;
use serde_json::{Value, json};
use stage::Outcome;

use super::Org;
use crate::world::ana;

/// The result of a check of these fields.
async fn typed(org: &Org, types: &[(&str, FieldType)]) {
    let integration = org.world.integration("salesforce").await;
    let fields: BTreeMap<_, _> = types.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect();
    org.world.save(Integration { connection: Connection { fields, ..Connection::default() }, ..integration }).await;
}

fn field(object: &str, name: &str, kind: &str) -> Value {
    json!({ "object": object, "name": name, "type": kind })
}

#[tokio::test]
async fn any_field_becomes_a_field_of_its_type() {
    let person = json!({ "Title": "session.metadata.campaign", "Score__c": "analysis.sentiment.average" });
    let task = json!({
        "Words__c": "analysis.conversation.words", "Ended__c": "session.ended_at", "Day__c": "session.ended_at",
        "Budget__c": "analysis.custom_metrics.budget_named", "Category__c": "analysis.category.label",
        "CallDisposition": "analysis.topics",
    });
    let org = Org::with(json!({ "person_fields": person, "task_fields": task })).await;
    let mut category = field("Activity", "Category__c", "picklist");
    category["values"] = json!(["immediate_buyer", "others"]);
    org.define(json!([
        field("Lead", "Score__c", "double"),
        field("Activity", "Words__c", "int"),
        field("Activity", "Ended__c", "datetime"),
        field("Activity", "Day__c", "date"),
        field("Activity", "Budget__c", "boolean"),
        category,
    ]))
    .await;
    typed(
        &org,
        &[
            ("Lead.Score__c", FieldType::Number),
            ("Task.Words__c", FieldType::Integer),
            ("Task.Ended__c", FieldType::DateTime),
            ("Task.Day__c", FieldType::Date),
            ("Task.Budget__c", FieldType::Boolean),
            (
                "Task.Category__c",
                FieldType::Options { values: vec!["immediate_buyer".into(), "others".into()], is_multiple: false },
            ),
        ],
    )
    .await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    let (lead, task) = (org.one("leads").await, org.one("tasks").await);
    assert_eq!((&lead["Title"], &lead["Score__c"]), (&json!("autumn"), &json!(0.35)));
    for (name, value) in [
        ("Words__c", json!(61)),
        ("Ended__c", json!("2026-11-22T10:00:12.000+0000")),
        ("Day__c", json!("2026-11-22")),
        ("Budget__c", json!(false)),
        ("Category__c", json!("immediate_buyer")),
        ("CallDisposition", json!("pricing\nonboarding")),
    ] {
        assert_eq!(task[name], value, "{name}");
    }
    assert_eq!(org.world.log("s-1", "salesforce").await.notice, None);
}

#[tokio::test]
async fn a_known_person_gets_what_is_mapped_and_nothing_else() {
    let org =
        Org::with(json!({ "person_fields": { "Title": "session.metadata.campaign", "Email": "visitor.name" } })).await;
    org.make("Contact", json!({ "LastName": "L.", "Email": "ana+crm@example.com" })).await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    let contact = org.one("contacts").await;
    assert_eq!((&contact["Title"], &contact["LastName"]), (&json!("autumn"), &json!("L.")));
    assert!(contact.get("FirstName").is_none() && contact.get("Phone").is_none(), "{contact}");
    assert_eq!(contact["Email"], "ana+crm@example.com");
    assert_eq!(org.calls().await[1..], ["GET query 200", "PATCH Contact 204", "PATCH Task 201"]);
}

#[tokio::test]
async fn a_field_that_is_refused_costs_neither_the_person_nor_the_task() {
    let fields = json!({ "Gone__c": "analysis.category.label" });
    let org = Org::with(json!({ "person_fields": fields, "task_fields": fields })).await;
    for id in ["s-1", "s-2"] {
        org.world.session(id, ana()).await;
        assert_eq!(org.world.sync(id, "salesforce").await.unwrap(), Outcome::Done);
        let notice = org.world.log(id, "salesforce").await.notice.unwrap();
        assert!(notice.contains("fields of Lead: Salesforce") && notice.contains("fields of Task: "), "{notice}");
    }
    assert_eq!(org.counts().await, [0, 1, 2]);
    assert_eq!(org.one("leads").await["FirstName"], "Ana");
}

#[tokio::test]
async fn a_value_of_the_wrong_type_or_length_is_left_out_with_its_words() {
    for (kind, mapped) in [("double", "session.metadata.campaign"), ("email", "session.metadata.campaign")] {
        let org =
            Org::with(json!({ "person_fields": { "Own__c": mapped }, "task_fields": { "Own__c": mapped } })).await;
        org.define(json!([field("Lead", "Own__c", kind), field("Activity", "Own__c", kind)])).await;
        org.world.session("s-1", ana()).await;
        assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done, "{kind}");
        assert_eq!(org.counts().await, [0, 1, 1]);
        let notice = org.world.log("s-1", "salesforce").await.notice.unwrap();
        assert!(!notice.contains("autumn"), "no content: {notice}");
    }
}

#[tokio::test]
async fn a_text_is_cut_to_what_the_field_takes_as_salesforce_counts_it() {
    let fields = json!({ "Campaign__c": "session.metadata.campaign" });
    let org = Org::with(json!({ "person_fields": fields, "task_fields": fields })).await;
    org.define(json!([field("Lead", "Campaign__c", "string"), field("Activity", "Campaign__c", "string")])).await;
    let text = FieldType::Text { max_length: Some(255) };
    typed(&org, &[("Lead.Campaign__c", text.clone()), ("Task.Campaign__c", text)]).await;
    for (id, campaign, written) in [
        ("s-1", "🙂".repeat(255), format!("{}…", "🙂".repeat(127))),
        ("s-2", format!("a{}", "🙂".repeat(127)), format!("a{}", "🙂".repeat(127))),
    ] {
        org.world.session_of_campaign(id, json!(campaign)).await;
        assert_eq!(org.world.sync(id, "salesforce").await.unwrap(), Outcome::Done);
        assert_eq!(notice(&org, id).await, "");
        let (lead, tasks) = (org.one("leads").await, org.all("tasks").await);
        assert_eq!((&lead["Campaign__c"], &tasks.last().unwrap()["Campaign__c"]), (&json!(written), &json!(written)));
    }
}

#[tokio::test]
async fn a_known_person_who_may_not_be_changed_still_gets_the_task() {
    let org = Org::with(json!({ "person_fields": { "Title": "session.metadata.campaign" } })).await;
    org.make("Contact", json!({ "LastName": "L.", "Email": "ana+crm@example.com" })).await;
    org.world.session("s-1", ana()).await;
    let refused = json!([{ "errorCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "no" }]);
    org.fault(json!({ "match": "PATCH Contact", "status": 403, "body": refused })).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.counts().await, [1, 0, 1]);
    assert!(org.world.log("s-1", "salesforce").await.notice.unwrap().contains("fields of Contact"));
}

/// Fields that take a value once, all of them set to the same.
async fn unique() -> Org {
    let fields = json!({ "Campaign__c": "session.metadata.campaign" });
    let org = Org::with(json!({ "person_fields": fields, "task_fields": fields })).await;
    let own = ["Contact", "Lead", "Activity"];
    let own = own.map(|object| json!({ "object": object, "name": "Campaign__c", "unique": true }));
    org.define(json!(own)).await;
    org
}

async fn notice(org: &Org, session: &str) -> String {
    org.world.log(session, "salesforce").await.notice.unwrap_or_default()
}

#[tokio::test]
async fn a_value_that_another_record_has_costs_neither_a_new_person_nor_the_task() {
    let org = unique().await;
    let ben = Visitor { email: Some("ben@example.com".into()), ..ana() };
    for (id, visitor) in [("s-1", ana()), ("s-2", ben)] {
        org.world.session(id, visitor).await;
        assert_eq!(org.world.sync(id, "salesforce").await.unwrap(), Outcome::Done, "{id}");
    }
    assert_eq!(notice(&org, "s-1").await, "");
    let left_out = notice(&org, "s-2").await;
    assert!(left_out.contains("mapped fields of Lead") && left_out.contains("mapped fields of Task"), "{left_out}");
    assert_eq!(org.counts().await, [0, 2, 2]);
    let (leads, tasks) = (org.all("leads").await, org.all("tasks").await);
    assert_eq!((&leads[1]["Email"], &tasks[1]["WhoId"]), (&json!("ben@example.com"), &leads[1]["Id"]));
}

#[tokio::test]
async fn a_value_that_another_record_has_costs_a_known_person_nothing() {
    let org = unique().await;
    org.make("Contact", json!({ "LastName": "B.", "Campaign__c": "autumn" })).await;
    let ana_id = org.make("Contact", json!({ "LastName": "L.", "Email": "ana+crm@example.com" })).await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert!(notice(&org, "s-1").await.contains("mapped fields of Contact"));
    assert_eq!(org.one("tasks").await["WhoId"], ana_id);

    org.world.session("s-2", ana()).await;
    let rule = json!([{ "errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?" }]);
    org.fault(json!({ "match": "PATCH Contact", "status": 400, "body": rule })).await;
    assert_eq!(org.world.sync("s-2", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.counts().await, [2, 0, 2]);
}

#[tokio::test]
async fn a_task_that_is_put_right_does_without_a_value_that_another_has() {
    let org = unique().await;
    org.make("Task", json!({ "Campaign__c": "autumn" })).await;
    org.world.session("s-1", ana()).await;
    org.world.sync("s-1", "salesforce").await.unwrap();
    org.world.analyse_again("s-1", 2, &crate::world::analysis()).await;
    assert_eq!(org.world.sync_version("s-1", "salesforce", 2).await.unwrap(), Outcome::Done);
    assert_eq!(org.counts().await, [0, 1, 2]);
}

#[tokio::test]
async fn a_refusal_that_says_nothing_of_fields_may_still_be_about_one() {
    for (status, code) in [(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"), (403, "INSUFFICIENT_ACCESS_OR_READONLY")] {
        let fields = json!({ "Title": "session.metadata.campaign" });
        let org = Org::with(json!({ "person_fields": fields })).await;
        org.world.session("s-1", ana()).await;
        let refused = json!([{ "errorCode": code, "message": "no" }]);
        let fault = json!({ "match": "POST Lead", "body_match": "autumn", "status": status, "body": refused });
        org.fault(fault).await;
        assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done, "{code}");
        assert_eq!(org.one("leads").await["Title"], Value::Null);
    }
}

#[tokio::test]
async fn a_person_whom_another_program_creates_first_gets_what_is_mapped() {
    let org = Org::with(json!({ "person_fields": { "Title": "session.metadata.campaign" } })).await;
    let lead = org.make("Lead", json!({ "LastName": "L.", "Company": "C.", "Email": "ana+crm@example.com" })).await;
    org.set(json!({ "duplicate_rule": "block" })).await;
    org.world.session("s-1", ana()).await;
    let nobody = json!({ "totalSize": 0, "done": true, "records": [] });
    org.fault(json!({ "match": "GET query", "status": 200, "body": nobody, "times": 3 })).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!((&org.one("leads").await["Title"], &org.one("tasks").await["WhoId"]), (&json!("autumn"), &json!(lead)));
    assert_eq!(notice(&org, "s-1").await, "");
    let asked = org.calls().await.iter().filter(|call| call.starts_with("POST Lead")).count();
    assert_eq!(asked, 1, "the rule is not got round without the mapped fields");
}

#[tokio::test]
async fn what_names_the_task_or_its_person_cannot_be_mapped_away() {
    let fields = json!({
        "WhoId": "visitor.id", "whoid": "visitor.name", "PostSession_Id__c": "visitor.name", "Id": "visitor.name",
        "Subject": "analysis.summary.text",
    });
    let org = Org::with(json!({ "task_fields": fields })).await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    let task = org.one("tasks").await;
    assert_eq!((&task["WhoId"], &task["PostSession_Id__c"]), (&org.one("leads").await["Id"], &json!("s-1")));
    assert_eq!(task["Subject"], "Ana asked about the Pro plan & ordered it.");
    assert_eq!(org.world.log("s-1", "salesforce").await.notice, None);
}
