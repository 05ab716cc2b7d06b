//! An org, and a tenant whose integration it is.

use serde_json::{Value, json};

use crate::world::World;

/// The consumer key, which is an org of its own.
pub(crate) const KEY: &str = "3MVG1";
const DATA: &str = "/services/data/v68.0";

/// A tenant with the integration `salesforce`, and the org.
pub(crate) struct Org {
    pub(crate) world: World,
    pub(crate) fake: fakes::Running,
    token: String,
}

impl Org {
    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// `more` are members of the integration's configuration.
    pub(crate) async fn with(more: Value) -> Self {
        let world = World::new().await;
        let fake = fakes::salesforce::start().await.unwrap();
        world.vault.put("salesforce", &credentials());
        let mut config = json!({ "kind": "salesforce", "url": fake.base_url });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.integrate("salesforce", config, "post-session/test/acme/salesforce").await;
        let token = another_token(&fake).await;
        let org = Self { world, fake, token };
        org.define(json!({
            "object": "Activity", "name": "PostSession_Id__c",
            "externalId": true, "unique": true, "caseSensitive": true,
        }))
        .await;
        org
    }

    pub(crate) async fn define(&self, fields: Value) {
        self.fake.control.set(&format!("/_orgs/{KEY}/fields"), fields).await.unwrap();
    }

    pub(crate) async fn set(&self, settings: Value) {
        self.fake.control.set(&format!("/_orgs/{KEY}"), settings).await.unwrap();
    }

    pub(crate) async fn fault(&self, fault: Value) {
        self.fake.control.fault(fault).await.unwrap();
    }

    /// Creates a record as another user of the org, and returns its id.
    pub(crate) async fn make(&self, object: &str, fields: Value) -> String {
        let url = format!("{}{DATA}/sobjects/{object}", self.fake.base_url);
        let made = reqwest::Client::new().post(url).bearer_auth(&self.token).json(&fields).send().await.unwrap();
        let made: Value = made.error_for_status().unwrap().json().await.unwrap();
        self.fake.control.clear().await.unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn delete(&self, object: &str, id: &str) {
        let url = format!("{}{DATA}/sobjects/{object}/{id}", self.fake.base_url);
        let gone = reqwest::Client::new().delete(url).bearer_auth(&self.token).send().await.unwrap();
        gone.error_for_status().unwrap();
        self.fake.control.clear().await.unwrap();
    }

    pub(crate) async fn state(&self) -> Value {
        self.fake.control.state("").await.unwrap()
    }

    /// All of `contacts`, `leads` or `tasks`, as their fields.
    pub(crate) async fn all(&self, list: &str) -> Vec<Value> {
        self.state().await[list].as_array().unwrap().iter().map(|record| record["fields"].clone()).collect()
    }

    /// The only one.
    pub(crate) async fn one(&self, list: &str) -> Value {
        let mut all = self.all(list).await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// Counts contacts, leads and tasks.
    pub(crate) async fn counts(&self) -> [usize; 3] {
        let state = self.state().await;
        ["contacts", "leads", "tasks"].map(|list| state[list].as_array().unwrap().len())
    }

    /// Method, object and status of each request.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let requests = self.fake.control.requests("/services/").await.unwrap();
        let call = |request: &Value| {
            let path = request["path"].as_str().unwrap();
            let path = path.trim_start_matches(DATA).trim_start_matches("/sobjects/").trim_start_matches('/');
            format!(
                "{} {} {}",
                request["method"].as_str().unwrap(),
                path.split(['?', '/']).next().unwrap(),
                request["status"]
            )
        };
        requests.iter().map(call).collect()
    }
}

async fn another_token(fake: &fakes::Running) -> String {
    let request = reqwest::Client::new().post(format!("{}/services/oauth2/token", fake.base_url));
    let form =
        request.header("content-type", "application/x-www-form-urlencoded").body("grant_type=client_credentials");
    let answer: Value = form.basic_auth(KEY, Some("hush")).send().await.unwrap().json().await.unwrap();
    fake.control.clear().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

pub(crate) fn credentials() -> String {
    json!({ "client_id": KEY, "client_secret": "hush" }).to_string()
}
