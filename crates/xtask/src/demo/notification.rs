//! The body of a "session completed" notification, which the demo posts.

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{AgentId, SessionId, TenantId};
use domain::session::{Channel, Visitor};
use domain::transcript::Turn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

    /// The same conversation, held earlier or later.
    pub(super) fn moved_by(mut self, time: TimeDelta) -> Self {
        self.started_at += time;
        self.ended_at += time;
        self
    }
}
