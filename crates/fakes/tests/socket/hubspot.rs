mod access;
mod associations;
mod limits;
mod properties;
mod upserts;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use fakes::{Running, hubspot};

const OBJECTS: &str = "/crm/objects/2026-03";

struct Portal<'a> {
    fake: &'a Running,
    token: &'a str,
}

impl Portal<'_> {
    async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.fake.base_url));
        let request = request.bearer_auth(self.token);
        let request = if body.is_null() { request } else { request.json(&body) };
        request.send().await.unwrap()
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let answer = self.send(method, path, body).await;
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, &format!("{OBJECTS}/{path}"), body).await
    }

    async fn patch(&self, path: &str, properties: Value) -> (u16, Value) {
        self.call(Method::PATCH, &format!("{OBJECTS}/{path}"), json!({ "properties": properties })).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, &format!("{OBJECTS}/{path}"), Value::Null).await
    }

    async fn set(&self, control: &str, setting: Value) {
        self.fake.control.set(&format!("/_{control}?token={}", self.token), setting).await.unwrap();
    }

    async fn state(&self) -> Value {
        let url = format!("{}/_state?token={}", self.fake.base_url, self.token);
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }

    /// Defines a text property whose values are unique.
    async fn define_unique(&self, object: &str, name: &str) {
        let property = json!({
            "groupName": "g", "name": name, "label": name, "type": "string", "fieldType": "text", "hasUniqueValue": true,
        });
        let (status, defined) = self.call(Method::POST, &format!("/crm/properties/2026-03/{object}"), property).await;
        assert_eq!((status, &defined["hasUniqueValue"]), (201, &json!(true)));
    }

    async fn contact(&self, properties: Value) -> (u16, Value) {
        self.post("contacts", json!({ "properties": properties, "associations": [] })).await
    }

    async fn contact_id(&self, email: &str) -> String {
        self.contact(json!({ "email": email })).await.1["id"].as_str().unwrap().to_owned()
    }

    async fn note(&self, contact: &str, properties: Value) -> (u16, Value) {
        let types = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]);
        let associations = json!([{"to": {"id": contact}, "types": types}]);
        self.post("notes", json!({ "properties": properties, "associations": associations })).await
    }
}

async fn start() -> Running {
    hubspot::start().await.unwrap()
}

#[tokio::test]
async fn a_request_without_a_known_token_is_unauthorized() {
    let fake = start().await;
    let (status, body) = Portal { fake: &fake, token: "wrong" }.get("contacts/1").await;
    assert_eq!((status, &body["status"], &body["category"]), (401, &json!("error"), &json!("INVALID_AUTHENTICATION")));
    assert_eq!(reqwest::get(format!("{}{OBJECTS}/contacts/1", fake.base_url)).await.unwrap().status(), 401);
}

#[tokio::test]
async fn an_address_belongs_to_one_contact_in_any_case_and_as_a_secondary_one() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let (status, created) = portal
        .contact(json!({"email": "Ana@example.com", "hs_additional_emails": "ana@example.org;a@example.net"}))
        .await;
    assert_eq!(status, 201);
    let id = created["id"].as_str().unwrap();
    for taken in ["ana@EXAMPLE.com", "A@example.net"] {
        let (status, body) = portal.contact(json!({ "email": taken })).await;
        assert_eq!(status, 409);
        assert_eq!(body["message"], format!("Contact already exists. Existing ID: {id}"));
        assert_eq!(body["category"], "CONFLICT");
    }
    assert_eq!(portal.patch("contacts/ana%40example.com?idProperty=email", json!({"firstname": "Ana"})).await.0, 200);
    assert_eq!(portal.patch("contacts/ana%40example.org?idProperty=email", json!({"firstname": "A"})).await.0, 404);
    assert_eq!(fake.control.state("").await.unwrap()["contacts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_empty_string_clears_and_an_empty_property_comes_back_null() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let (_, created) =
        portal.contact(json!({"email": "ana@example.com", "phone": "1", "lifecyclestage": "customer"})).await;
    let path = format!("contacts/{}", created["id"].as_str().unwrap());
    portal.patch(&path, json!({"phone": "", "lifecyclestage": "lead"})).await;
    let (status, body) = portal.get(&format!("{path}?properties=phone,email&properties=lifecyclestage")).await;
    assert_eq!(status, 200);
    assert_eq!((&body["properties"]["phone"], &body["properties"]["email"]), (&Value::Null, &json!("ana@example.com")));
    assert_eq!(body["properties"]["lifecyclestage"], "customer");
}

#[tokio::test]
async fn impossible_values_are_refused_with_the_reason() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    for (properties, code) in [
        (json!({"email": "ana@example.invalid"}), Some("INVALID_EMAIL")),
        (json!({"email": "ana@example.com", "shoe_size": "42"}), Some("PROPERTY_DOESNT_EXIST")),
        (json!({"email": "ana@example.com", "lifecyclestage": "Lead"}), Some("INVALID_OPTION")),
        (json!({"email": "ana@example.com", "numemployees": 3}), None),
        (json!({"phone": "1"}), None),
    ] {
        let (status, body) = portal.contact(properties.clone()).await;
        assert_eq!((status, &body["category"]), (400, &json!("VALIDATION_ERROR")), "{properties}");
        assert_eq!(body["errors"][0]["code"].as_str(), code, "{properties}");
    }
    let url = format!("{}{OBJECTS}/contacts", fake.base_url);
    let broken = reqwest::Client::new().post(url).bearer_auth("pat-1").body("{").send().await.unwrap();
    assert_eq!(broken.status(), 400);
    assert_eq!(broken.json::<Value>().await.unwrap()["category"], "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_note_needs_a_time_a_body_that_fits_and_a_contact_that_exists() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let contact = portal.contact_id("ana@example.com").await;
    let time = "2026-11-22T10:00:00Z";
    assert_eq!(portal.note(&contact, json!({"hs_note_body": "x"})).await.0, 400);
    assert_eq!(portal.note("1", json!({"hs_timestamp": time})).await.0, 400);
    let long = "ü".repeat(65_537);
    assert_eq!(portal.note(&contact, json!({"hs_timestamp": time, "hs_note_body": long})).await.0, 400);
    assert_eq!(portal.note(&contact, json!({"hs_timestamp": time, "hs_note_body": long[2..].to_owned()})).await.0, 201);

    let (_, note) = portal.note(&contact, json!({"hs_timestamp": time, "hs_note_body": "<p>a<!-- b --></p>"})).await;
    let state = fake.control.state("<p>a</p>").await.unwrap();
    assert_eq!((&state["notes"][0]["id"], &state["notes"][0]["contact_ids"]), (&note["id"], &json!([contact])));
    assert_eq!(state["notes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_contacts_notes_are_listed_in_pages_and_read_in_a_batch() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let contact = portal.contact_id("ana@example.com").await;
    for body in ["one", "two", "three"] {
        portal.note(&contact, json!({"hs_timestamp": "1795341600000", "hs_note_body": body})).await;
    }
    let path = format!("contacts/{contact}/associations/notes?limit=2");
    let (_, first) = portal.get(&path).await;
    let after = first["paging"]["next"]["after"].as_str().unwrap();
    let (_, second) = portal.get(&format!("{path}&after={after}")).await;
    assert_eq!(second["paging"], Value::Null);
    let pages = [first["results"].as_array().unwrap().as_slice(), second["results"].as_array().unwrap()].concat();
    let inputs = pages.iter().map(|note| json!({"id": note["toObjectId"].to_string()})).collect::<Vec<_>>();

    let (status, read) =
        portal.post("notes/batch/read", json!({"inputs": inputs, "properties": ["hs_note_body"]})).await;
    assert_eq!(status, 200);
    let bodies = read["results"].as_array().unwrap().iter().map(|note| note["properties"]["hs_note_body"].clone());
    assert_eq!(bodies.collect::<Vec<_>>(), ["one", "two", "three"]);
    let (status, partly) = portal.post("notes/batch/read", json!({"inputs": [inputs[0], {"id": "1"}]})).await;
    assert_eq!((status, &partly["errors"][0]["context"]["ids"]), (207, &json!(["1"])));
}

#[tokio::test]
async fn portals_of_different_tokens_do_not_see_each_other() {
    let fake = start().await;
    let (one, two) = (Portal { fake: &fake, token: "pat-1" }, Portal { fake: &fake, token: "pat-2" });
    let id = one.contact_id("ana@example.com").await;
    two.contact_id("bob@example.com").await;
    assert_eq!(one.get(&format!("contacts/{id}")).await.1["properties"]["email"], "ana@example.com");
    assert_eq!(two.get("contacts/ana%40example.com?idProperty=email").await.0, 404);
    let state =
        reqwest::get(format!("{}/_state?token=pat-2", fake.base_url)).await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(state["contacts"][0]["properties"]["email"], "bob@example.com");
    assert_eq!(state["contacts"].as_array().unwrap().len(), 1);
}
