//! Salesforce: one person and one task.

use domain::integration::Connection;
use serde_json::{Value, json};

use crate::world::{Setting, World, at_every_point, counts};

const KEY: &str = "3MVG1";

/// An org of its own; `prepare` are records that are there before, by object.
async fn world(config: Value, prepare: &[(&str, Value)]) -> (World, fakes::Running) {
    let salesforce = fakes::salesforce::start().await.unwrap();
    let field = json!({
        "object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": true, "caseSensitive": true,
    });
    salesforce.control.set(&format!("/_orgs/{KEY}/fields"), field).await.unwrap();
    let token = token(&salesforce).await;
    for (object, fields) in prepare {
        let url = format!("{}/services/data/v68.0/sobjects/{object}", salesforce.base_url);
        let made = reqwest::Client::new().post(url).bearer_auth(&token).json(fields).send().await.unwrap();
        made.error_for_status().unwrap();
    }
    let setting = Setting {
        upstream: &salesforce.base_url,
        config: &|url| {
            let mut config = config.clone();
            config["kind"] = json!("salesforce");
            config["url"] = json!(url);
            config
        },
        connection: Connection::default(),
        secret: r#"{"client_id":"3MVG1","client_secret":"hush"}"#,
        event: None,
    };
    let world = World::new(&setting).await;
    salesforce.control.set(&format!("/_orgs/{KEY}"), json!({ "instance_url": world.proxy.url })).await.unwrap();
    (world, salesforce)
}

async fn token(salesforce: &fakes::Running) -> String {
    let request = reqwest::Client::new().post(format!("{}/services/oauth2/token", salesforce.base_url));
    let request = request.header("content-type", "application/x-www-form-urlencoded").basic_auth(KEY, Some("hush"));
    let answer: Value = request.body("grant_type=client_credentials").send().await.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Checks how many contacts and leads there are, and that there is one task, which is about a contact or a lead.
async fn one_task(salesforce: &fakes::Running, contacts: usize, leads: usize) -> Result<(), String> {
    let state = salesforce.control.state("").await.unwrap();
    counts(&state, &[("contacts", contacts), ("leads", leads), ("tasks", 1)])?;
    let person = if contacts > 0 { &state["contacts"][0] } else { &state["leads"][0] };
    let is_about = state["tasks"][0]["fields"]["WhoId"] == person["id"];
    if is_about { Ok(()) } else { Err("the task is about nobody".to_owned()) }
}

#[tokio::test]
async fn a_new_visitor_becomes_one_lead_with_one_task() {
    let left = async |_: &World, salesforce: &fakes::Running| one_task(salesforce, 0, 1).await;
    at_every_point(async || world(json!({}), &[]).await, left, 9).await;
}

#[tokio::test]
async fn a_new_visitor_becomes_one_contact_where_that_is_wanted() {
    let config = json!({ "unknown_visitor": "contact" });
    let left = async |_: &World, salesforce: &fakes::Running| one_task(salesforce, 1, 0).await;
    at_every_point(async || world(config.clone(), &[]).await, left, 9).await;
}

#[tokio::test]
async fn a_contact_that_salesforce_knows_gets_its_fields_and_one_task() {
    let known = [("Contact", json!({ "LastName": "L.", "Email": "ana@example.com" }))];
    let config = json!({ "person_fields": { "Title": "visitor.name" } });
    let left = async |_: &World, salesforce: &fakes::Running| one_task(salesforce, 1, 0).await;
    at_every_point(async || world(config.clone(), &known).await, left, 7).await;
}

#[tokio::test]
async fn a_field_that_is_refused_leaves_one_lead_with_one_task() {
    let fields = json!({ "Gone__c": "visitor.name" });
    let config = json!({ "person_fields": fields, "task_fields": fields });
    let left = async |_: &World, salesforce: &fakes::Running| one_task(salesforce, 0, 1).await;
    at_every_point(async || world(config.clone(), &[]).await, left, 10).await;
}
