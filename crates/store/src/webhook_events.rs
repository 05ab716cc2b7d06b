//! The outbox: events to send to webhooks, written by the statements that change what is reported.
//!
//! An event is a row, and its delivery a step of the kind `webhook_event`. Both are written in the statement that makes
//! the event true, so that neither can be missing. The stage that ran the statement sends the message, and `housekeep`
//! the messages that got lost.

use chrono::{DateTime, Utc};
use domain::event::{Event, EventType};
use domain::id::TenantId;
use uuid::Uuid;

use crate::row::{FromRow, Row};
use crate::sql::{statements, text, uuid};
use crate::{Error, Store};

/// The webhooks of `integrations` that ask for a type of event. A disabled webhook gets its events when it is fixed.
macro_rules! webhooks_asking_for {
    ($event_type:literal) => {
        concat!(
            "integrations.tenant_id = $1 AND removed_at IS NULL
        AND (enabled OR disabled_code IS NOT NULL) AND config ->> 'kind' = 'webhook' AND config -> 'events' ? '",
            $event_type,
            "'"
        )
    };
}
pub(crate) use webhooks_asking_for;

/// Plans the delivery of each of `events`.
macro_rules! plan_deliveries {
    () => {
        "planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, event_id)
    SELECT tenant_id, session_id, 'webhook_event', 0, integration_id, event_id FROM events
)"
    };
}
pub(crate) use plan_deliveries;

/// Reports the status of a mail in `changed`: each status once, and none before SES has the mail or will not get it.
macro_rules! report_email_status {
    () => {
        concat!(
            "events AS (
    INSERT INTO webhook_events (tenant_id, event_id, session_id, integration_id, type, email_id, email_status)
    SELECT $1, gen_random_uuid(), session_id, integration_id, 'email.status', email_id, status
    FROM changed JOIN integrations ON ",
            webhooks_asking_for!("email.status"),
            "
    WHERE status NOT IN ('queued', 'sending')
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, session_id, integration_id, event_id
), ",
            plan_deliveries!()
        )
    };
}
pub(crate) use report_email_status;

statements! {
WEBHOOK_EVENT = "
-- webhook_event()
SELECT type, analysis_version, code AS failure_code, occurrence, email_id, email_status, occurred_at,
       replay_id IS NOT NULL AS is_replay
FROM webhook_events WHERE tenant_id = $1 AND event_id = $2";
}

/// An event to send to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    pub event: Event,
    /// The time of what is reported, also in a replay.
    pub occurred_at: DateTime<Utc>,
    pub is_replay: bool,
}

impl Store {
    pub async fn webhook_event(&self, tenant: &TenantId, event_id: Uuid) -> Result<Option<WebhookEvent>, Error> {
        self.first(WEBHOOK_EVENT, &[text(tenant.as_ref()), uuid(event_id)]).await
    }
}

impl FromRow for WebhookEvent {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let event = read_event(row)?;
        Ok(Self { event, occurred_at: row.get("occurred_at")?, is_replay: row.get("is_replay")? })
    }
}

/// Reads an event from its columns, with its code as `failure_code`.
pub(crate) fn read_event(row: &Row) -> Result<Event, Error> {
    match row.get("type")? {
        EventType::SessionAnalyzed => Ok(Event::SessionAnalyzed { version: row.get("analysis_version")? }),
        EventType::SessionFailed => {
            let (code, occurrence) = (row.get("failure_code")?, row.get("occurrence")?);
            Ok(Event::SessionFailed { code, occurrence })
        }
        EventType::EmailStatus => {
            let (email_id, status) = (row.get("email_id")?, row.get("email_status")?);
            Ok(Event::EmailStatus { email_id, status })
        }
    }
}
