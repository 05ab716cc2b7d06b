use reqwest::Method;
use serde_json::{Value, json};

use super::{DATA, Org, answer, refusal, start};

fn ana(object: &str) -> Value {
    match object {
        "Lead" => json!({"LastName": "Diaz", "Company": "Acme", "Email": "Ana@example.com"}),
        _ => json!({"LastName": "Diaz", "Email": "Ana@example.com"}),
    }
}

#[tokio::test]
async fn without_a_rule_two_may_have_one_address() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.make("Contact", ana("Contact")).await;
    org.make("Contact", ana("Contact")).await;
}

#[tokio::test]
async fn a_duplicate_is_answered_with_the_record_it_duplicates() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.set(json!({"duplicate_rule": "alert"})).await;
    let id = org.make("Contact", json!({"LastName": "Diaz", "Email": "ana@EXAMPLE.com"})).await;
    let (status, body) = org.post("Contact", ana("Contact")).await;
    let record = json!({"attributes": {"type": "Contact", "url": format!("{DATA}/sobjects/Contact/{id}")}, "Id": id});
    let found = json!({"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record});
    let results = json!([{
        "entityType": "Contact", "errors": [], "matchEngine": "FuzzyMatchEngine", "matchRecords": [found],
        "rule": "Standard_Contact_Match_Rule_v1_1", "size": 1, "success": true,
    }]);
    let result = json!({
        "allowSave": true, "duplicateRule": "Standard_Contact_Duplicate_Rule", "duplicateRuleEntityType": "Contact",
        "errorMessage": "Use one of these records?", "matchResults": results,
    });
    let message = "Use one of these records?";
    let expected = json!([{"duplicateResut": result, "errorCode": "DUPLICATES_DETECTED", "message": message}]);
    assert_eq!((status, body), (400, expected));
    org.set(json!({"duplicate_result": true})).await;
    let (_, body) = org.post("Contact", ana("Contact")).await;
    assert_eq!((&body[0]["duplicateResult"], &body[0]["duplicateResut"]), (&result, &Value::Null));
    assert_eq!(org.state().await["contacts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_lead_duplicates_a_contact_too_and_an_upsert_is_a_creation() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.define(json!({"object": "Lead", "name": "Key__c", "externalId": true})).await;
    org.make("Contact", ana("Contact")).await;
    org.make("Lead", ana("Lead")).await;
    org.set(json!({"duplicate_rule": "block"})).await;
    let (status, body) = org.patch("Lead/Key__c/k", ana("Lead")).await;
    assert_eq!((status, &body[0]["errorCode"]), (400, &json!("DUPLICATES_DETECTED")));
    let results = body[0]["duplicateResut"]["matchResults"].as_array().unwrap();
    assert_eq!(results.iter().map(|result| &result["entityType"]).collect::<Vec<_>>(), ["Contact", "Lead"]);
    org.make("Lead", json!({"LastName": "Diaz", "Company": "Acme"})).await;
    org.make("Lead", json!({"LastName": "Bell", "Company": "Acme", "Email": "bob@example.com"})).await;
}

#[tokio::test]
async fn the_header_saves_past_an_alert_but_not_past_a_block_and_is_counted() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.make("Contact", ana("Contact")).await;
    let forced = async || {
        let request = org.request(Method::POST, "/sobjects/Contact").json(&ana("Contact"));
        answer(request.header("Sforce-Duplicate-Rule-Header", "allowSave=true")).await
    };
    assert_eq!(org.state().await["allow_saves"], 0);
    org.set(json!({"duplicate_rule": "block"})).await;
    let blocked = forced().await;
    assert_eq!(refusal(&blocked), (400, "DUPLICATES_DETECTED"));
    assert_eq!(blocked.1[0]["duplicateResut"]["allowSave"], false);
    org.set(json!({"duplicate_rule": "alert"})).await;
    assert_eq!(forced().await.0, 201);
    assert_eq!(org.state().await["allow_saves"], 2);
}
