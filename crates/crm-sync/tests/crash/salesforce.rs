//! Salesforce: one person and one task.

use domain::integration::Connection;
use serde_json::{Value, json};

use crate::world::{Setting, World, at_every_point, counts};

/// A consumer key is an org of its own.
const KEY: &str = "3MVG1";

/// An org with the external id; `known` is an object and the fields of a record that is there before.
async fn world(known: Option<(&str, Value)>) -> (World, fakes::Running) {
    let org = fakes::salesforce::start().await.unwrap();
    let field = json!({ "object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": true });
    org.control.set(&format!("/_orgs/{KEY}/fields"), field).await.unwrap();
    if let Some((object, fields)) = known {
        make(&org.base_url, object, &fields).await;
    }
    let secret = json!({ "client_id": KEY, "client_secret": "hush" }).to_string();
    let setting = Setting {
        upstream: &org.base_url,
        config: &|url| json!({ "kind": "salesforce", "url": url }),
        connection: Connection::default(),
        secret: &secret,
        event: None,
    };
    let world = World::new(&setting).await;
    // What follows the sign-in goes through the proxy, too.
    org.control.set(&format!("/_orgs/{KEY}"), json!({ "instance_url": world.proxy.url })).await.unwrap();
    (world, org)
}

async fn make(url: &str, object: &str, fields: &Value) {
    let http = reqwest::Client::new();
    let form = format!("grant_type=client_credentials&client_id={KEY}&client_secret=hush");
    let login = http.post(format!("{url}/services/oauth2/token"));
    let login = login.header("content-type", "application/x-www-form-urlencoded").body(form).send().await.unwrap();
    let login: Value = login.error_for_status().unwrap().json().await.unwrap();
    let token = login["access_token"].as_str().unwrap();
    let made = http.post(format!("{url}/services/data/v68.0/sobjects/{object}")).bearer_auth(token).json(fields);
    made.send().await.unwrap().error_for_status().unwrap();
}

async fn one_of(kind: &'static str, org: &fakes::Running) -> Result<(), String> {
    let state = org.control.state("").await.unwrap();
    counts(&state, &[(kind, 1), ("tasks", 1)])?;
    let hangs = state["tasks"][0]["fields"]["WhoId"] == state[kind][0]["id"];
    if hangs { Ok(()) } else { Err("the task hangs on nobody".to_owned()) }
}

#[tokio::test]
async fn a_new_visitor_becomes_one_lead_with_one_task() {
    at_every_point(async || world(None).await, async |_, org| one_of("leads", org).await, 5).await;
}

#[tokio::test]
async fn a_contact_gets_one_task() {
    let contact = json!({ "LastName": "López", "Email": "ana@example.com" });
    let set_up = async || world(Some(("Contact", contact.clone()))).await;
    at_every_point(set_up, async |_, org| one_of("contacts", org).await, 3).await;
}
