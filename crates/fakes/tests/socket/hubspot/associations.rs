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
async fn a_note_and_its_contact_are_tied_from_either_end_and_untied() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let contact = portal.contact_id("ana@example.com").await;
    let body = json!({"properties": {"hs_timestamp": "1795341600000"}});
    let note = portal.post("notes", body).await.1["id"].as_str().unwrap().to_owned();
    let v4 = "/crm/v4/objects";
    let from_contact = format!("{v4}/contact/{contact}/associations/note");
    let from_note = format!("{v4}/note/{note}/associations/contact");
    let tied = async || {
        let (_, notes) = portal.call(Method::GET, &from_contact, Value::Null).await;
        let (_, contacts) = portal.call(Method::GET, &from_note, Value::Null).await;
        let first = |page: &Value| page["results"][0]["toObjectId"].to_string();
        let kind = |page: &Value| page["results"][0]["associationTypes"][0]["typeId"].clone();
        (first(&notes) == note, first(&contacts) == contact, kind(&notes), kind(&contacts))
    };
    let yes = (true, true, json!(201), json!(202));
    let no = (false, false, Value::Null, Value::Null);
    let types = |id: u32| json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": id}]);
    for (method, path, body, status) in [
        (Method::PUT, format!("{from_contact}/{note}"), types(202), 400),
        (Method::PUT, format!("{from_contact}/{note}"), types(201), 201),
        (Method::DELETE, format!("{from_note}/{contact}"), Value::Null, 204),
        (Method::PUT, format!("{from_note}/{contact}"), types(202), 201),
        (Method::DELETE, format!("{from_contact}/{note}"), Value::Null, 204),
        (Method::PUT, format!("{v4}/contacts/{contact}/associations/default/notes/{note}"), Value::Null, 200),
        (Method::PUT, format!("{from_note}/1"), types(202), 404),
    ] {
        assert_eq!(portal.call(method.clone(), &path, body).await.0, status, "{method} {path}");
        let expected = if status == 204 || status == 400 { &no } else { &yes };
        assert_eq!(&tied().await, expected, "after {method} {path}");
    }
    assert_eq!(portal.call(Method::GET, &format!("{OBJECTS}/contacts/1/associations/notes"), Value::Null).await.0, 404);
}
