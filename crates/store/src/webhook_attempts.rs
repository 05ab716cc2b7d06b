//! Every request to a webhook, with what came back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::step::Code;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::row::{FromRow, Row};
use crate::sql::{bigint, int, statements, text, time, uuid};
use crate::webhook_events::read_event;
use crate::{Error, Store};

statements! {
RECORD_WEBHOOK_ATTEMPT = "
-- record_webhook_attempt()
INSERT INTO webhook_attempts (tenant_id, attempt_id, integration_id, session_id, webhook_id, event_id, analysis_version,
                              began_at, duration_ms, status, code, answer)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
       CASE WHEN (SELECT erased_at FROM sessions WHERE tenant_id = $1 AND session_id = $4) IS NULL THEN $12 END";

WEBHOOK_ATTEMPTS = "
-- webhook_attempts()
SELECT log.session_id, webhook_id, coalesce(type, 'session.analyzed') AS type,
       coalesce(event.analysis_version, log.analysis_version) AS analysis_version, event.code AS failure_code, occurrence,
       email_id, email_status, replay_id IS NOT NULL AS is_replay, began_at, duration_ms, status, log.code, answer
FROM webhook_attempts AS log LEFT JOIN webhook_events AS event USING (tenant_id, event_id)
WHERE tenant_id = $1 AND log.integration_id = $2 AND ($3::text IS NULL OR log.session_id = $3)
ORDER BY began_at DESC, attempt_id DESC LIMIT $4";
}

/// The row that a request to a webhook was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOf {
    /// A row of `webhook_events`.
    Event(Uuid),
    /// A version of the analysis, of `integration_log`.
    Analysis(i32),
}

/// A request that was made, or would have been.
#[derive(Clone, Copy)]
pub struct NewAttempt<'a> {
    pub tenant_id: &'a TenantId,
    pub integration_id: &'a IntegrationId,
    pub session_id: &'a SessionId,
    pub webhook_id: &'a str,
    pub of: AttemptOf,
    pub began_at: DateTime<Utc>,
    pub duration: Duration,
    /// The HTTP status; `None` without an answer.
    pub status: Option<u16>,
    /// The reason for which the event was not delivered.
    pub code: Option<Code>,
    /// The beginning of the answer's body.
    pub answer: Option<&'a str>,
}

/// A request to a webhook, as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEntry {
    pub began_at: DateTime<Utc>,
    pub session_id: SessionId,
    /// The text of an [`Event`](domain::event::Event).
    pub event: String,
    pub webhook_id: String,
    pub is_replay: bool,
    pub duration_ms: i32,
    /// The HTTP status; `None` without an answer.
    pub status: Option<i32>,
    /// The reason for which the event was not delivered.
    pub code: Option<String>,
    /// The beginning of the answer.
    pub answer: Option<String>,
}

impl Store {
    /// Records a request; without its answer if the visitor has been erased.
    pub async fn record_webhook_attempt(&self, new: &NewAttempt<'_>) -> Result<(), Error> {
        let (event_id, version) = match new.of {
            AttemptOf::Event(id) => (Some(id), None),
            AttemptOf::Analysis(version) => (None, Some(version)),
        };
        let params = [
            text(new.tenant_id.as_ref()),
            uuid(Uuid::now_v7()),
            text(new.integration_id.as_ref()),
            text(new.session_id.as_ref()),
            text(new.webhook_id),
            uuid(event_id),
            int(version),
            time(new.began_at),
            int(i32::try_from(new.duration.as_millis()).unwrap_or(i32::MAX)),
            int(new.status.map(i32::from)),
            text(new.code.map(Code::as_str)),
            // PostgreSQL stores no null characters.
            text(new.answer.map(|answer| answer.replace('\0', ""))),
        ];
        self.execute(RECORD_WEBHOOK_ATTEMPT, &params).await.map(drop)
    }

    /// Returns an integration's latest attempts, or those about one session; the latest first.
    pub async fn webhook_attempts(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        session: Option<&SessionId>,
        limit: i64,
    ) -> Result<Vec<AttemptEntry>, Error> {
        let session = text(session.map(|session| session.as_ref()));
        let params = [text(tenant.as_ref()), text(integration.as_ref()), session, bigint(limit)];
        self.all(WEBHOOK_ATTEMPTS, &params).await
    }
}

impl FromRow for AttemptEntry {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            began_at: row.get("began_at")?,
            session_id: row.get("session_id")?,
            event: read_event(row)?.to_string(),
            webhook_id: row.get("webhook_id")?,
            is_replay: row.get("is_replay")?,
            duration_ms: row.get("duration_ms")?,
            status: row.get("status")?,
            code: row.get("code")?,
            answer: row.get("answer")?,
        })
    }
}
