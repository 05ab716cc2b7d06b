//! One session leaves one task.

use connectors::salesforce::MAX_DESCRIPTION_LENGTH;
use domain::analysis::Analysis;
use serde_json::{Value, json};
use stage::{Failure, Outcome};
use store::integration_log::SyncStatus;

use super::{KEY, Org};
use crate::world::{SAID, ana, analysis};

fn saying(summary: &str) -> Analysis {
    let mut analysis = analysis();
    analysis.summary.as_mut().unwrap().text = summary.into();
    analysis
}

fn description(task: &Value) -> &str {
    task["Description"].as_str().unwrap()
}

#[tokio::test]
async fn a_task_is_completed_at_the_end_of_the_conversation_and_holds_the_analysis() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    let task = org.one("tasks").await;
    for (field, value) in [
        ("Subject", "Conversation with the AI agent: Immediate Buyer"),
        ("Status", "Completed"),
        ("Priority", "Normal"),
        ("ActivityDate", "2026-11-22"),
        ("PostSession_Id__c", "s-1"),
    ] {
        assert_eq!(task[field], value, "{field}");
    }
    assert_eq!(task["WhoId"], org.one("leads").await["Id"]);
    assert!(
        description(&task).contains("SUMMARY\nAna asked about the Pro plan & ordered it.\n- Needs 5 seats"),
        "{task}"
    );
    let sent = org.fake.control.requests("sobjects/Task").await.unwrap();
    assert!(!sent[0]["body"].to_string().contains("PostSession_Id__c"), "{}", sent[0]);
    let log = org.world.log("s-1", "salesforce").await;
    assert_eq!((log.status, log.record_id.as_deref()), (SyncStatus::Done, task["Id"].as_str()));
}

#[tokio::test]
async fn whatever_is_lost_there_is_one_person_and_one_task() {
    for lost in ["POST oauth2/token", "GET FROM+Contact", "GET FROM+Lead", "POST sobjects/Lead", "PATCH sobjects/Task"]
    {
        for how in ["drop_before", "drop_after"] {
            let org = Org::new().await;
            org.world.session("s-1", ana()).await;
            let lost = lost.replace('+', " ");
            org.fault(json!({ "match": lost, how: true })).await;
            let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
            assert_eq!((error.code().as_str(), error.is_retryable()), ("unreachable", true), "{lost}");
            assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done, "{lost}");
            assert_eq!(org.counts().await, [0, 1, 1], "{lost} {how}");
            let task = org.one("tasks").await;
            assert_eq!(org.world.log("s-1", "salesforce").await.record_id.as_deref(), task["Id"].as_str());
        }
    }
}

#[tokio::test]
async fn a_session_that_is_synced_is_not_synced_again() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    org.world.sync("s-1", "salesforce").await.unwrap();
    org.fake.control.clear().await.unwrap();
    assert_eq!(org.world.another_function_syncs("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert!(org.calls().await.is_empty());
}

#[tokio::test]
async fn an_update_that_is_answered_without_an_id_is_looked_up() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    org.fault(json!({ "match": "PATCH Task", "drop_after": true })).await;
    org.world.sync("s-1", "salesforce").await.unwrap_err();
    org.fault(json!({ "match": "PATCH Task", "status": 204 })).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    let task = org.one("tasks").await;
    assert_eq!(org.world.log("s-1", "salesforce").await.record_id.as_deref(), task["Id"].as_str());
}

#[tokio::test]
async fn several_tasks_with_one_id_are_somebody_elses_to_sort_out() {
    let org = Org::new().await;
    org.define(json!({ "object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": false })).await;
    for _ in 0..2 {
        org.make("Task", json!({ "Subject": "x", "PostSession_Id__c": "s-1" })).await;
    }
    org.world.session("s-1", ana()).await;
    let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("rejected", false));
    let log = org.world.log("s-1", "salesforce").await;
    assert_eq!(log.status, SyncStatus::Failed);
    assert!(log.error.unwrap().contains("HTTP 300, MULTIPLE_CHOICES"));
}

#[tokio::test]
async fn a_task_that_another_attempt_makes_at_the_same_time_is_written_again_once() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    let taken = json!([{ "message": "duplicate value found: s-1", "errorCode": "DUPLICATE_VALUE", "fields": [] }]);
    org.fault(json!({ "match": "PATCH Task", "status": 400, "body": taken, "times": 2 })).await;
    let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("conflict", true));

    org.fault(json!({ "match": "PATCH Task", "status": 400, "body": taken })).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.counts().await, [0, 1, 1]);
}

#[tokio::test]
async fn a_later_version_takes_the_place_of_the_earlier_one_in_its_task() {
    let org = Org::new().await;
    org.world.session_with("s-1", ana(), &saying("First words.")).await;
    org.world.analyse_again("s-1", 2, &saying("Second words.")).await;
    org.world.sync("s-1", "salesforce").await.unwrap();
    let first = org.one("tasks").await;
    assert_eq!(org.world.sync_version("s-1", "salesforce", 2).await.unwrap(), Outcome::Done);
    let second = org.one("tasks").await;
    assert_eq!(first["Id"], second["Id"]);
    assert!(description(&first).contains("First words.") && description(&second).contains("Second words."));
}

/// The first version writes after the second has begun, and puts the text of the second back.
async fn overtaken(org: &Org) {
    org.world.session_with("s-1", ana(), &saying("First words.")).await;
    org.world.analyse_again("s-1", 2, &saying("Second words.")).await;
    org.fault(json!({ "match": "PATCH Task", "drop_after": true })).await;
    org.world.sync_version("s-1", "salesforce", 2).await.unwrap_err();
}

#[tokio::test]
async fn a_version_that_writes_over_a_later_one_puts_its_text_and_fields_back() {
    let org = Org::with(json!({ "task_fields": { "Version__c": "analysis.version" } })).await;
    org.define(json!({ "object": "Activity", "name": "Version__c", "type": "string" })).await;
    overtaken(&org).await;
    let outcome = org.world.sync("s-1", "salesforce").await.unwrap();
    assert!(matches!(outcome, Outcome::Skipped(code) if code.as_str() == "superseded"), "{outcome:?}");
    let task = org.one("tasks").await;
    assert!(description(&task).contains("Second words."), "{task}");
    assert_eq!(task["Version__c"], "2");
}

#[tokio::test]
async fn a_task_that_is_put_right_stays_with_whom_it_has_come_to() {
    let org = Org::new().await;
    overtaken(&org).await;
    let lead = org.one("leads").await["Id"].as_str().unwrap().to_owned();
    // While the first version writes, a salesperson converts the lead, and the task goes to the contact.
    let convert = async {
        while !org.calls().await.iter().any(|call| call == "PATCH Task 200") {
            tokio::task::yield_now().await;
        }
        org.fake.control.set(&format!("/_orgs/{KEY}/converted/{lead}"), json!({})).await.unwrap();
    };
    org.fault(json!({ "match": "PATCH sobjects/Task/00T", "delay_ms": 1000 })).await;
    tokio::join!(async { org.world.sync("s-1", "salesforce").await.unwrap() }, convert);
    let task = org.one("tasks").await;
    assert_eq!(task["WhoId"], org.one("contacts").await["Id"]);
    assert!(description(&task).contains("Second words."), "{task}");
}

#[tokio::test]
async fn a_task_that_was_deleted_is_written_again_and_is_not_missed_by_a_correction() {
    let org = Org::new().await;
    org.world.session_with("s-1", ana(), &saying("First words.")).await;
    org.world.analyse_again("s-1", 2, &saying("Second words.")).await;
    org.world.sync("s-1", "salesforce").await.unwrap();
    let first = org.one("tasks").await["Id"].as_str().unwrap().to_owned();
    org.delete("Task", &first).await;
    assert_eq!(org.world.sync_version("s-1", "salesforce", 2).await.unwrap(), Outcome::Done);
    assert_ne!(org.one("tasks").await["Id"], first);
}

#[tokio::test]
async fn an_endless_analysis_is_cut_between_its_parts_and_says_so() {
    let org = Org::new().await;
    let mut analysis = saying(&"O'Brien\\ & <b>日本語🙂</b> ".repeat(40_000));
    analysis.topics = vec!["Größe".to_owned()];
    org.world.session_with("s-1", ana(), &analysis).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    let task = org.one("tasks").await;
    let text = description(&task);
    assert!(text.encode_utf16().count() <= MAX_DESCRIPTION_LENGTH);
    assert!(text.ends_with("Left out: Summary."), "{text}");
    assert!(text.contains("TOPICS\n- Größe\n"), "{text}");
}

#[tokio::test]
async fn what_was_said_is_shown_as_the_tenant_wants_it_in_records() {
    let org = Org::new().await;
    org.world.session_with("s-1", ana(), &saying("Write to [EMAIL_1].")).await;
    org.world.sync("s-1", "salesforce").await.unwrap();
    assert!(description(&org.one("tasks").await).contains("Write to [EMAIL_1]."));
    org.world.redaction(json!({ "notes": "original" })).await;
    org.world.session_with("s-2", ana(), &saying("Write to [EMAIL_1].")).await;
    org.world.sync("s-2", "salesforce").await.unwrap();
    assert!(description(&org.all("tasks").await[1]).contains(SAID));
}
