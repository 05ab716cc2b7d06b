use reqwest::Method;
use serde_json::{Value, json};

use super::{DATA, Org, refusal, start};

#[tokio::test]
async fn an_upsert_makes_a_record_once_and_changes_it_after() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.define_key().await;
    let path = "Task/PostSession_Id__c/t%2F1%20a";
    let (status, made) = org.patch(path, json!({"Subject": "one", "Description": "text"})).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!((status, &made), (201, &json!({"id": id, "success": true, "errors": [], "created": true})));
    let (status, changed) = org.patch(path, json!({"Subject": "two"})).await;
    assert_eq!((status, &changed), (200, &json!({"id": id, "success": true, "errors": [], "created": false})));
    let tasks = org.state().await["tasks"].clone();
    assert_eq!(tasks.as_array().unwrap().len(), 1);
    let fields = &tasks[0]["fields"];
    assert_eq!((&fields["Subject"], &fields["Description"]), (&json!("two"), &json!("text")));
    assert_eq!(fields["PostSession_Id__c"], "t/1 a");

    let (status, read) = org.get(&format!("/sobjects/{path}")).await;
    assert_eq!((status, &read["Id"]), (200, &json!(id)));
    assert_eq!(refusal(&org.get("/sobjects/Task/PostSession_Id__c/other").await), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn an_upsert_whose_answer_was_lost_is_repeated_without_a_second_record() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.define_key().await;
    fake.control.fault(json!({"match": "PATCH Task 3MVG1", "drop_after": true})).await.unwrap();
    let upsert = || org.request(Method::PATCH, "/sobjects/Task/PostSession_Id__c/s-1").json(&json!({"Subject": "one"}));
    assert!(upsert().send().await.is_err());
    assert_eq!(upsert().send().await.unwrap().status(), 200);
    assert_eq!(org.state().await["tasks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_value_that_several_have_is_answered_with_all_of_them_and_changes_none() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.define(json!({"object": "Task", "name": "Session__c", "externalId": true})).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(org.make("Task", json!({"Session__c": "s-1", "Subject": "old"})).await);
    }
    let urls = ids.iter().map(|id| format!("{DATA}/sobjects/Task/{id}")).collect::<Vec<_>>();
    assert_eq!(org.patch("Task/Session__c/S-1", json!({"Subject": "new"})).await, (300, json!(urls)));
    assert_eq!(org.get("/sobjects/Task/Session__c/s-1").await, (300, json!(urls)));
    let tasks = org.state().await["tasks"].clone();
    assert!(tasks.as_array().unwrap().iter().all(|task| task["fields"]["Subject"] == "old"));
}

#[tokio::test]
async fn a_field_that_is_no_external_id_names_no_record() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.define(json!({"object": "Task", "name": "Plain__c"})).await;
    for field in ["PostSession_Id__c", "Plain__c", "Subject"] {
        let answered = org.patch(&format!("Task/{field}/s-1"), json!({"Priority": "Low"})).await;
        assert_eq!(refusal(&answered), (404, "NOT_FOUND"), "{field}");
        assert!(answered.1[0]["message"].as_str().unwrap().ends_with(field));
    }
}

#[tokio::test]
async fn the_external_id_of_the_url_must_not_be_in_the_body() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.define_key().await;
    for name in ["PostSession_Id__c", "Id"] {
        let answered = org.patch("Task/PostSession_Id__c/s-1", json!({ name: "s-1" })).await;
        assert_eq!(refusal(&answered), (400, "INVALID_FIELD"));
        let message = format!("The {name} field should not be specified in the sobject data.");
        assert_eq!(answered.1[0]["message"], message);
    }
    assert_eq!(org.state().await["tasks"], json!([]));
}

#[tokio::test]
async fn a_unique_value_is_taken_once_in_any_case_and_the_refusal_names_the_other_record() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.define_key().await;
    let id = org.make("Task", json!({"PostSession_Id__c": "s-1"})).await;
    let taken = org.post("Task", json!({"PostSession_Id__c": "S-1"})).await;
    assert_eq!(refusal(&taken), (400, "DUPLICATE_VALUE"));
    assert!(taken.1[0]["message"].as_str().unwrap().ends_with(&id));
    let other = org.make("Task", json!({"PostSession_Id__c": "s-2"})).await;
    assert_eq!(
        refusal(&org.patch(&format!("Task/{other}"), json!({"PostSession_Id__c": "s-1"})).await).1,
        "DUPLICATE_VALUE"
    );
    assert_eq!(org.patch(&format!("Task/{id}"), json!({"PostSession_Id__c": "s-1"})).await.0, 204);
    org.define(json!({"object": "Task", "name": "Exact__c", "unique": true, "caseSensitive": true})).await;
    org.make("Task", json!({"Exact__c": "s-1"})).await;
    org.make("Task", json!({"Exact__c": "S-1"})).await;
}

#[tokio::test]
async fn a_person_can_be_upserted_by_address() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let path = "Contact/Email/ana%40example.com";
    assert_eq!(org.patch(path, json!({"LastName": "Diaz"})).await.0, 201);
    assert_eq!(org.patch(path, json!({"FirstName": "Ana"})).await.0, 200);
    assert_eq!(org.state().await["contacts"][0]["fields"]["Name"], "Ana Diaz");
}

#[tokio::test]
async fn a_record_is_read_changed_and_removed_by_either_form_of_its_id() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let id = org.make("Contact", json!({"LastName": "Diaz", "Phone": "1"})).await;
    assert_eq!((id.len(), &id[..3]), (18, "003"));
    let path = format!("Contact/{}", &id[..15]);
    assert_eq!(org.patch(&path, json!({"FirstName": "Ana", "Phone": ""})).await, (204, Value::Null));
    let (status, read) = org.get(&format!("/sobjects/{path}?fields=Name,Phone")).await;
    let attributes = json!({"type": "Contact", "url": format!("{DATA}/sobjects/Contact/{id}")});
    assert_eq!((status, read), (200, json!({"attributes": attributes, "Id": id, "Name": "Ana Diaz", "Phone": null})));
    assert_eq!(refusal(&org.get(&format!("/sobjects/{path}?fields=Nme")).await), (400, "INVALID_FIELD"));
    assert_eq!(org.get(&format!("/sobjects/{path}")).await.1["LastName"], "Diaz");

    assert_eq!(org.delete(&path).await, (204, Value::Null));
    assert_eq!(refusal(&org.get(&format!("/sobjects/{path}")).await), (404, "NOT_FOUND"));
    assert_eq!(refusal(&org.patch(&path, json!({"Phone": "2"})).await), (404, "ENTITY_IS_DELETED"));
    assert_eq!(refusal(&org.delete(&path).await), (404, "ENTITY_IS_DELETED"));
    assert_eq!(org.state().await["contacts"], json!([]));
}

#[tokio::test]
async fn unknown_ids_wrong_objects_and_other_texts_have_codes_of_their_own() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let lead = org.make("Lead", json!({"LastName": "Diaz", "Company": "Acme"})).await;
    for (id, changing, reading) in
        [("003000000000000", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"), ("nothing", "NOT_FOUND", "NOT_FOUND")]
    {
        assert_eq!(refusal(&org.patch(&format!("Contact/{id}"), json!({})).await), (404, changing), "{id}");
        assert_eq!(refusal(&org.delete(&format!("Contact/{id}")).await), (404, changing), "{id}");
        assert_eq!(refusal(&org.get(&format!("/sobjects/Contact/{id}")).await), (404, reading), "{id}");
    }
    assert_eq!(refusal(&org.patch(&format!("Contact/{lead}"), json!({})).await), (400, "MALFORMED_ID"));
}
