//! A client for the `/_…` endpoints of a fake.

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
        self.http.get(self.url("/_requests", part)).send().await?.error_for_status()?.json().await
    }

    /// Adds faults: one object or an array of them. `Err` when the fake refuses one.
    pub async fn fault(&self, faults: Value) -> reqwest::Result<()> {
        self.post("/_faults", faults).await
    }

    /// Adds scripted answers of the Bedrock stand-in.
    pub async fn script(&self, scripts: Value) -> reqwest::Result<()> {
        self.post("/_script", scripts).await
    }

    /// Bounds how many mails the front of SES takes: `{"per_second", "burst"?}`; `null` for any number.
    pub async fn throttle(&self, rate: Value) -> reqwest::Result<()> {
        match rate {
            Value::Null => self.delete("/_throttle").await,
            rate => self.post("/_throttle", rate).await,
        }
    }

    /// Puts any control that is set by JSON: `/_limits?token=pat-1`, `/_hooks/acme`. `Err` when the fake refuses it.
    pub async fn set(&self, path: &str, setting: Value) -> reqwest::Result<()> {
        let url = format!("{}{path}", self.base_url);
        self.http.put(url).json(&setting).send().await?.error_for_status().map(drop)
    }

    /// Sets the secret the webhook receiver verifies `/hooks/{name}` with; several are separated by spaces.
    pub async fn secret(&self, name: &str, secret: &str) -> reqwest::Result<()> {
        let url = format!("{}/_secrets/{name}", self.base_url);
        self.http.put(url).body(secret.to_owned()).send().await?.error_for_status().map(drop)
    }

    /// Returns the state of the fake, narrowed like [`Control::requests`].
    pub async fn state(&self, part: &str) -> reqwest::Result<Value> {
        self.http.get(self.url("/_state", part)).send().await?.error_for_status()?.json().await
    }

    /// Forgets the journal and the faults; the state stays.
    pub async fn clear(&self) -> reqwest::Result<()> {
        for path in ["/_requests", "/_faults"] {
            self.delete(path).await?;
        }
        Ok(())
    }

    /// Any control that is deleted.
    pub async fn delete(&self, path: &str) -> reqwest::Result<()> {
        self.http.delete(format!("{}{path}", self.base_url)).send().await?.error_for_status().map(drop)
    }

    async fn post(&self, path: &str, body: Value) -> reqwest::Result<()> {
        let url = format!("{}{path}", self.base_url);
        self.http.post(url).json(&body).send().await?.error_for_status().map(drop)
    }

    fn url(&self, path: &str, part: &str) -> String {
        let part = percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC);
        format!("{}{path}?contains={part}", self.base_url)
    }
}
