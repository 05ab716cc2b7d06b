use serde_json::{Value, json};

use super::{Portal, start};

fn by(property: &str, operator: &str, value: &str) -> Value {
    json!({"filterGroups": [{"filters": [{"propertyName": property, "operator": operator, "value": value}]}]})
}

#[tokio::test]
async fn contacts_are_found_by_what_equals() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    for (email, city) in [("ana@example.com", "Madrid"), ("bob@example.com", "Madrid"), ("eve@example.com", "Berlin")] {
        portal.contact(json!({"email": email, "city": city})).await;
    }
    let found = async |search: Value| portal.post("contacts/search", search).await.1["total"].clone();
    assert_eq!(found(by("email", "EQ", "ANA@example.com")).await, 1);
    assert_eq!(found(by("city", "EQ", "Madrid")).await, 2);
    assert_eq!(found(by("city", "EQ", "Mad")).await, 0);
    assert_eq!(found(json!({})).await, 3);

    let mut search = by("city", "EQ", "Madrid");
    search["limit"] = json!(1);
    let (_, first) = portal.post("contacts/search", search.clone()).await;
    search["after"] = first["paging"]["next"]["after"].clone();
    search["properties"] = json!(["city"]);
    let (_, second) = portal.post("contacts/search", search).await;
    assert_eq!((&second["results"][0]["properties"]["city"], &second["paging"]), (&json!("Madrid"), &Value::Null));
    assert_ne!(first["results"][0]["id"], second["results"][0]["id"]);
    assert_eq!(portal.post("contacts/search", by("city", "CONTAINS_TOKEN", "Mad")).await.0, 400);
}

#[tokio::test]
async fn a_search_lags_as_told() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    portal.contact(json!({"email": "ana@example.com"})).await;
    let found = async || portal.post("contacts/search", by("email", "EQ", "ana@example.com")).await.1["total"] == 1;
    portal.set("quirks", json!({"search_lag_ms": 3_600_000})).await;
    assert!(!found().await);
    assert_eq!(portal.get("contacts/ana%40example.com?idProperty=email").await.0, 200, "only the search lags");
    portal.set("quirks", json!({})).await;
    assert!(found().await);
}

#[tokio::test]
async fn contacts_are_read_in_a_batch_by_address_too() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let id = portal.contact_id("ana@example.com").await;
    let read = |body: Value| portal.post("contacts/batch/read", body);
    let (status, body) = read(json!({"properties": ["email", "phone"], "inputs": [{ "id": id }]})).await;
    assert_eq!((status, &body["results"][0]["properties"]["email"]), (200, &json!("ana@example.com")));
    assert_eq!(body["results"][0]["properties"]["phone"], Value::Null);
    let inputs = json!([{"id": "ANA@example.com"}, {"id": "bob@example.com"}]);
    let (status, body) = read(json!({"idProperty": "email", "inputs": inputs})).await;
    assert_eq!((status, &body["results"][0]["id"]), (207, &json!(id)));
    assert_eq!(body["errors"][0]["context"]["ids"], json!(["bob@example.com"]));
    assert_eq!(read(json!({"idProperty": "city", "inputs": [{"id": "Madrid"}]})).await.0, 400);
}
