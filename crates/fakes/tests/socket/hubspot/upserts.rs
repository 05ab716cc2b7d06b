use reqwest::Method;
use serde_json::{Value, json};

use super::{OBJECTS, Portal, start};

const TIME: &str = "1795341600000";

fn note(key: &str, body: &str) -> Value {
    json!({"id": key, "idProperty": "conversation", "properties": {"hs_timestamp": TIME, "hs_note_body": body}})
}

#[tokio::test]
async fn a_note_is_upserted_by_a_unique_property_and_associated_after() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let contact = portal.contact_id("ana@example.com").await;
    let inputs = json!({"inputs": [note("s-1", "one")]});
    assert_eq!(portal.post("notes/batch/upsert", inputs.clone()).await.0, 400, "there is no such property");
    portal.define_unique("notes", "conversation").await;

    let (status, first) = portal.post("notes/batch/upsert", inputs.clone()).await;
    let (_, again) = portal.post("notes/batch/upsert", inputs).await;
    assert_eq!((status, &first["status"]), (200, &json!("COMPLETE")));
    assert_eq!((&first["results"][0]["new"], &again["results"][0]["new"]), (&json!(true), &json!(false)));
    assert_eq!(first["results"][0]["id"], again["results"][0]["id"]);
    let id = again["results"][0]["id"].as_str().unwrap();
    let path = format!("{OBJECTS}/notes/{id}/associations/default/contacts/{contact}");
    for _ in 0..2 {
        assert_eq!(portal.call(Method::PUT, &path, Value::Null).await.0, 200);
    }
    let state = portal.state().await;
    assert_eq!((state["notes"].as_array().unwrap().len(), &state["notes"][0]["contact_ids"]), (1, &json!([contact])));

    let (status, found) = portal.get("notes/s-1?idProperty=conversation&properties=hs_note_body").await;
    assert_eq!((status, &found["id"], &found["properties"]["hs_note_body"]), (200, &json!(id), &json!("one")));
    assert_eq!(portal.get("notes/s-2?idProperty=conversation").await.0, 404);
    assert_eq!(portal.get("notes/one?idProperty=hs_note_body").await.0, 400);
    assert_eq!(portal.patch("notes/s-1?idProperty=conversation", json!({"hs_note_body": "two"})).await.0, 200);
}

#[tokio::test]
async fn an_upsert_writes_all_or_nothing() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    portal.define_unique("notes", "conversation").await;
    portal.define_unique("notes", "call").await;
    let mut with_associations = note("s-2", "two");
    with_associations["associations"] = json!([]);
    let by_body = json!({"id": "two", "idProperty": "hs_note_body", "properties": {"hs_timestamp": TIME}});
    let mut without_time = note("s-2", "two");
    without_time["properties"] = json!({});
    let [one, of_another] = ["s-1", "s-2"].map(|key| {
        let mut note = note(key, "text");
        note["properties"]["call"] = json!("c-1");
        note
    });
    for bad in [with_associations, by_body, without_time, of_another, note("s-1", "again"), json!("s-2")] {
        let (status, body) = portal.post("notes/batch/upsert", json!({"inputs": [one, bad]})).await;
        assert_eq!((status, &body["category"]), (400, &json!("VALIDATION_ERROR")), "{bad}");
    }
    assert_eq!(portal.state().await["notes"], json!([]));
}

#[tokio::test]
async fn a_unique_value_is_taken_once_however_it_is_written() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    for object in ["notes", "contacts"] {
        portal.define_unique(object, "conversation").await;
    }
    let new = |email: &str| json!({"email": email, "hs_timestamp": TIME, "conversation": "s-1"});
    let of = |object: &str, email: &str| {
        let mut properties = new(email);
        properties.as_object_mut().unwrap().remove(if object == "notes" { "email" } else { "hs_timestamp" });
        json!({ "properties": properties })
    };
    for object in ["notes", "contacts"] {
        let (status, first) = portal.post(object, of(object, "a@example.com")).await;
        assert_eq!(status, 201, "{first}");
        let (status, body) = portal.post(object, of(object, "b@example.com")).await;
        assert_eq!((status, &body["category"]), (400, &json!("VALIDATION_ERROR")));
        let error = &body["errors"][0];
        assert_eq!(
            (&error["code"], &error["context"]["propertyName"]),
            (&json!("CONFLICTING_UNIQUE_VALUE"), &json!(["conversation"]))
        );
        assert_eq!(error["message"], format!("{} already has that value.", first["id"].as_str().unwrap()));

        let mut other = of(object, "b@example.com");
        other["properties"]["conversation"] = json!("s-2");
        let id = portal.post(object, other).await.1["id"].as_str().unwrap().to_owned();
        assert_eq!(portal.patch(&format!("{object}/{id}"), json!({"conversation": "s-1"})).await.0, 400);
        assert_eq!(portal.patch(&format!("{object}/{id}"), json!({"conversation": "s-2"})).await.0, 200);
        assert_eq!(portal.patch(&format!("{object}/{id}"), json!({"conversation": ""})).await.0, 200);
    }
}

#[tokio::test]
async fn an_upsert_can_be_set_not_to_work_as_promised() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    portal.define_unique("notes", "conversation").await;
    portal.set("quirks", json!({"upsert_ignores_key": true})).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (status, body) = portal.post("notes/batch/upsert", json!({"inputs": [note("s-1", "one")]})).await;
        assert_eq!((status, &body["results"][0]["new"]), (200, &json!(true)));
        ids.push(body["results"][0]["id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    portal.set("quirks", json!({})).await;
    let (_, body) = portal.post("notes/batch/upsert", json!({"inputs": [note("s-1", "one")]})).await;
    assert_eq!((&body["results"][0]["new"], &body["results"][0]["id"]), (&json!(false), &ids[0]));
}
