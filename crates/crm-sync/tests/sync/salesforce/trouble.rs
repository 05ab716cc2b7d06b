//! Refusals of Salesforce, and their consequences.

use std::time::Duration;

use connectors::reason::DAILY_LIMIT_WAIT;
use domain::step::Code;
use serde_json::{Value, json};
use stage::{Failure, Outcome, error_chain};

use super::{KEY, Org};
use crate::world::{WAITS_FOR_ADMIN, ana};

fn error(code: &str) -> Value {
    json!([{ "message": "about ana+crm@example.com", "errorCode": code, "fields": [] }])
}

#[tokio::test]
async fn a_session_that_has_expired_is_opened_again_once() {
    let org = Org::new().await;
    for id in ["s-1", "s-2"] {
        org.world.session(id, ana()).await;
    }
    org.world.sync("s-1", "salesforce").await.unwrap();
    let issued = org.state().await["tokens_issued"].as_u64().unwrap();
    org.fake.control.delete(&format!("/_orgs/{KEY}/tokens")).await.unwrap();
    assert_eq!(org.world.sync("s-2", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.state().await["tokens_issued"], issued + 1);

    org.world.session("s-3", ana()).await;
    org.fault(json!({ "match": "GET query", "status": 401, "body": error("INVALID_SESSION_ID"), "times": 9 })).await;
    let before = org.calls().await.len();
    assert_eq!(org.world.sync("s-3", "salesforce").await.unwrap(), WAITS_FOR_ADMIN);
    assert_eq!(org.calls().await.len() - before, 3, "asked, a token, asked again");
    assert_eq!(org.world.disabled("salesforce").await.0, "unauthorized");
}

#[tokio::test]
async fn a_locked_record_is_tried_again_soon() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    org.fault(json!({ "match": "PATCH Task", "status": 400, "body": error("UNABLE_TO_LOCK_ROW") })).await;
    let outcome = org.world.sync("s-1", "salesforce").await.unwrap();
    let soon = |after| after <= Duration::from_secs(5);
    assert!(matches!(outcome, Outcome::Retry { after: Some(after), .. } if soon(after)), "{outcome:?}");
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), Outcome::Done);
    assert_eq!(org.counts().await, [0, 1, 1]);
}

#[tokio::test]
async fn the_limit_of_the_day_is_waited_for_and_costs_no_delivery() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    org.set(json!({ "daily_limit": 1 })).await;
    let waits = Outcome::Wait { after: DAILY_LIMIT_WAIT, code: Code::new("daily_limit") };
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), waits);
    // Others are not even asked for.
    org.fake.control.clear().await.unwrap();
    org.world.session("s-2", ana()).await;
    let outcome = org.world.sync("s-2", "salesforce").await.unwrap();
    assert!(matches!(outcome, Outcome::Wait { .. }), "{outcome:?}");
    assert!(org.calls().await.is_empty());
}

#[tokio::test]
async fn too_many_requests_are_waited_for_as_long_as_is_said() {
    let concurrent = json!([{ "errorCode": "REQUEST_LIMIT_EXCEEDED",
        "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded." }]);
    for (status, body, headers, wait) in [
        (429, json!(null), json!({ "retry-after": "7" }), 7),
        (420, json!(null), json!({}), 10),
        (403, concurrent, json!({}), 10),
    ] {
        let org = Org::new().await;
        org.world.session("s-1", ana()).await;
        org.fault(json!({ "match": "GET query", "status": status, "body": body, "headers": headers })).await;
        let waits = Outcome::Wait { after: Duration::from_secs(wait), code: Code::new("rate_limited") };
        assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap(), waits, "{status}");
    }
}

#[tokio::test]
async fn what_is_refused_for_good_fails_this_session_only() {
    let org = Org::new().await;
    for (n, (status, code, ours)) in [
        (403, "API_DISABLED_FOR_ORG", "forbidden"),
        (400, "INSUFFICIENT_ACCESS_OR_READONLY", "forbidden"),
        (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "rejected"),
        (400, "INVALID_FIELD", "field_refused"),
        (400, "REQUIRED_FIELD_MISSING", "field_required"),
        (404, "NOT_FOUND", "not_found"),
        (501, "X", "rejected"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("s-{n}");
        org.world.session(&id, ana()).await;
        org.fault(json!({ "match": "PATCH Task", "status": status, "body": error(code) })).await;
        let refused = org.world.sync(&id, "salesforce").await.unwrap_err();
        assert_eq!((refused.code().as_str(), refused.is_retryable()), (ours, false), "{code}");
        let log = org.world.log(&id, "salesforce").await;
        assert!(log.error.unwrap().contains(code));
    }
    org.world.session("s-9", ana()).await;
    assert_eq!(org.world.sync("s-9", "salesforce").await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn an_unreadable_answer_creates_no_person() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    for body in [json!("<html>"), json!({}), json!({ "records": [{}] })] {
        org.fault(json!({ "match": "GET query", "status": 200, "body": body })).await;
        let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), ("unreadable_answer", true));
    }
    org.fault(json!({ "match": "GET query", "status": 204 })).await;
    assert_eq!(org.world.sync("s-1", "salesforce").await.unwrap_err().code().as_str(), "unreadable_answer");
    assert_eq!(org.counts().await, [0, 0, 0]);
}

#[tokio::test]
async fn no_error_repeats_an_address_or_a_token() {
    let org = Org::new().await;
    org.world.session("s-1", ana()).await;
    let address = "Ana+crm@example.com";
    let message = json!([{ "message": address, "errorCode": address, "fields": [address] }]);
    for fault in [
        json!({ "match": "GET query", "drop_before": true }),
        json!({ "match": "GET query", "status": 400, "body": message }),
        json!({ "match": "POST sobjects/Lead", "drop_before": true }),
        json!({ "match": "POST sobjects/Lead", "status": 400, "body": message }),
        json!({ "match": "PATCH Task", "status": 400, "body": message }),
        json!({ "match": "PATCH Task", "status": 200, "body": message }),
    ] {
        org.fault(fault.clone()).await;
        let error = org.world.sync("s-1", "salesforce").await.unwrap_err();
        no_content(&format!("{error:?} {}", error_chain(&error)), &fault);
        org.world.fix("salesforce").await;
    }
    org.fault(json!({ "match": "PATCH Task", "status": 400, "body": error("MALFORMED_QUERY") })).await;
    let error = error_chain(&org.world.sync("s-1", "salesforce").await.unwrap_err());
    assert_eq!(error, "CRM request failed: write the task: Salesforce answered with 400 MALFORMED_QUERY");
}

fn no_content(text: &str, fault: &Value) {
    for part in ["example.com", KEY, "hush", "127.0.0.1", "00D"] {
        assert!(!text.contains(part), "{fault}: {text}");
    }
}
