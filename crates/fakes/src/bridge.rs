//! A bridge: Converse requests answered by an OpenAI-compatible server in place of the stand-in.

mod answer;
mod question;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::Value;

use crate::{aws_error, bedrock};

/// A model on a small machine takes minutes; the caller gives up before.
const TIMEOUT: Duration = Duration::from_secs(900);
/// Characters of a server's error that are passed on.
const MESSAGE: usize = 500;

/// An OpenAI-compatible server, and the model to ask it for.
#[derive(Debug, Clone)]
pub struct Upstream {
    url: Arc<str>,
    /// Instead of Bedrock's model id.
    model: Option<Arc<str>>,
    key: Option<HeaderValue>,
    http: reqwest::Client,
}

impl Upstream {
    /// `url` is the part before `/chat/completions`, such as `http://127.0.0.1:8080/v1`.
    ///
    /// The key goes into requests and nowhere else.
    pub fn new(url: &str, model: Option<&str>, key: Option<&str>) -> anyhow::Result<Self> {
        let is_http = url.starts_with("http://") || url.starts_with("https://");
        ensure!(is_http, "the server must be an http:// or https:// URL");
        let key = key.map(|key| HeaderValue::try_from(format!("Bearer {key}"))).transpose();
        let mut key = key.context("the API key has characters that a header cannot carry")?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { url: url.trim_end_matches('/').into(), model: model.map(Arc::from), key, http })
    }

    /// Answers a Converse request that has passed Bedrock's checks.
    pub(crate) async fn converse(&self, model_id: &str, body: &Value) -> Response {
        match self.ask(model_id, body).await {
            Ok(answer) => bedrock::response(answer),
            Err(failure) => failure.response(),
        }
    }

    async fn ask(&self, model_id: &str, body: &Value) -> Result<Value, Failure> {
        let question = question::translate(self.model.as_deref().unwrap_or(model_id), body);
        let mut request = self.http.post(format!("{}/chat/completions", self.url)).json(&question);
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, key.clone());
        }
        let started = std::time::Instant::now();
        let response = request.send().await.map_err(Failure::of_transport)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER).cloned();
        let text = response.text().await.map_err(Failure::of_transport)?;
        if status != 200 {
            return Err(Failure { retry_after, ..Failure::of(status, &text) });
        }
        let answered = serde_json::from_str(&text).ok().and_then(|answer| answer::translate(&answer));
        let mut answer = answered.ok_or_else(|| Failure::new("ModelErrorException", "no chat completion"))?;
        answer["metrics"]["latencyMs"] = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX).into();
        Ok(answer)
    }
}

/// One of Converse's exceptions.
#[derive(Debug)]
struct Failure {
    exception: &'static str,
    message: String,
    retry_after: Option<HeaderValue>,
}

impl Failure {
    fn new(exception: &'static str, message: &str) -> Self {
        Self { exception, message: message.chars().take(MESSAGE).collect(), retry_after: None }
    }

    /// Bedrock's exception in place of this status and body.
    fn of(status: u16, body: &str) -> Self {
        let error = serde_json::from_str::<Value>(body).unwrap_or_default();
        if error["error"]["code"] == "context_length_exceeded" {
            // Word for word what Bedrock says of it.
            return Self::new("ValidationException", "Input is too long for requested model.");
        }
        let exception = match status {
            401 | 403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            408 | 504 => "ModelTimeoutException",
            429 => "ThrottlingException",
            500 => "InternalServerException",
            501.. => "ServiceUnavailableException",
            _ => "ValidationException",
        };
        Self::new(exception, error["error"]["message"].as_str().unwrap_or(body))
    }

    fn of_transport(error: reqwest::Error) -> Self {
        let exception = if error.is_timeout() { "ModelTimeoutException" } else { "ServiceUnavailableException" };
        // Without its URL, which may carry a password.
        Self::new(exception, &format!("the OpenAI-compatible server did not answer: {}", error.without_url()))
    }

    fn response(self) -> Response {
        let mut response = aws_error::exception(self.exception, &self.message);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_exception() {
        let expected = [
            (400, 400, "ValidationException"),
            (401, 403, "AccessDeniedException"),
            (403, 403, "AccessDeniedException"),
            (404, 404, "ResourceNotFoundException"),
            (408, 408, "ModelTimeoutException"),
            (422, 400, "ValidationException"),
            (429, 429, "ThrottlingException"),
            (500, 500, "InternalServerException"),
            (502, 503, "ServiceUnavailableException"),
            (503, 503, "ServiceUnavailableException"),
            (504, 408, "ModelTimeoutException"),
        ];
        for (theirs, ours, exception) in expected {
            let failure = Failure::of(theirs, r#"{"error":{"message":"why","code":null}}"#);
            assert_eq!((failure.exception, failure.message.as_str()), (exception, "why"), "{theirs}");
            assert_eq!(failure.response().status(), ours, "{theirs}");
        }
    }

    #[test]
    fn a_transcript_that_is_too_long_is_refused_in_bedrocks_words() {
        let failure = Failure::of(400, r#"{"error":{"message":"max 8192 tokens","code":"context_length_exceeded"}}"#);
        assert_eq!(failure.message, "Input is too long for requested model.");
        assert_eq!(Failure::of(400, "plain text").message, "plain text");
    }

    #[test]
    fn the_key_is_not_printed() {
        let upstream = Upstream::new("http://127.0.0.1:9/v1/", Some("small"), Some("secret-key")).unwrap();
        assert!(!format!("{upstream:?}").contains("secret-key"));
        assert!(Upstream::new("http://127.0.0.1:9/v1", None, Some("line\nbreak")).is_err());
        assert!(Upstream::new("ftp://127.0.0.1/v1", None, None).is_err());
    }
}
