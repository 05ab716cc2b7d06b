use reqwest::Method;
use serde_json::{Value, json};

use super::{Portal, start};

const PROPERTIES: &str = "/crm/properties/2026-03";

#[tokio::test]
async fn required_properties_are_shown_and_enforced_by_later_versions() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    portal.set("required", json!(["company"])).await;
    let schema = portal.call(Method::GET, "/crm-object-schemas/2026-09/schemas/0-1", Value::Null).await;
    assert_eq!((schema.0, &schema.1["requiredProperties"]), (200, &json!(["company"])));

    let create = async |version: &str, properties: Value| {
        let path = format!("/crm/objects/{version}/contacts");
        portal.call(Method::POST, &path, json!({ "properties": properties })).await
    };
    assert_eq!(create("2026-03", json!({ "email": "a@example.com" })).await.0, 201);
    let (status, refused) = create("2026-09", json!({ "email": "b@example.com" })).await;
    assert_eq!((status, &refused["context"]["properties"]), (400, &json!(["company"])));
    assert_eq!(create("2026-09", json!({ "email": "b@example.com", "company": "Acme" })).await.0, 201);
}

async fn define(portal: &Portal<'_>, object: &str, kind: &str, field: &str, options: Value) -> (u16, Value) {
    let property = json!({
        "name": format!("own_{kind}"), "label": "Own", "groupName": "g", "type": kind, "fieldType": field,
        "options": options,
    });
    portal.call(Method::POST, &format!("{PROPERTIES}/{object}"), property).await
}

#[tokio::test]
async fn all_properties_are_listed_with_their_type_and_what_can_be_written() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    portal.define_unique("contacts", "visitor_id").await;
    for path in [PROPERTIES, "/crm/v3/properties"] {
        let (status, body) = portal.call(Method::GET, &format!("{path}/contacts"), Value::Null).await;
        assert_eq!(status, 200);
        let named = |name: &str| body["results"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
        let stage = named("lifecyclestage");
        assert_eq!((&stage["type"], &stage["fieldType"]), (&json!("enumeration"), &json!("radio")));
        assert_eq!((&stage["options"][1]["value"], &stage["options"][1]["hidden"]), (&json!("lead"), &json!(false)));
        for (name, kind, read_only) in
            [("email", "string", false), ("createdate", "datetime", true), ("hs_object_id", "number", true)]
        {
            let property = named(name);
            assert_eq!((&property["type"], &property["hubspotDefined"]), (&json!(kind), &json!(true)), "{name}");
            assert_eq!(property["modificationMetadata"]["readOnlyValue"], read_only, "{name}");
        }
        let own = named("visitor_id");
        assert_eq!((&own["hasUniqueValue"], &own["hubspotDefined"]), (&json!(true), &json!(false)));
    }
    let (_, notes) = portal.call(Method::GET, &format!("{PROPERTIES}/notes"), Value::Null).await;
    assert!(notes["results"].as_array().unwrap().iter().all(|property| property["name"] != "visitor_id"));
}

#[tokio::test]
async fn a_property_is_defined_once_read_and_archived() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let options = json!([{"label": "Warm", "value": "warm"}, {"label": "Cold", "value": "cold", "hidden": true}]);
    let (status, defined) = define(&portal, "contacts", "enumeration", "select", options.clone()).await;
    assert_eq!((status, &defined["options"][1]["hidden"]), (201, &json!(true)));
    let (status, body) = define(&portal, "contacts", "enumeration", "select", options).await;
    assert_eq!((status, &body["category"]), (409, &json!("OBJECT_ALREADY_EXISTS")));

    let path = format!("{PROPERTIES}/contacts/own_enumeration");
    assert_eq!(portal.call(Method::GET, &path, Value::Null).await, (200, defined));
    assert_eq!(portal.call(Method::GET, &format!("{PROPERTIES}/contacts/own_number"), Value::Null).await.0, 404);
    let (status, body) = portal.contact(json!({"email": "ana@example.com", "own_number": "1"})).await;
    assert_eq!((status, &body["errors"][0]["code"]), (400, &json!("PROPERTY_DOESNT_EXIST")));
    assert_eq!(portal.contact(json!({"email": "ana@example.com", "own_enumeration": "warm"})).await.0, 201);
    assert_eq!(portal.call(Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(portal.call(Method::GET, &path, Value::Null).await.0, 404);
    assert_eq!(portal.call(Method::DELETE, &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_definition_that_makes_no_sense_is_refused() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let good = json!({"name": "own", "label": "Own", "groupName": "g", "type": "string", "fieldType": "text"});
    for (member, value) in
        [("name", json!("Own Property")), ("name", json!("")), ("label", Value::Null), ("type", json!("text"))]
    {
        let mut bad = good.clone();
        bad[member] = value;
        assert_eq!(portal.call(Method::POST, &format!("{PROPERTIES}/notes"), bad.clone()).await.0, 400, "{bad}");
    }
    let unique = json!({"name": "own", "label": "Own", "groupName": "g", "type": "date", "fieldType": "date", "hasUniqueValue": true});
    assert_eq!(portal.call(Method::POST, &format!("{PROPERTIES}/notes"), unique).await.0, 400);
    assert_eq!(portal.call(Method::POST, &format!("{PROPERTIES}/planets"), good).await.0, 400);
    for number in 0..10 {
        portal.define_unique("notes", &format!("key_{number}")).await;
    }
    let eleventh = json!({"name": "key_10", "label": "K", "groupName": "g", "type": "string", "fieldType": "text", "hasUniqueValue": true});
    assert_eq!(portal.call(Method::POST, &format!("{PROPERTIES}/notes"), eleventh).await.0, 400);
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused_with_its_reason() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let warm = json!([{"label": "Warm", "value": "warm"}]);
    for (kind, field) in [("number", "number"), ("bool", "booleancheckbox"), ("date", "date"), ("datetime", "date")] {
        assert_eq!(define(&portal, "contacts", kind, field, json!([])).await.0, 201, "{kind}");
    }
    assert_eq!(define(&portal, "contacts", "enumeration", "select", warm).await.0, 201);
    for (name, good, bad, code) in [
        ("own_number", "-1.5", "many", "INVALID_INTEGER"),
        ("own_number", "1", " 1", "LEADING_TRAILING_WHITESPACE"),
        ("own_bool", "true", "yes", "INVALID_OPTION"),
        ("own_date", "2026-11-22", "1795341600000", "INVALID_DATE"),
        ("own_datetime", "1795341600000", "tomorrow", "INVALID_LONG"),
        ("own_enumeration", "warm", "Warm", "INVALID_OPTION"),
        ("numemployees", "5-25", "7", "INVALID_OPTION"),
    ] {
        let id = portal.contact_id(&format!("{}@example.com", uuid::Uuid::new_v4())).await;
        let path = format!("contacts/{id}");
        assert_eq!(portal.patch(&path, json!({ name: good })).await.0, 200, "{name} {good}");
        assert_eq!(portal.patch(&path, json!({ name: "" })).await.0, 200, "{name} is cleared");
        let (status, body) = portal.patch(&path, json!({ name: bad })).await;
        assert_eq!((status, &body["category"]), (400, &json!("VALIDATION_ERROR")), "{name} {bad}");
        assert_eq!(body["errors"][0]["code"], code, "{name} {bad}");
        assert_eq!(body["errors"][0]["context"]["propertyName"], json!([name]));
    }
}

#[tokio::test]
async fn all_refused_values_are_named_in_message_and_errors() {
    let fake = start().await;
    let portal = Portal { fake: &fake, token: "pat-1" };
    let (status, body) =
        portal.contact(json!({"email": "ana@example.com", "createdate": "2026-11-22", "shoe_size": "42"})).await;
    assert_eq!((status, body["errors"].as_array().unwrap().len()), (400, 2));
    let listed = body["message"].as_str().unwrap().strip_prefix("Property values were not valid: ").unwrap();
    let listed = serde_json::from_str::<Value>(listed).unwrap();
    assert_eq!(
        listed[0],
        json!({
            "isValid": false, "error": "READ_ONLY_VALUE", "name": "createdate",
            "message": "\"createdate\" is a read only property; its value cannot be set.",
        })
    );
    assert_eq!((&listed[1]["error"], &listed[1]["name"]), (&json!("PROPERTY_DOESNT_EXIST"), &json!("shoe_size")));
}
