//! Reads what a message refers to.

use chrono::{DateTime, Utc};
use connectors::Error;
use connectors::job::SyncNotes;
use connectors::reason::Reason;
use domain::integration::Integration;
use domain::message::CrmSyncMessage;
use stage::Delivery;
use store::Store;
use store::integration_log::SyncKey;
use store::integrations::AsOf;
use store::sessions::StoredSession;
use store::webhook_events::WebhookEvent;
use uuid::Uuid;

/// A message with what it refers to.
pub(crate) struct SyncRequest<'a> {
    pub(crate) integration: &'a Integration,
    pub(crate) as_of: AsOf,
    pub(crate) stored: &'a StoredSession,
    pub(crate) content: SyncContent<'a>,
    pub(crate) delivery: &'a Delivery,
    pub(crate) now: DateTime<Utc>,
    pub(crate) notes: SyncNotes,
}

/// Content of a sync.
pub(crate) enum SyncContent<'a> {
    /// A version of the analysis, which has a row in `integration_log`.
    Analysis(SyncKey<'a>),
    /// An event, which has no row there.
    Event { event_id: Uuid, event: WebhookEvent },
}

impl<'a> SyncContent<'a> {
    pub(crate) async fn of(message: &'a CrmSyncMessage, store: &Store) -> Result<Self, Error> {
        match message {
            CrmSyncMessage::V1 { tenant_id, session_id, analysis_version, integration_id } => {
                let analysis_version = *analysis_version;
                Ok(Self::Analysis(SyncKey { tenant_id, session_id, integration_id, analysis_version }))
            }
            CrmSyncMessage::V2 { tenant_id, event_id, .. } => {
                let event = store.webhook_event(tenant_id, *event_id).await?;
                Ok(Self::Event { event_id: *event_id, event: event.ok_or(Error::Reason(Reason::UnknownEvent))? })
            }
        }
    }
}
