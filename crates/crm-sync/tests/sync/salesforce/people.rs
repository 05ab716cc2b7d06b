//! Finds the person that a session is about.

use std::time::Duration;

use domain::session::Visitor;
use domain::step::Code;
use serde_json::json;
use stage::{Failure, Outcome};
use store::integration_log::SyncStatus;

use super::{KEY, Org};
use crate::world::{ana, analysis};

const OTHER_SESSION: Outcome = Outcome::Wait { after: Duration::from_secs(5), code: Code::new("other_session") };

#[tokio::test]
async fn an_unknown_visitor_becomes_a_lead() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    let calls = ["GET query 200", "GET query 200", "GET query 200", "POST Lead 201", "PATCH Task 201"];
    assert_eq!(org.calls().await[1..], calls);
    let lead = org.one("leads").await;
    for (field, value) in [
        ("FirstName", "Ana"),
        ("LastName", "López"),
        ("Email", "Ana+crm@example.com"),
        ("Phone", "+34 600 000 000"),
        ("Company", "Unknown"),
    ] {
        assert_eq!(lead[field], value, "{field}");
    }
    let log = org.world.log("s-1", "salesforce").await;
    assert_eq!((log.status, log.contact_id.as_deref()), (SyncStatus::Done, lead["Id"].as_str()));
    assert_eq!(org.state().await["allow_saves"], 0);
}

#[tokio::test]
async fn an_unknown_visitor_becomes_a_contact_where_that_is_wanted() {
    let org = Org::with(json!({ "unknown_visitor": "contact" })).await;
    for id in ["s-1", "s-2"] {
        org.world.session(id, ana()).await;
        assert_eq!(org.world.sync(id, "salesforce").await.unwrap(), Outcome::Done);
    }
    assert_eq!(org.counts().await, [1, 0, 2]);
    assert!(org.one("contacts").await.get("Company").is_none());
}

#[tokio::test]
async fn an_unknown_visitor_is_skipped_where_that_is_wanted() {
    let org = Org::with(json!({ "unknown_visitor": "skip" })).await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Skipped(Code::new("no_person")));
    assert_eq!(org.world.log("s-1", "salesforce").await.code.as_deref(), Some("no_person"));
    assert_eq!(org.counts().await, [0, 0, 0]);
}

#[tokio::test]
async fn a_contact_comes_before_a_lead_and_the_oldest_before_others_and_neither_is_changed() {
    let org = Org::new().await;
    org.make("Lead", json!({ "LastName": "L.", "Company": "C.", "Email": "ana+crm@example.com" })).await;
    let oldest = org.make("Contact", json!({ "LastName": "One", "Email": "ANA+crm@example.com" })).await;
    org.make("Contact", json!({ "LastName": "Two", "Email": "ana+crm@example.com" })).await;
    let before = org.state().await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.one("tasks").await["WhoId"], oldest);
    let after = org.state().await;
    assert_eq!((&after["contacts"], &after["leads"]), (&before["contacts"], &before["leads"]));
    assert_eq!(org.calls().await[1..], ["GET query 200", "PATCH Task 201"]);
    // Those of a test are of the same second.
    let queries = org.fake.control.requests("/query").await.unwrap();
    assert!(queries[0]["path"].as_str().unwrap().ends_with("%20ORDER%20BY%20CreatedDate%20LIMIT%202"), "{queries:?}");
}

#[tokio::test]
async fn a_lead_is_used_until_it_is_converted() {
    let org = Org::new().await;
    let lead = org.make("Lead", json!({ "LastName": "L.", "Company": "C.", "Email": "ana+crm@example.com" })).await;
    org.world.session("s-1", ana()).await;
    org.world.sync("s-1", "salesforce").await.unwrap();
    assert_eq!(org.one("tasks").await["WhoId"], lead);

    org.fake.control.set(&format!("/_orgs/{KEY}/converted/{lead}"), json!({})).await.unwrap();
    let contact = org.one("contacts").await;
    org.world.session("s-2", ana()).await;
    assert_eq!(org.world.sync("s-2", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.all("tasks").await[1]["WhoId"], contact["Id"]);
    assert_eq!(org.counts().await, [1, 1, 2]);
}

#[tokio::test]
async fn a_converted_lead_whose_contact_is_gone_is_not_used() {
    let org = Org::new().await;
    let lead = org.make("Lead", json!({ "LastName": "L.", "Company": "C.", "Email": "ana+crm@example.com" })).await;
    org.fake.control.set(&format!("/_orgs/{KEY}/converted/{lead}"), json!({})).await.unwrap();
    let contact = org.one("contacts").await["Id"].as_str().unwrap().to_owned();
    org.delete("Contact", &contact).await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_ne!(org.one("tasks").await["WhoId"], lead);
    assert_eq!(org.counts().await, [0, 2, 1]);
}

#[tokio::test]
async fn a_person_who_is_merged_while_the_session_is_synced_is_looked_for_again() {
    let org = Org::new().await;
    let deleted = json!([{ "message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": [] }]);
    org.world.session("s-1", ana()).await;
    org.fault(json!({ "match": "PATCH Task", "status": 400, "body": deleted, "times": 2 })).await;
    let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("conflict", true));
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.counts().await, [0, 1, 1]);
}

#[tokio::test]
async fn sessions_that_end_together_make_one_person() {
    for object in ["lead", "contact"] {
        let org = Org::with(json!({ "unknown_visitor": object })).await;
        // A token is got before, so that all three go on at the same time.
        org.world.session("s-0", Visitor { email: Some("ben@example.com".into()), ..ana() }).await;
        org.world.sync("s-0", "salesforce").await.unwrap();
        for id in ["s-1", "s-2", "s-3"] {
            org.world.session(id, ana()).await;
        }
        // All of them learn that there is nobody before one is created.
        org.fault(json!({ "match": "POST sobjects/", "delay_ms": 300 })).await;
        let sync = |id| org.world.sync(id, "salesforce");
        let (first, second, third) = tokio::join!(sync("s-1"), sync("s-2"), sync("s-3"));
        let all = [("s-1", first.unwrap()), ("s-2", second.unwrap()), ("s-3", third.unwrap())];
        let waiting: Vec<_> = all.into_iter().filter(|(_, outcome)| *outcome != Outcome::Done).collect();
        assert_eq!(waiting.len(), 2, "{object}: {waiting:?}");
        for (id, outcome) in waiting {
            assert_eq!(outcome, OTHER_SESSION);
            assert_eq!(org.world.sync(id, "salesforce").await.unwrap(), Outcome::Done, "{object}");
        }
        let people = if object == "lead" { [0, 2, 4] } else { [2, 0, 4] };
        assert_eq!(org.counts().await, people);
    }
}

#[tokio::test]
async fn two_versions_that_are_synced_together_make_one_person() {
    let org = Org::new().await;
    org.world.session("s-0", Visitor { email: Some("ben@example.com".into()), ..ana() }).await;
    org.world.sync("s-0", "salesforce").await.unwrap();
    org.world.session("s-1", ana()).await;
    org.world.analyse_again("s-1", 2, &analysis()).await;
    org.fault(json!({ "match": "POST sobjects/", "delay_ms": 300 })).await;
    let sync = |version| org.world.sync_version("s-1", "salesforce", version);
    let (first, second) = tokio::join!(sync(1), sync(2));
    let both = [first.unwrap(), second.unwrap()];
    assert!(both.contains(&OTHER_SESSION), "{both:?}");
    for version in [1, 2] {
        org.world.sync_version("s-1", "salesforce", version).await.unwrap();
    }
    assert_eq!(org.counts().await, [0, 2, 2]);
}

#[tokio::test]
async fn while_a_person_may_still_come_to_be_no_other_session_makes_one() {
    let org = Org::new().await;
    for id in ["s-1", "s-2"] {
        org.world.session(id, ana()).await;
    }
    org.fault(json!({ "match": "POST sobjects/Lead", "drop_before": true })).await;
    let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
    assert_eq!(error.code().as_str(), "unreachable");
    assert_eq!(org.world.sync("s-2", "salesforce").await.unwrap(), OTHER_SESSION);
    assert_eq!(org.counts().await, [0, 0, 0]);
    // Its own next delivery does not wait.
    for id in ["s-1", "s-2"] {
        assert_eq!(org.world.sync(id, "salesforce").await.unwrap(), Outcome::Done);
    }
    assert_eq!(org.counts().await, [0, 1, 2]);
}

#[tokio::test]
async fn a_person_that_is_refused_keeps_no_other_session_from_trying() {
    let org = Org::new().await;
    for id in ["s-1", "s-2"] {
        org.world.session(id, ana()).await;
    }
    let locked = json!([{ "message": "unable to obtain exclusive access", "errorCode": "UNABLE_TO_LOCK_ROW" }]);
    org.fault(json!({ "match": "POST sobjects/Lead", "status": 400, "body": locked })).await;
    assert!(matches!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Retry { .. }));
    assert_eq!(org.world.sync("s-2", "salesforce").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn somebody_whom_a_duplicate_rule_names_is_the_person() {
    for (rule, is_spelt_right) in [("block", true), ("alert", false)] {
        let org = Org::new().await;
        let lead = org.make("Lead", json!({ "LastName": "L.", "Company": "C.", "Email": "ana+crm@example.com" })).await;
        org.set(json!({ "duplicate_rule": rule, "duplicate_result": is_spelt_right })).await;
        org.world.session("s-1", ana()).await;
        // As if somebody else were faster by as little as the queries take.
        let nobody = json!({ "totalSize": 0, "done": true, "records": [] });
        org.fault(json!({ "match": "GET query", "status": 200, "body": nobody, "times": 3 })).await;
        assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
        assert_eq!(org.one("tasks").await["WhoId"], lead, "{rule}");
        assert_eq!(org.state().await["allow_saves"], 0);
        let calls = org.calls().await;
        assert_eq!(calls.iter().filter(|call| *call == "POST Lead 400").count(), 1, "{calls:?}");
    }
}

#[tokio::test]
async fn a_duplicate_that_is_not_named_is_looked_for_once() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    let unnamed = json!([{ "message": "ana+crm@example.com", "errorCode": "DUPLICATES_DETECTED" }]);
    org.fault(json!({ "match": "POST sobjects/Lead", "status": 400, "body": unnamed })).await;
    let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("conflict", true));
    assert_eq!(org.calls().await.iter().filter(|call| *call == "GET query 200").count(), 5);

    // The next query shows the lead that another request has created.
    let lead = org.make("Lead", json!({ "LastName": "L.", "Company": "C.", "Email": "ana+crm@example.com" })).await;
    let nobody = json!({ "totalSize": 0, "done": true, "records": [] });
    org.fault(json!({ "match": "GET query", "status": 200, "body": nobody, "times": 3 })).await;
    org.fault(json!({ "match": "POST sobjects/Lead", "status": 400, "body": [{ "errorCode": "DUPLICATE_VALUE" }] }))
        .await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.one("tasks").await["WhoId"], lead);
}

#[tokio::test]
async fn names_and_addresses_are_taken_as_they_are() {
    let org = Org::new().await;
    let long = "Ñ".repeat(100);
    let email = |text: &str| Some(text.to_owned());
    for (id, visitor, first, last) in [
        (
            "s-1",
            Visitor { name: Some(r"Conan O'Brien\".into()), email: email("o'brien@example.com"), ..ana() },
            Some("Conan"),
            r"O'Brien\",
        ),
        (
            "s-2",
            Visitor { name: Some("山田 太郎".into()), email: email("yamada@example.com"), ..ana() },
            Some("山田"),
            "太郎",
        ),
        ("s-3", Visitor { name: Some("Cher".into()), email: email("cher@example.com"), ..ana() }, None, "Cher"),
        ("s-4", Visitor { name: None, email: email("j.doe+x@example.com"), ..ana() }, None, "j.doe+x"),
        (
            "s-5",
            Visitor { name: Some(format!("Ana {long}")), email: email("long@example.com"), ..ana() },
            Some("Ana"),
            &format!("{}…", "Ñ".repeat(79)),
        ),
    ] {
        org.world.session(id, visitor.clone()).await;
        assert_eq!(org.world.sync(id, "salesforce").await.unwrap(), Outcome::Done, "{id}");
        // A second session finds the same one.
        let again = format!("{id}-again");
        org.world.session(&again, visitor).await;
        assert_eq!(org.world.sync(&again, "salesforce").await.unwrap(), Outcome::Done, "{id}");
        let leads = org.all("leads").await;
        let lead = leads.last().unwrap();
        assert_eq!((lead["FirstName"].as_str(), lead["LastName"].as_str()), (first, Some(last)), "{id}");
    }
    assert_eq!(org.counts().await, [0, 5, 10]);
}

#[tokio::test]
async fn an_address_that_salesforce_refuses_skips_this_session_only() {
    let org = Org::new().await;
    org.world.session("s-1", Visitor { email: Some("jörg@example.com".into()), ..ana() }).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Skipped(Code::new("invalid_email")));
    let long = format!("{}@{}.example.com", "a".repeat(60), "b".repeat(20));
    org.world.session("s-2", Visitor { email: Some(long), ..ana() }).await;
    assert_eq!(org.world.sync("s-2", "salesforce").await.unwrap(), Outcome::Skipped(Code::new("invalid_email")));
    org.world.session("s-3", ana()).await;
    assert_eq!(org.world.sync("s-3", "salesforce").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_visitor_without_a_usable_address_is_skipped_without_a_request() {
    let org = Org::new().await;
    org.world.session("s-1", Visitor { email: None, ..ana() }).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Skipped(Code::new("no_email")));
    assert!(org.calls().await.is_empty());
}
