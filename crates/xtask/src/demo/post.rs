//! Posts notifications as the AI engine does: signed, with an API key, a few at a time.

use std::sync::Arc;

use anyhow::Context;
use chrono::Utc;
use domain::id::TenantId;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::notification::Notification;
use crate::stack::StackFile;

const PATH: &str = "/v1/sessions/completed";
/// Requests at a time: enough to keep the stages busy, few enough for two cores.
const PARALLEL: usize = 4;
/// Characters of a refusal's body that are shown: problem documents are shorter.
const SHOWN: usize = 400;

/// The answer of `ingest` if it did not accept a notification.
pub(super) type Refusal = Option<String>;

struct Poster {
    http: reqwest::Client,
    url: String,
    api_key: String,
    webhook: Webhook,
    tenant: TenantId,
    places: Semaphore,
}

/// Posts every notification; the answers are in the same order.
pub(super) async fn post_all(
    stack: &StackFile,
    http: &reqwest::Client,
    tenant: &TenantId,
    notifications: &[Notification],
) -> anyhow::Result<Vec<Refusal>> {
    let poster = Arc::new(Poster {
        http: http.clone(),
        url: format!("{}{PATH}", stack.api_url),
        api_key: stack.api_key.clone(),
        webhook: Webhook::new(&stack.signing_secret).context("read the signing secret")?,
        tenant: tenant.clone(),
        places: Semaphore::new(PARALLEL),
    });
    let mut posts = JoinSet::new();
    for (index, notification) in notifications.iter().enumerate() {
        let (poster, body) = (Arc::clone(&poster), notification.body(tenant)?);
        posts.spawn(async move { (index, poster.post(index, body).await) });
    }
    let mut answers: Vec<_> = posts.join_all().await;
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

impl Poster {
    /// Fails only if the request could not be made; an unwelcome answer is an answer.
    async fn post(&self, index: usize, body: String) -> anyhow::Result<Refusal> {
        let _place = self.places.acquire().await?;
        let id = format!("msg_{}_{index}", self.tenant);
        let timestamp = Utc::now().timestamp();
        let signature = self.webhook.sign(&id, timestamp, body.as_bytes()).context("sign a notification")?;
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-api-key", &self.api_key)
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp)
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Ok(Some(format!("{:#}", anyhow::Error::new(error).context("no answer")))),
        };
        let status = answer.status();
        if status == reqwest::StatusCode::ACCEPTED {
            return Ok(None);
        }
        let body: String = answer.text().await.unwrap_or_default().chars().take(SHOWN).collect();
        Ok(Some(format!("{status} {body}")))
    }
}
