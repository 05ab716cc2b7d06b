//! Failures, waiting steps and successes, from which alerts are decided.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::step::{Code, StageName};

use crate::integrations::{codes_param, of_integration};
use crate::replays::ReplayRange;
use crate::row::{FromRow, Row, row};
use crate::sql::{bigint, float, millis, statements, text, time};
use crate::step_rows::read_planned;
use crate::{Error, Store};

/// Sessions of one code that are named: as many as a mail lists.
macro_rules! max_sessions {
    () => {
        10
    };
}
pub const MAX_SESSIONS: usize = max_sessions!();

statements! {
TENANTS_TO_WATCH = "
-- tenants_to_watch() across tenants
SELECT tenant_id FROM failures WHERE occurred_at >= now() - $1 * interval '1 millisecond' GROUP BY tenant_id
UNION
SELECT tenant_id FROM alerts
WHERE closed_at IS NULL OR mail_status IN ('pending', 'sending') OR recovery_status IN ('pending', 'sending')
UNION
SELECT tenant_id FROM steps WHERE status = 'waiting' AND code = ANY ($2::text[])
UNION
SELECT tenant_id FROM integrations WHERE disabled_code IS NOT NULL AND removed_at IS NULL
ORDER BY tenant_id";

// Webhook events count as the stage that sends them.
FAILURES_SINCE = "
-- failures_since()
WITH by_session AS (
    SELECT CASE kind WHEN 'webhook_event' THEN 'crm_sync' ELSE kind END AS stage, code, session_id, count(*) AS failures,
           max(occurred_at) AS last_at
    FROM failures WHERE tenant_id = $1 AND occurred_at >= $2 GROUP BY 1, 2, 3
)
SELECT stage AS step, code, sum(failures)::bigint AS failures, count(*) AS session_count, max(last_at) AS last_at,
       (array_agg(session_id ORDER BY last_at DESC, session_id))[1:", max_sessions!(), "] AS sessions
FROM by_session GROUP BY stage, code ORDER BY failures DESC, stage, code";

LAST_SUCCESS = "
-- last_success()
SELECT finished_at FROM steps
WHERE tenant_id = $1 AND status = 'done' AND finished_at > $2
  AND ($3::text IS NULL OR CASE kind WHEN 'webhook_event' THEN 'crm_sync' ELSE kind END = $3)
ORDER BY finished_at DESC LIMIT 1";

WAITING_STEPS = "
-- waiting_steps()
SELECT code, count(*) AS steps, (array_agg(session_id ORDER BY due_at, session_id))[1:", max_sessions!(), "] AS sessions
FROM steps WHERE tenant_id = $1 AND status = 'waiting' AND code = ANY ($2::text[]) GROUP BY code ORDER BY code";

FAILED_STEPS_OF = "
-- failed_steps_of()
SELECT tenant_id, session_id, kind, analysis_version, integration_id, event_id, code, message FROM steps
WHERE tenant_id = $1 AND status = 'failed' AND integration_id = $2 AND session_id > $6
  AND (session_id = $3 OR (finished_at >= $4 AND finished_at < $5))
ORDER BY session_id, kind, analysis_version, created_at, event_id LIMIT $7";
}

row! {
    /// Failures of one kind of step with one code.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct FailureCount {
        pub step: StageName,
        pub code: String,
        pub failures: i64,
        /// The number of their sessions.
        pub session_count: i64,
        /// Up to [`MAX_SESSIONS`] of these, whose failures are the latest.
        pub sessions: Vec<SessionId>,
        pub last_at: DateTime<Utc>,
    }
}

row! {
    /// Steps that wait for the same thing.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WaitingSteps {
        pub code: String,
        pub steps: i64,
        /// Up to [`MAX_SESSIONS`] of their sessions.
        pub sessions: Vec<SessionId>,
    }
}

/// A step that has failed, and the message that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedStep {
    pub session_id: SessionId,
    pub code: String,
    pub message: String,
}

impl Store {
    /// Returns up to `limit` failed steps of an integration, in the order of their sessions' ids.
    pub async fn failed_steps_of(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        range: &ReplayRange,
        limit: i64,
    ) -> Result<Vec<FailedStep>, Error> {
        let [session, from, to, after] = range.params();
        let more = [session, from, to, after, bigint(limit)];
        self.all(FAILED_STEPS_OF, &of_integration(tenant, integration, more)).await
    }

    /// Returns the tenants with a failure within the last `within`, with an alert that is open or has a mail to send,
    /// with a step that waits for one of these codes, or with an integration that the service has disabled.
    pub async fn tenants_to_watch(&self, within: Duration, waiting: &[Code]) -> Result<Vec<TenantId>, Error> {
        self.all(TENANTS_TO_WATCH, &[float(millis(within)), codes_param(waiting)]).await
    }

    /// Counts a tenant's failures since then, the most frequent first.
    pub async fn failures_since(&self, tenant: &TenantId, since: DateTime<Utc>) -> Result<Vec<FailureCount>, Error> {
        self.all(FAILURES_SINCE, &[text(tenant.as_ref()), time(since)]).await
    }

    /// Returns when a step, or one of this kind, was last done after `since`.
    pub async fn last_success(
        &self,
        tenant: &TenantId,
        step: Option<StageName>,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let params = [text(tenant.as_ref()), time(since), text(step.map(StageName::as_str))];
        let row = self.row(LAST_SUCCESS, &params).await?;
        row.map(|row| row.get("finished_at")).transpose()
    }

    /// Counts a tenant's steps that wait for one of these codes, by code.
    pub async fn waiting_steps(&self, tenant: &TenantId, codes: &[Code]) -> Result<Vec<WaitingSteps>, Error> {
        self.all(WAITING_STEPS, &[text(tenant.as_ref()), codes_param(codes)]).await
    }
}

impl FromRow for TenantId {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.get("tenant_id")
    }
}

impl FromRow for FailedStep {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let code: Option<String> = row.get("code")?;
        let (key, message) = read_planned(row)?;
        Ok(Self { session_id: key.session_id, code: code.unwrap_or_default(), message })
    }
}
