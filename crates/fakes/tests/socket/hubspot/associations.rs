use reqwest::Method;
use serde_json::{Value, json};

use super::{OBJECTS, Portal, start};

#[tokio::test]
async fn the_versions_differ_only_in_where_their_name_stands() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let body = json!({"properties": {"email": "ana@example.com"}});
    let (status, created) = portal.call(Method::POST, "/crm/v3/objects/contacts", body).await;
    assert_eq!(status, 201);
    let id = created["id"].as_str().unwrap();
    for path in [format!("/crm/objects/2026-03/contacts/{id}"), format!("/crm/v3/objects/0-1/{id}")] {
        assert_eq!(portal.call(Method::GET, &path, Value::Null).await.1["id"], id, "{path}");
    }
    assert_eq!(portal.call(Method::GET, "/crm/v3/objects/planets/1", Value::Null).await.0, 400);
    assert_eq!(portal.call(Method::GET, "/crm/v3/pipelines/deals", Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_note_and_its_contact_are_associated_from_either_end() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let contact = portal.contact_id("ana@example.com").await;
    let listed = async || {
        let (_, page) = portal
            .call(Method::GET, &format!("/crm/v4/objects/contact/{contact}/associations/note"), Value::Null)
            .await;
        let results = page["results"].as_array().unwrap().iter();
        results
            .map(|one| (one["toObjectId"].to_string(), one["associationTypes"][0]["typeId"].clone()))
            .collect::<Vec<_>>()
    };
    let mut expected = Vec::new();
    for from_note in [true, false] {
        let note = portal.post("notes", json!({"properties": {"hs_timestamp": "1795341600000"}})).await.1["id"].clone();
        let note = note.as_str().unwrap();
        assert_eq!(listed().await, expected);
        let path = match from_note {
            true => format!("/crm/v4/objects/note/{note}/associations/default/contact/{contact}"),
            false => format!("{OBJECTS}/contacts/{contact}/associations/default/notes/{note}"),
        };
        for _ in 0..2 {
            let (status, body) = portal.call(Method::PUT, &path, Value::Null).await;
            let types = body["results"].as_array().unwrap().iter();
            let types = types.map(|one| one["associationSpec"]["associationTypeId"].clone()).collect::<Vec<_>>();
            assert_eq!((status, types), (200, vec![json!(202), json!(201)]));
        }
        expected.push((note.to_owned(), json!(201)));
        assert_eq!(listed().await, expected);
    }
    for (method, path, status) in [
        (Method::PUT, format!("{OBJECTS}/notes/1/associations/default/contacts/{contact}"), 404),
        (Method::PUT, format!("{OBJECTS}/contacts/{contact}/associations/default/contacts/{contact}"), 400),
        (Method::GET, format!("{OBJECTS}/contacts/1/associations/notes"), 404),
        (Method::DELETE, format!("{OBJECTS}/contacts/{contact}/associations/notes/1"), 404),
    ] {
        assert_eq!(portal.call(method.clone(), &path, Value::Null).await.0, status, "{method} {path}");
    }
}

#[tokio::test]
async fn records_are_read_in_a_batch_and_those_that_are_missing_are_named() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let id = portal.contact_id("ana@example.com").await;
    let read = |body: Value| portal.post("contacts/batch/read", body);
    let (status, body) = read(json!({"properties": ["email", "phone"], "inputs": [{ "id": id }]})).await;
    assert_eq!((status, &body["results"][0]["properties"]["email"]), (200, &json!("ana@example.com")));
    assert_eq!(body["results"][0]["properties"]["phone"], Value::Null);
    let (status, body) = read(json!({"inputs": [{"id": id}, {"id": "7"}]})).await;
    assert_eq!((status, &body["results"][0]["id"]), (207, &json!(id)));
    assert_eq!(body["errors"][0]["context"]["ids"], json!(["7"]));
    assert_eq!(portal.post("contacts/search", json!({})).await.0, 404, "our clients do not search");
}
