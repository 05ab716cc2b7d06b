//! "Session completed" notifications, posted as the AI engine does: signed, with an API key, a few at a time.

use anyhow::Context;
use chrono::{DateTime, Utc};
use domain::id::{AgentId, SessionId, TenantId};
use domain::session::{Channel, Visitor};
use domain::transcript::Turn;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use crate::stack::StackFile;

/// Requests at a time: enough to keep the stages busy, few enough for two cores.
const PARALLEL: usize = 4;
/// Characters of a refusal's body that are shown: problem documents are shorter.
const SHOWN: usize = 400;

/// A notification before its tenant is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notification {
    pub(super) session_id: SessionId,
    pub(super) agent_id: AgentId,
    pub(super) channel: Channel,
    pub(super) started_at: DateTime<Utc>,
    pub(super) ended_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_reason: Option<String>,
    pub(super) visitor: Visitor,
    pub(super) metadata: Map<String, Value>,
    pub(super) transcript: Vec<Turn>,
}

impl Notification {
    /// The JSON that is signed and posted.
    pub(super) fn body(&self, tenant: &TenantId) -> anyhow::Result<String> {
        let mut body = serde_json::to_value(self).context("serialise a notification")?;
        body["tenant_id"] = Value::String(tenant.to_string());
        Ok(body.to_string())
    }
}

/// Posts every notification. Returns the answers that refuse them, in the same order; `None` for an accepted one.
pub(super) async fn post_all(
    stack: &StackFile,
    http: &reqwest::Client,
    tenant: &TenantId,
    notifications: &[Notification],
) -> anyhow::Result<Vec<Option<String>>> {
    let webhook = Webhook::new(&stack.signing_secret).context("read the signing secret")?;
    let post = async |(index, notification): (usize, &Notification)| {
        let (id, timestamp) = (format!("msg_{tenant}_{index}"), Utc::now().timestamp());
        let body = notification.body(tenant)?;
        let signature = webhook.sign(&id, timestamp, body.as_bytes()).context("sign a notification")?;
        let request = http
            .post(format!("{}/v1/sessions/completed", stack.api_url))
            .header("content-type", "application/json")
            .header("x-api-key", &stack.api_key)
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp)
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body);
        anyhow::Ok(refusal(request).await)
    };
    stream::iter(notifications.iter().enumerate()).map(post).buffered(PARALLEL).try_collect().await
}

async fn refusal(request: reqwest::RequestBuilder) -> Option<String> {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{:#}", anyhow::Error::new(error).context("no answer"))),
    };
    let status = answer.status();
    if status == reqwest::StatusCode::ACCEPTED {
        return None;
    }
    let body: String = answer.text().await.unwrap_or_default().chars().take(SHOWN).collect();
    Some(format!("{status} {body}"))
}
