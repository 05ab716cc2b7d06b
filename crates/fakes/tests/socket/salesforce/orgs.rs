use reqwest::Method;
use serde_json::{Value, json};

use super::{DATA, Org, refusal, start};

/// A request that every session may make.
async fn session(org: &Org<'_>) -> (u16, Value) {
    org.get("/sobjects/Lead/describe").await
}

#[tokio::test]
async fn orgs_of_different_consumer_keys_do_not_see_each_other() {
    let fake = start().await;
    let (one, two) = (Org::open(&fake, "3MVG1").await, Org::open(&fake, "3MVG2").await);
    let id = one.make("Lead", json!({"LastName": "Diaz", "Company": "Acme"})).await;
    one.define_key().await;
    assert_eq!(two.get(&format!("/sobjects/Lead/{id}")).await.0, 404);
    assert_eq!(two.state().await["leads"], json!([]));
    assert_eq!(two.post("Task", json!({"PostSession_Id__c": "s"})).await.0, 400);

    two.make("Lead", json!({"LastName": "Bell", "Company": "Acme"})).await;
    let leads = one.state().await["leads"].clone();
    assert_eq!((leads.as_array().unwrap().len(), &leads[0]["id"]), (1, &json!(id)));
    assert_eq!((&leads[0]["client_id"], &leads[0]["fields"]["Name"]), (&json!("3MVG1"), &json!("Diaz")));
    assert_eq!(fake.control.state("Bell").await.unwrap()["leads"][0]["client_id"], "3MVG2");
    assert_eq!(fake.control.state("Acme").await.unwrap()["leads"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_session_that_is_not_known_or_was_revoked_is_expired() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    assert_eq!(session(&org).await.0, 200);
    fake.control.delete("/_orgs/3MVG1/tokens").await.unwrap();
    let revoked = session(&org).await;
    assert_eq!(revoked.1, json!([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]));
    let nobody = reqwest::get(format!("{}{DATA}/sobjects/Lead/describe", fake.base_url)).await.unwrap();
    assert_eq!((revoked.0, nobody.status().as_u16()), (401, 401));
    let again = Org::open(&fake, "3MVG1").await;
    assert_eq!(session(&again).await.0, 200);
    assert_eq!(again.state().await["tokens_issued"], 2);
}

#[tokio::test]
async fn an_org_that_is_emptied_is_as_new() {
    let fake = start().await;
    let (org, other) = (Org::open(&fake, "3MVG1").await, Org::open(&fake, "3MVG2").await);
    org.define_key().await;
    org.make("Task", json!({"PostSession_Id__c": "s-1"})).await;
    other.make("Task", json!({"Subject": "stays"})).await;
    fake.control.delete("/_state?client_id=3MVG1").await.unwrap();
    assert_eq!(refusal(&session(&org).await), (401, "INVALID_SESSION_ID"));
    let org = Org::open(&fake, "3MVG1").await;
    assert_eq!(org.state().await["tasks"], json!([]));
    assert_eq!(refusal(&org.post("Task", json!({"PostSession_Id__c": "s-1"})).await), (400, "INVALID_FIELD"));
    assert_eq!(other.state().await["tasks"].as_array().unwrap().len(), 1);
    fake.control.delete("/_state").await.unwrap();
    assert_eq!(other.state().await["tasks"], json!([]));
}

#[tokio::test]
async fn what_a_user_may_not_make_or_see_is_described_so_and_refused() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.set(json!({"not_createable": ["Lead"], "hidden": ["Task"]})).await;
    assert_eq!(org.get("/sobjects/Lead/describe").await.1["createable"], false);
    assert_eq!(org.get("/sobjects/Contact/describe").await.1["createable"], true);
    let lead = org.post("Lead", json!({"LastName": "Diaz", "Company": "Acme"})).await;
    assert_eq!(refusal(&lead), (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"));
    assert_eq!(org.get("/sobjects/Task/describe").await.0, 404);
}

#[tokio::test]
async fn every_answer_shows_the_days_requests_and_the_limit_holds() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.set(json!({"daily_limit": 2})).await;
    let usage = async || {
        let answer = org.request(Method::GET, "/sobjects/Lead/00Q000000000000").send().await.unwrap();
        let usage = answer.headers()["sforce-limit-info"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), usage, answer.json::<Value>().await.unwrap())
    };
    assert_eq!(usage().await.1, "api-usage=1/2");
    assert_eq!(usage().await.1, "api-usage=2/2");
    let (status, usage, body) = usage().await;
    assert_eq!((status, usage.as_str()), (403, "api-usage=2/2"));
    assert_eq!(body, json!([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]));
    assert_eq!(org.state().await["requests"], 2);
    org.set(json!({"daily_limit": null})).await;
    assert_eq!(session(&org).await.0, 200);
}

#[tokio::test]
async fn objects_and_fields_are_described() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let named = |name: &'static str| move |object: &Value| object["name"] == name;
    let describe = async |object: &str, name: &'static str| {
        let (_, described) = org.get(&format!("/sobjects/{object}/describe")).await;
        described["fields"].as_array().unwrap().iter().find(|field| named(name)(field)).cloned()
    };
    assert_eq!(describe("Task", "PostSession_Id__c").await, None);
    org.define_key().await;
    let key = describe("Task", "PostSession_Id__c").await.unwrap();
    assert_eq!((&key["type"], &key["length"]), (&json!("string"), &json!(255)));
    for yes in ["externalId", "unique", "createable", "updateable", "nillable", "custom", "idLookup"] {
        assert_eq!(key[yes], true, "{yes}");
    }
    let name = describe("lead", "LastName").await.unwrap();
    assert_eq!((&name["nillable"], &name["externalId"], &name["length"]), (&json!(false), &json!(false), &json!(80)));
    assert_eq!(describe("Lead", "IsConverted").await.unwrap()["updateable"], false);
    let status = describe("Task", "Status").await.unwrap();
    let default = json!({"active": true, "defaultValue": true, "label": "Not Started", "value": "Not Started"});
    assert_eq!(status["picklistValues"][0], default);
    assert_eq!(describe("Task", "WhoId").await.unwrap()["referenceTo"], json!(["Contact", "Lead"]));
    assert_eq!(refusal(&org.get("/sobjects/Nothing/describe").await), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn what_salesforce_does_not_have_is_not_found() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    assert_eq!(refusal(&org.get("/composite").await), (404, "NOT_FOUND"));
    let old = format!("{}/services/data/v99.0/sobjects/Lead/describe", fake.base_url);
    let request = reqwest::Client::new().get(old).bearer_auth(&org.token);
    assert_eq!(refusal(&super::answer(request).await), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_control_that_makes_no_sense_is_refused() {
    let fake = start().await;
    for (path, body) in [
        ("/_orgs/nobody", json!({})),
        ("/_orgs/3MVG1", json!({"typo": 1})),
        ("/_orgs/3MVG1", json!({"public_key": "no PEM"})),
        ("/_orgs/3MVG1", json!({"duplicate_rule": "perhaps"})),
        ("/_orgs/3MVG1/fields", json!({"object": "Task", "name": "Mine"})),
        ("/_orgs/3MVG1/fields", json!({"object": "Nothing", "name": "Mine__c"})),
        ("/_orgs/3MVG1/converted/00Q000000000000", json!(null)),
    ] {
        assert!(fake.control.set(path, body.clone()).await.is_err(), "{path} {body}");
    }
}

#[tokio::test]
async fn a_lock_that_is_not_had_is_a_fault_of_one_org_and_leaves_nothing() {
    let fake = start().await;
    let (one, two) = (Org::open(&fake, "3MVG1").await, Org::open(&fake, "3MVG2").await);
    let body = json!([{"message": "unable to obtain exclusive access to this record", "errorCode": "UNABLE_TO_LOCK_ROW",
                       "fields": []}]);
    fake.control.fault(json!({"match": "POST Task 3MVG1", "status": 400, "body": body})).await.unwrap();
    two.make("Task", json!({"Subject": "a"})).await;
    assert_eq!(refusal(&one.post("Task", json!({"Subject": "a"})).await), (400, "UNABLE_TO_LOCK_ROW"));
    assert_eq!(one.state().await["tasks"], json!([]));
    one.make("Task", json!({"Subject": "a"})).await;
}
