//! Erases a visitor: removes everything of an e-mail address, or what links it to the address.

use std::time::Instant;

use serde::de::IgnoredAny;
use store::erasure::{Erased, Erasure, OpenSession};

use crate::pace::{self, RESERVE};
use crate::{Context, EraseVisitorReport, EraseVisitorRequest, Error};

/// Sessions of a batch; each has up to 20,000 turns.
const SESSIONS: i64 = 5;
/// Mails of a batch.
const MAILS: i64 = 500;
/// Open sessions, and records in third parties, that a report names: Lambda's answer holds 6 MB.
const LISTED: i64 = 10_000;

/// Erases in batches until nothing is found, or until the invocation ends. Reads the records in third parties first:
/// afterwards nothing links them to the visitor.
pub(crate) async fn erase_visitor<Q>(
    context: &Context<Q>,
    request: &EraseVisitorRequest,
    deadline: Instant,
) -> Result<EraseVisitorReport, Error> {
    let EraseVisitorRequest { tenant_id, email: address } = request;
    let (store, erasure) = (&context.store, Erasure { tenant_id, address });
    if store.tenant::<IgnoredAny>(tenant_id).await?.is_none() {
        return Err(Error::UnknownTenant(tenant_id.clone()));
    }
    let open = store.open_sessions_of(&erasure, LISTED).await?;
    let records = store.records_of(&erasure, LISTED).await?;
    let mut report = EraseVisitorReport {
        open_sessions: open.into_iter().map(|OpenSession { session_id, .. }| session_id).collect(),
        more_third_party_records: records.len() == LISTED as usize,
        third_party_records: records,
        ..EraseVisitorReport::default()
    };
    report.complete = match batches(context, &erasure, deadline, &mut report).await {
        Ok(complete) => complete,
        Err(error) if report.anonymised_sessions == 0 => return Err(error),
        Err(error) => {
            // Only this report names the records that these sessions left in third parties.
            tracing::error!(error = error.line(), "erasure interrupted");
            false
        }
    };
    let EraseVisitorReport { anonymised_sessions: sessions, anonymised_mails: mails, complete, .. } = report;
    tracing::info!(tenant.id = %tenant_id, sessions, mails, complete, "erasure ended");
    Ok(report)
}

/// Erases batches; returns whether nothing is left.
async fn batches<Q>(
    context: &Context<Q>,
    erasure: &Erasure<'_>,
    deadline: Instant,
    report: &mut EraseVisitorReport,
) -> Result<bool, Error> {
    let store = &context.store;
    store.forget_recipient(erasure).await?;
    loop {
        if pace::remaining(deadline) < RESERVE {
            return Ok(false);
        }
        let erased = store.erase_sessions(erasure, SESSIONS).await?;
        report.add(erased);
        if erased.sessions < SESSIONS {
            break;
        }
    }
    loop {
        if pace::remaining(deadline) < RESERVE {
            return Ok(false);
        }
        let erased = store.erase_mails(erasure, MAILS).await?;
        report.add(erased);
        if erased.mails < MAILS {
            return Ok(true);
        }
    }
}

impl EraseVisitorReport {
    fn add(&mut self, Erased { sessions, turns, analyses, mails, events, bodies }: Erased) {
        self.anonymised_sessions += sessions;
        self.removed_turns += turns;
        self.removed_analyses += analyses;
        self.anonymised_mails += mails;
        self.removed_email_events += events;
        self.removed_email_bodies += bodies;
    }
}
