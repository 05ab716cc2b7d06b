mod duplicates;
mod login;
mod orgs;
mod query;
mod upsert;
mod values;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use fakes::{Running, salesforce};

const DATA: &str = "/services/data/v68.0";

async fn start() -> Running {
    salesforce::start().await.unwrap()
}

/// One org, and a client that is logged in to it.
struct Org<'a> {
    fake: &'a Running,
    key: &'a str,
    token: String,
}

impl<'a> Org<'a> {
    async fn open(fake: &'a Running, key: &'a str) -> Self {
        let (status, answer) = log_in(fake, &[("grant_type", "client_credentials")], Some(key)).await;
        assert_eq!(status, 200, "{answer}");
        Self { fake, key, token: answer["access_token"].as_str().unwrap().to_owned() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        reqwest::Client::new().request(method, format!("{}{DATA}{path}", self.fake.base_url)).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path)).await
    }

    async fn post(&self, object: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::POST, &format!("/sobjects/{object}")).json(&body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::PATCH, &format!("/sobjects/{path}")).json(&body)).await
    }

    async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, &format!("/sobjects/{path}"))).await
    }

    async fn query(&self, soql: &str) -> (u16, Value) {
        let soql = utf8_percent_encode(soql, NON_ALPHANUMERIC);
        answer(self.request(Method::GET, &format!("/query?q={soql}"))).await
    }

    /// Makes a record that must be taken; its id.
    async fn make(&self, object: &str, body: Value) -> String {
        let (status, made) = self.post(object, body).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    async fn set(&self, settings: Value) {
        self.fake.control.set(&format!("/_orgs/{}", self.key), settings).await.unwrap();
    }

    async fn define(&self, fields: Value) {
        self.fake.control.set(&format!("/_orgs/{}/fields", self.key), fields).await.unwrap();
    }

    /// The field by which a task is found again.
    async fn define_key(&self) {
        self.define(json!({"object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": true}))
            .await;
    }

    async fn state(&self) -> Value {
        let url = format!("{}/_state?client_id={}", self.fake.base_url, self.key);
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Posts a form to the token endpoint, with the key and a secret in the header if there is a key.
async fn log_in(fake: &Running, form: &[(&str, &str)], key: Option<&str>) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("{}/services/oauth2/token", fake.base_url));
    let request = match key {
        Some(key) => request.basic_auth(key, Some("secret")),
        None => request,
    };
    let pairs = form.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    answer(request.header("content-type", "application/x-www-form-urlencoded").body(pairs.join("&"))).await
}

/// Status and first error code.
fn refusal(answered: &(u16, Value)) -> (u16, &str) {
    (answered.0, answered.1[0]["errorCode"].as_str().unwrap_or_default())
}
