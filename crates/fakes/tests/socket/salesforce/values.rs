use reqwest::Method;
use serde_json::{Value, json};

use super::{Org, answer, refusal, start};

#[tokio::test]
async fn required_fields_are_named_when_they_are_missing() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let (status, lead) = org.post("Lead", json!({"Email": "ana@example.com", "LastName": "  "})).await;
    assert_eq!((status, &lead[0]["errorCode"]), (400, &json!("REQUIRED_FIELD_MISSING")));
    assert_eq!(lead[0]["fields"], json!(["LastName", "Company"]));
    assert_eq!(lead[0]["message"], "Required fields are missing: [LastName, Company]");
    assert_eq!(org.post("Contact", json!({})).await.1[0]["fields"], json!(["LastName"]));
    org.make("Task", json!({})).await;
    let id = org.make("Contact", json!({"LastName": "Diaz"})).await;
    let cleared = org.patch(&format!("Contact/{id}"), json!({"LastName": null})).await;
    assert_eq!(refusal(&cleared), (400, "REQUIRED_FIELD_MISSING"));
}

#[tokio::test]
async fn impossible_values_are_refused_with_the_field() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.define(json!({"object": "Task", "name": "Mood__c", "type": "picklist", "values": ["good", "bad"]})).await;
    for (object, field, value, code) in [
        ("Contact", "Email", json!("ana@nowhere"), "INVALID_EMAIL_ADDRESS"),
        ("Contact", "FirstName", json!("x".repeat(41)), "STRING_TOO_LONG"),
        ("Task", "Subject", json!("x".repeat(256)), "STRING_TOO_LONG"),
        ("Task", "Description", json!("x".repeat(32_001)), "STRING_TOO_LONG"),
        ("Task", "Description", json!("\u{1f642}".repeat(16_001)), "STRING_TOO_LONG"),
        ("Task", "Mood__c", json!("Good"), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Task", "TaskSubtype", json!("Chat"), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Task", "IsClosed", json!(true), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Lead", "IsConverted", json!(true), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Contact", "CreatedDate", json!("2026-01-01T00:00:00Z"), "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ] {
        let required = if object == "Task" { json!({}) } else { json!({"LastName": "Diaz"}) };
        let mut body = required;
        if object == "Lead" {
            body["Company"] = json!("Acme");
        }
        body[field] = value;
        let answered = org.post(object, body).await;
        assert_eq!(refusal(&answered), (400, code), "{field}");
        assert_eq!(answered.1[0]["fields"], json!([field]));
    }
    let state = org.state().await;
    assert_eq!((&state["contacts"], &state["leads"], &state["tasks"]), (&json!([]), &json!([]), &json!([])));
}

#[tokio::test]
async fn texts_of_the_greatest_length_and_open_picklists_are_taken() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let body = json!({"Subject": "ü".repeat(255), "Description": "x".repeat(32_000), "Status": "Done", "Priority": "Urgent",
                      "ActivityDate": "2026-11-22"});
    org.make("Task", body).await;
    org.define(json!({"object": "Task", "name": "Status", "values": ["Open", "Completed"]})).await;
    let refused = org.post("Task", json!({"Status": "Done"})).await;
    assert_eq!(refusal(&refused), (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"));
    let id = org.make("Task", json!({"Status": "Completed"})).await;
    let task = org.get(&format!("/sobjects/Task/{id}")).await.1;
    assert_eq!((&task["IsClosed"], &task["Priority"]), (&json!(true), &json!("Normal")));
}

#[tokio::test]
async fn an_unknown_field_is_an_invalid_field_of_its_object() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let (status, body) = org.post("Task", json!({"PostSession_Id__c": "s"})).await;
    let message = "No such column 'PostSession_Id__c' on sobject of type Task";
    assert_eq!((status, body), (400, json!([{"message": message, "errorCode": "INVALID_FIELD"}])));
    assert_eq!(refusal(&org.post("Task", json!({"Id": "00T000000000000"})).await), (400, "INVALID_FIELD"));
    assert_eq!(refusal(&org.post("Tasks", json!({})).await), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_body_that_does_not_fit_the_types_is_no_json_to_salesforce() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    for body in [
        json!({"ActivityDate": "22.11.2026"}),
        json!({"ActivityDate": "2026-11-22T10:00:00Z"}),
        json!({"Subject": 3}),
        json!({"IsReminderSet": "true"}),
        json!({"CallDurationInSeconds": 1.5}),
        json!({"Subject": {"text": "x"}}),
        json!([]),
    ] {
        assert_eq!(refusal(&org.post("Task", body.clone()).await), (400, "JSON_PARSER_ERROR"), "{body}");
    }
    let raw = |body: &'static str, kind: &'static str| {
        answer(org.request(Method::POST, "/sobjects/Task").header("content-type", kind).body(body))
    };
    assert_eq!(refusal(&raw("{", "application/json").await), (400, "JSON_PARSER_ERROR"));
    assert_eq!(refusal(&raw("", "application/json").await), (400, "JSON_PARSER_ERROR"));
    assert_eq!(refusal(&raw("{}", "text/plain").await), (415, "UNSUPPORTED_MEDIA_TYPE"));
}

#[tokio::test]
async fn a_task_belongs_to_a_record_that_exists() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let contact = org.make("Contact", json!({"LastName": "Diaz"})).await;
    let gone = org.make("Contact", json!({"LastName": "Gone"})).await;
    org.delete(&format!("Contact/{gone}")).await;
    let task = org.make("Task", json!({"WhoId": contact, "OwnerId": "005000000000001"})).await;
    for (who, code) in [
        ("nobody", "MALFORMED_ID"),
        (&*format!("{}AAB", &contact[..15]), "MALFORMED_ID"),
        (&*task, "FIELD_INTEGRITY_EXCEPTION"),
        ("003000000000000", "INVALID_CROSS_REFERENCE_KEY"),
        (&*gone, "ENTITY_IS_DELETED"),
    ] {
        assert_eq!(refusal(&org.post("Task", json!({"WhoId": who})).await), (400, code), "{who}");
    }
}

#[tokio::test]
async fn a_converted_lead_is_a_contact_who_has_its_tasks_and_it_takes_no_more() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let lead = org.make("Lead", json!({"LastName": "Diaz", "Company": "Acme", "Email": "ana@example.com"})).await;
    org.make("Task", json!({"WhoId": lead})).await;
    let path = format!("/_orgs/3MVG1/converted/{lead}");
    fake.control.set(&path, Value::Null).await.unwrap();
    let state = org.state().await;
    let (contact, fields) = (&state["contacts"][0], &state["leads"][0]["fields"]);
    assert_eq!(contact["fields"]["Email"], "ana@example.com");
    assert_eq!((&fields["IsConverted"], &fields["ConvertedContactId"]), (&json!(true), &contact["id"]));
    assert_eq!(state["tasks"][0]["fields"]["WhoId"], contact["id"]);
    let code = "CANNOT_UPDATE_CONVERTED_LEAD";
    assert_eq!(refusal(&org.patch(&format!("Lead/{lead}"), json!({"Phone": "1"})).await), (400, code));
    assert_eq!(refusal(&org.post("Task", json!({"WhoId": lead})).await), (400, code));
    assert!(fake.control.set(&path, Value::Null).await.is_err());
}
