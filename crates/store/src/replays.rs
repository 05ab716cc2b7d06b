//! Events that a webhook is told once more because somebody asks for it.

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::step::Step;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::sql::{Param, bigint, get, parse, text, time, uuid};
use crate::{Error, Store};

/// Of what it is not asked for, session or range, the parameters are null, and no row is looked at.
///
/// Events that can no longer be told are left out: their analysis or mail is gone, or the visitor was erased. All of a
/// session's events are on one page, the first one's also where they are more than a page.
const PLAN_REPLAYS: &str = "
-- plan_replays()
WITH synced AS (
    SELECT session_id, analysis_version FROM integration_log
    WHERE tenant_id = $1 AND integration_id = $2 AND session_id = $4 AND status IN ('done', 'failed') AND attempts > 0
    UNION ALL
    SELECT session_id, analysis_version FROM integration_log
    WHERE tenant_id = $1 AND integration_id = $2 AND updated_at >= $5 AND updated_at < $6 AND session_id > $7
      AND status IN ('done', 'failed') AND attempts > 0
), tried AS (
    SELECT session_id, event FROM webhook_attempts
    WHERE tenant_id = $1 AND integration_id = $2 AND session_id = $4 AND NOT is_replay
    UNION
    SELECT session_id, event FROM webhook_attempts
    WHERE tenant_id = $1 AND integration_id = $2 AND began_at >= $5 AND began_at < $6 AND session_id > $7 AND NOT is_replay
), told AS (
    SELECT session_id,
           'session.analyzed' || CASE WHEN analysis_version > 1 THEN '@' || analysis_version ELSE '' END AS event
    FROM synced
    WHERE EXISTS (SELECT FROM analyses WHERE tenant_id = $1 AND analyses.session_id = synced.session_id
                  AND version = analysis_version)
    UNION ALL
    SELECT session_id, event FROM tried
    WHERE CASE WHEN event LIKE 'email.status@%' THEN EXISTS (
                   SELECT FROM email_log WHERE tenant_id = $1 AND email_id = split_part(event, '@', 2)::uuid)
               ELSE event LIKE 'session.failed@%' END
), page AS (
    SELECT session_id, count(*) AS events, sum(count(*)) OVER (ORDER BY session_id) AS until_here
    FROM told
    WHERE EXISTS (SELECT FROM sessions WHERE tenant_id = $1 AND sessions.session_id = told.session_id AND erased_at IS NULL)
    GROUP BY session_id
    ORDER BY session_id LIMIT $8
), wanted AS (
    SELECT session_id, 'crm_sync:' || $2 || '/' || event || '/' || $3::uuid AS step,
           jsonb_build_object('type', 'crm-sync.v2', 'tenant_id', $1, 'session_id', session_id, 'integration_id', $2,
                              'event', event, 'replay', $3)::text AS message
    FROM told JOIN page USING (session_id)
    WHERE (until_here <= $8 OR until_here = events)
      AND EXISTS (SELECT FROM integrations WHERE tenant_id = $1 AND integration_id = $2
                  AND config ->> 'kind' = 'webhook' AND removed_at IS NULL)
), planned AS (
    INSERT INTO steps (tenant_id, session_id, step, message, of_session)
    SELECT $1, session_id, step, message, false FROM wanted
    ON CONFLICT (tenant_id, session_id, step) DO NOTHING
)
SELECT session_id, step, message FROM wanted ORDER BY session_id, step";

/// What is to be synced again, or told once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayRange {
    Session(SessionId),
    /// What failed, or was told, from `from` on and before `to`, of the sessions that come `after` this one.
    Between {
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        after: Option<SessionId>,
    },
}

impl ReplayRange {
    /// A range begins after this session from now on.
    pub fn go_on_after(&mut self, session: &SessionId) {
        if let Self::Between { after, .. } = self {
            *after = Some(session.clone());
        }
    }

    /// Session, from, to and after.
    pub(crate) fn params(&self) -> [Param<'_>; 4] {
        match self {
            Self::Session(session) => {
                [text(session.as_ref()), time(None::<DateTime<Utc>>), time(None::<DateTime<Utc>>), text("")]
            }
            Self::Between { from, to, after } => {
                [text(None::<&str>), time(*from), time(*to), text(after.as_ref().map_or("", AsRef::as_ref))]
            }
        }
    }
}

/// A step of a replay, with the message that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedReplay {
    pub session_id: SessionId,
    pub step: Step,
    pub message: String,
}

impl Store {
    /// Plans that a webhook is told once more what it was told, or refused for good: up to `limit` events of whole
    /// sessions, in the order of their ids, and more only of a single one.
    ///
    /// There may be more `after` the last one's session, until there are none. The same `replay` plans each step once,
    /// however often it is asked for, and returns it each time.
    pub async fn plan_replays(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        replay: Uuid,
        range: &ReplayRange,
        limit: i64,
    ) -> Result<Vec<PlannedReplay>, Error> {
        let [tenant, integration] = [text(tenant.as_ref()), text(integration.as_ref())];
        let [session, from, to, after] = range.params();
        let params = [tenant, integration, uuid(replay), session, from, to, after, bigint(limit)];
        self.rows(PLAN_REPLAYS, &params).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<PlannedReplay, Error> {
    let sql = PLAN_REPLAYS;
    Ok(PlannedReplay {
        session_id: parse(sql, row, "session_id")?,
        step: parse(sql, row, "step")?,
        message: get(sql, row, "message")?,
    })
}
