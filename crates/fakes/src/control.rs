//! A client for the `/_…` endpoints of a fake.

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The controls of one fake, in this process or another.
#[derive(Debug, Clone)]
pub struct Control {
    base_url: String,
    http: reqwest::Client,
}

impl Control {
    /// `base_url` as in [`crate::Running::base_url`] or `target/local/stack.json`.
    pub fn new(base_url: &str) -> Self {
        Self { base_url: base_url.trim_end_matches('/').to_owned(), http: reqwest::Client::new() }
    }

    /// The journal's entries that contain `part` in path, header values or body; all for an empty one.
    pub async fn requests(&self, part: &str) -> reqwest::Result<Vec<Value>> {
        self.get("/_requests", part).await
    }

    /// Returns the state of the fake, narrowed like [`Control::requests`].
    pub async fn state(&self, part: &str) -> reqwest::Result<Value> {
        self.get("/_state", part).await
    }

    /// Adds faults: one object or an array of them. `Err` when the fake refuses one.
    pub async fn fault(&self, faults: Value) -> reqwest::Result<()> {
        self.send(Method::POST, "/_faults", faults.to_string()).await
    }

    /// Adds scripted answers of the Bedrock stand-in.
    pub async fn script(&self, scripts: Value) -> reqwest::Result<()> {
        self.send(Method::POST, "/_script", scripts.to_string()).await
    }

    /// Puts any control that is set by JSON: `/_limits?token=pat-1`, `/_hooks/acme`. `Err` when the fake refuses it.
    pub async fn set(&self, path: &str, setting: Value) -> reqwest::Result<()> {
        self.send(Method::PUT, path, setting.to_string()).await
    }

    /// Forgets the journal and the faults; the state stays.
    pub async fn clear(&self) -> reqwest::Result<()> {
        self.delete("/_requests").await?;
        self.delete("/_faults").await
    }

    /// Any control that is deleted.
    pub async fn delete(&self, path: &str) -> reqwest::Result<()> {
        self.send(Method::DELETE, path, String::new()).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, part: &str) -> reqwest::Result<T> {
        let part = percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC);
        let url = format!("{}{path}?contains={part}", self.base_url);
        self.http.get(url).send().await?.error_for_status()?.json().await
    }

    async fn send(&self, method: Method, path: &str, body: String) -> reqwest::Result<()> {
        let url = format!("{}{path}", self.base_url);
        self.http.request(method, url).body(body).send().await?.error_for_status().map(drop)
    }
}
