//! The erasure of a visitor: everything of an e-mail address is removed, or no longer says whose it is.

use std::time::Instant;

use domain::email_address::EmailAddress;
use domain::id::{IntegrationId, SessionId, TenantId};
use serde::Serialize;
use serde::de::IgnoredAny;
use store::erasure::{Erased, Erasure, OpenSession, ThirdPartyRecord};

use crate::pace::{self, RESERVE};
use crate::{Context, Error};

/// Sessions of a batch; each has up to 20,000 turns.
const SESSIONS: i64 = 5;
/// Mails of a batch.
const MAILS: i64 = 500;
/// Open sessions, and records in third parties, that a report names.
/// An answer of Lambda has room for 6 MB.
const LISTED: i64 = 10_000;

/// What an erasure did, and what is left to others. Holds no address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ErasedVisitor {
    /// Sessions that no longer name a visitor.
    pub anonymised_sessions: i64,
    /// Mails in the log that no longer name a recipient.
    pub anonymised_mails: i64,
    pub removed_turns: i64,
    pub removed_analyses: i64,
    pub removed_email_events: i64,
    pub removed_email_bodies: i64,
    /// Sessions that have not ended: erase again when they have.
    pub open_sessions: Vec<SessionId>,
    /// What sessions had left in third parties, where it stays until somebody removes it there. It is named once: an
    /// erased session is not found again.
    pub third_party_records: Vec<Record>,
    /// There are more than these; `integration_log` has them, of sessions with an `erased_at`.
    pub more_third_party_records: bool,
    /// Whether nothing is left but open sessions; if not, erase again.
    pub complete: bool,
}

/// A contact, a note or a webhook's event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    pub integration_id: IntegrationId,
    pub session_id: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_id: Option<String>,
}

/// Batches until nothing is found, or until the invocation ends. What is left in third parties is read first: it could
/// not be told afterwards.
pub(crate) async fn erase_visitor<Q>(
    context: &Context<Q>,
    tenant_id: &TenantId,
    address: &EmailAddress,
    deadline: Instant,
) -> Result<ErasedVisitor, Error> {
    let (store, erasure) = (&context.store, Erasure { tenant_id, address });
    if store.tenant::<IgnoredAny>(tenant_id).await.map_err(Error::Erase)?.is_none() {
        return Err(Error::UnknownTenant(tenant_id.clone()));
    }
    let open = store.open_sessions_of(&erasure, LISTED).await.map_err(Error::Erase)?;
    let records = store.records_of(&erasure, LISTED).await.map_err(Error::Erase)?;
    let mut report = ErasedVisitor {
        open_sessions: open.into_iter().map(|OpenSession { session_id, .. }| session_id).collect(),
        more_third_party_records: records.len() == LISTED as usize,
        third_party_records: records.into_iter().map(Record::from).collect(),
        ..ErasedVisitor::default()
    };
    report.complete = match batches(context, &erasure, deadline, &mut report).await {
        Ok(complete) => complete,
        Err(error) if report.anonymised_sessions == 0 => return Err(error),
        Err(error) => {
            // The report alone names what these sessions have left in third parties.
            tracing::error!(error = error.line(), "an erasure was broken off");
            false
        }
    };
    let ErasedVisitor { anonymised_sessions: sessions, anonymised_mails: mails, complete, .. } = report;
    tracing::info!(tenant.id = %tenant_id, sessions, mails, complete, "erased a visitor");
    Ok(report)
}

/// Returns whether nothing is left.
async fn batches<Q>(
    context: &Context<Q>,
    erasure: &Erasure<'_>,
    deadline: Instant,
    report: &mut ErasedVisitor,
) -> Result<bool, Error> {
    let store = &context.store;
    store.forget_recipient(erasure).await.map_err(Error::Erase)?;
    loop {
        if pace::remaining(deadline) < RESERVE {
            return Ok(false);
        }
        let erased = store.erase_sessions(erasure, SESSIONS).await.map_err(Error::Erase)?;
        report.add(erased);
        if erased.sessions < SESSIONS {
            break;
        }
    }
    loop {
        if pace::remaining(deadline) < RESERVE {
            return Ok(false);
        }
        let erased = store.erase_mails(erasure, MAILS).await.map_err(Error::Erase)?;
        report.add(erased);
        if erased.mails < MAILS {
            return Ok(true);
        }
    }
}

impl ErasedVisitor {
    fn add(&mut self, Erased { sessions, turns, analyses, mails, events, bodies }: Erased) {
        self.anonymised_sessions += sessions;
        self.removed_turns += turns;
        self.removed_analyses += analyses;
        self.anonymised_mails += mails;
        self.removed_email_events += events;
        self.removed_email_bodies += bodies;
    }
}

impl From<ThirdPartyRecord> for Record {
    fn from(record: ThirdPartyRecord) -> Self {
        let ThirdPartyRecord { session_id, integration_id, contact_id, record_id, .. } = record;
        Self { integration_id, session_id, contact_id, record_id }
    }
}
