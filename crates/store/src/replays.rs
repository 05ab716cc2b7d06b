//! Events that are sent to a webhook once more because an operator asks for it.

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, SessionId, TenantId};
use domain::message::CrmSyncMessage;
use uuid::Uuid;

use crate::row::row;
use crate::sql::{Param, bigint, statements, text, time, uuid};
use crate::webhook_events::plan_deliveries;
use crate::{Error, Store};

statements! {
/// A parameter that is null selects no row: a session or a range is given, not both.
///
/// Events without content are left out: their analysis or mail is gone, or the visitor was erased. All of a session's
/// events are on one page, the first session's also where they are more than a page.
PLAN_REPLAYS = "
-- plan_replays()
WITH synced AS (
    SELECT session_id, analysis_version FROM integration_log
    WHERE tenant_id = $1 AND integration_id = $2 AND session_id = $4 AND status IN ('done', 'failed') AND attempts > 0
    UNION ALL
    SELECT session_id, analysis_version FROM integration_log
    WHERE tenant_id = $1 AND integration_id = $2 AND updated_at >= $5 AND updated_at < $6 AND session_id > $7
      AND status IN ('done', 'failed') AND attempts > 0
), tried AS (
    SELECT event_id FROM webhook_attempts
    WHERE tenant_id = $1 AND integration_id = $2 AND session_id = $4 AND event_id IS NOT NULL
    UNION
    SELECT event_id FROM webhook_attempts
    WHERE tenant_id = $1 AND integration_id = $2 AND began_at >= $5 AND began_at < $6 AND session_id > $7
      AND event_id IS NOT NULL
), sent AS (
    SELECT synced.session_id, 'session.analyzed' AS type, analysis_version, NULL AS code, NULL::int AS occurrence,
           NULL::uuid AS email_id, NULL AS email_status, analyses.created_at AS occurred_at
    FROM synced JOIN analyses
      ON tenant_id = $1 AND analyses.session_id = synced.session_id AND version = analysis_version
    UNION ALL
    SELECT session_id, type, analysis_version, code, occurrence, email_id, email_status, occurred_at
    FROM tried JOIN webhook_events USING (event_id)
    WHERE tenant_id = $1 AND replay_id IS NULL
      AND (type <> 'email.status' OR EXISTS (
              SELECT FROM email_log WHERE tenant_id = $1 AND email_log.email_id = webhook_events.email_id))
), page AS (
    SELECT session_id, count(*) AS events, sum(count(*)) OVER (ORDER BY session_id) AS until_here
    FROM sent
    WHERE EXISTS (SELECT FROM sessions WHERE tenant_id = $1 AND sessions.session_id = sent.session_id AND erased_at IS NULL)
    GROUP BY session_id
    ORDER BY session_id LIMIT $8
), whole AS (
    SELECT session_id FROM page
    WHERE (until_here <= $8 OR until_here = events)
      AND EXISTS (SELECT FROM integrations WHERE tenant_id = $1 AND integration_id = $2
                  AND config ->> 'kind' = 'webhook' AND removed_at IS NULL)
), events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, analysis_version, code, occurrence,
                                email_id, email_status, occurred_at, replay_id)
    SELECT $1, gen_random_uuid(), session_id, $2, type, analysis_version, code, occurrence, email_id, email_status,
           occurred_at, $3
    FROM sent JOIN whole USING (session_id)
    ON CONFLICT DO NOTHING
    RETURNING *
), ", plan_deliveries!(), "
SELECT session_id, event_id, type, analysis_version, occurrence, email_status, email_id FROM events
UNION ALL
SELECT session_id, event_id, type, analysis_version, occurrence, email_status, email_id
FROM webhook_events JOIN whole USING (session_id) WHERE tenant_id = $1 AND integration_id = $2 AND replay_id = $3
ORDER BY session_id, type, analysis_version, occurrence, email_status, email_id";
}

/// The range of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayRange {
    Session(SessionId),
    /// Syncs that failed, or events that were sent, from `from` on and before `to`, of the sessions that come `after`
    /// this one.
    Between {
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        after: Option<SessionId>,
    },
}

impl ReplayRange {
    /// Lets a range begin after this session.
    pub fn go_on_after(&mut self, session: &SessionId) {
        if let Self::Between { after, .. } = self {
            *after = Some(session.clone());
        }
    }

    /// Returns session, from, to and after.
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

row! {
    /// An event of a replay.
    pub struct ReplayedEvent {
        pub session_id: SessionId,
        pub event_id: Uuid,
    }
}

/// An event of a replay, with the message that asks for its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedReplay {
    pub session_id: SessionId,
    pub event_id: Uuid,
    pub message: String,
}

impl Store {
    /// Plans to send a webhook once more what it was sent, or refused for good: up to `limit` events of whole sessions,
    /// in the order of their ids, and more only of a single session.
    ///
    /// There may be more `after` the last session, until an answer is empty. The same `replay` plans each event once,
    /// however often it is called, and returns it each time.
    pub async fn plan_replays(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        replay: Uuid,
        range: &ReplayRange,
        limit: i64,
    ) -> Result<Vec<PlannedReplay>, Error> {
        let (tenant_param, integration_param) = (text(tenant.as_ref()), text(integration.as_ref()));
        let [session, from, to, after] = range.params();
        let params = [tenant_param, integration_param, uuid(replay), session, from, to, after, bigint(limit)];
        let planned: Vec<ReplayedEvent> = self.all(PLAN_REPLAYS, &params).await?;
        let with_message = |ReplayedEvent { session_id, event_id }| {
            let (tenant_id, integration_id, session) = (tenant.clone(), integration.clone(), session_id.clone());
            let message = CrmSyncMessage::V2 { tenant_id, session_id: session, integration_id, event_id };
            let message = serde_json::to_string(&message).map_err(Error::Document)?;
            Ok(PlannedReplay { session_id, event_id, message })
        };
        planned.into_iter().map(with_message).collect()
    }
}
