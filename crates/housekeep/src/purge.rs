//! Retention: removes data that is older than its tenant keeps it.

use std::collections::VecDeque;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::TenantId;
use domain::settings::RetentionSettings;
use store::retention::{AgedRows, BATCH, PurgeBatch};
use store::tenants::Retention;

use crate::first_error::FirstError;
use crate::pace::{self, RESERVE};
use crate::{Context, Error, PurgeReport};

/// Tenants read at a time.
const PAGE: i64 = 1000;
/// Days after which the last mail to an address no longer matters: the longest time between two mails, a year, and a
/// day.
const RECIPIENT_DAYS: u32 = 366;

/// Kinds of data that have a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PurgeKind {
    Mails,
    Transcripts,
    Analyses,
    Rows(AgedRows),
}

/// One kind of one tenant's data.
#[derive(Debug, Clone)]
struct PurgeItem {
    tenant: TenantId,
    kind: PurgeKind,
    before: DateTime<Utc>,
}

/// Removes batch by batch, each kind of each tenant in turn, so that a tenant with much old data does not hold up the
/// others. Goes on after an error; returns the first error.
pub(crate) async fn purge<Q>(context: &Context<Q>, deadline: Instant) -> Result<PurgeReport, Error> {
    let (mut report, mut errors) = (PurgeReport::default(), FirstError::default());
    let mut queue = items(context, &mut errors).await?;
    while let Some(item) = queue.pop_front() {
        if pace::remaining(deadline) < RESERVE {
            queue.push_front(item);
            break;
        }
        match batch(context, &item, &mut report).await {
            Ok(true) => queue.push_back(item),
            Ok(false) => {}
            // The item leaves the queue: its error would come back with every turn.
            Err(source) => errors.note(Err(Error::Purge { tenant_id: item.tenant, source })),
        }
    }
    report.complete = queue.is_empty();
    count(&report);
    errors.into_result().map(|()| report)
}

async fn items<Q>(context: &Context<Q>, errors: &mut FirstError) -> Result<VecDeque<PurgeItem>, Error> {
    let now = (context.clock)();
    let mut tenants: Vec<Retention> = Vec::new();
    loop {
        let after = tenants.last().map(|last| &last.tenant_id);
        let page = context.store.retentions(after, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        tenants.extend(page);
        if is_last {
            break;
        }
    }
    let mut queue = VecDeque::new();
    for Retention { tenant_id, settings } in pace::from_anywhere(tenants) {
        match settings {
            Ok(settings) => queue.extend(of_tenant(&tenant_id, &settings, now)),
            Err(source) => errors.note(Err(Error::UnreadableRetention { tenant_id, source })),
        }
    }
    Ok(queue)
}

fn of_tenant(tenant: &TenantId, settings: &RetentionSettings, now: DateTime<Utc>) -> impl Iterator<Item = PurgeItem> {
    let failures = settings.failures_days.map(|days| days.get());
    let kinds = [
        (PurgeKind::Mails, settings.mail_log_days.map(|days| days.get())),
        (PurgeKind::Transcripts, settings.transcripts_days.map(|days| days.get())),
        (PurgeKind::Analyses, settings.analyses_days.map(|days| days.get())),
        (PurgeKind::Rows(AgedRows::Failures), failures),
        (PurgeKind::Rows(AgedRows::Alerts), failures),
        (PurgeKind::Rows(AgedRows::WebhookAttempts), settings.webhook_log_days.map(|days| days.get())),
        (PurgeKind::Rows(AgedRows::Recipients), Some(RECIPIENT_DAYS)),
    ];
    kinds.into_iter().filter_map(move |(kind, days)| {
        let before = now - TimeDelta::days(days?.into());
        Some(PurgeItem { tenant: tenant.clone(), kind, before })
    })
}

/// Removes one batch; returns whether there may be more.
async fn batch<Q>(context: &Context<Q>, item: &PurgeItem, report: &mut PurgeReport) -> Result<bool, store::Error> {
    let (store, batch) = (&context.store, PurgeBatch { tenant: &item.tenant, before: item.before, limit: BATCH });
    match item.kind {
        PurgeKind::Mails => {
            let purged = store.purge_mails(batch).await?;
            report.mails += rows(purged.mails);
            report.email_events += rows(purged.events);
            report.email_bodies += rows(purged.bodies);
            Ok(purged.mails >= BATCH)
        }
        PurgeKind::Transcripts => {
            let purged = store.purge_transcripts(batch).await?;
            report.transcript_turns += rows(purged.rows);
            // Turns fill this batch, not sessions, so only an empty one is the last.
            Ok(purged.sessions > 0)
        }
        PurgeKind::Analyses => {
            let purged = store.purge_analyses(batch).await?;
            report.analyses += rows(purged.rows);
            Ok(purged.sessions >= BATCH)
        }
        PurgeKind::Rows(aged) => {
            let removed = store.purge_rows(aged, batch).await?;
            *match aged {
                AgedRows::Failures => &mut report.failures,
                AgedRows::Alerts => &mut report.alerts,
                AgedRows::WebhookAttempts => &mut report.webhook_attempts,
                AgedRows::Recipients => &mut report.recipients,
            } += removed;
            Ok(removed >= BATCH.unsigned_abs())
        }
    }
}

fn rows(count: i64) -> u64 {
    count.try_into().unwrap_or(0)
}

/// Counts what was removed in a metric, whose kinds are the report's fields.
fn count(report: &PurgeReport) {
    let counts = serde_json::to_value(report).unwrap_or_default();
    for (kind, count) in counts.as_object().into_iter().flatten() {
        if let Some(count) = count.as_u64().filter(|count| *count > 0) {
            stage::metrics::purged(kind, count);
        }
    }
    let PurgeReport { mails, transcript_turns, analyses, failures, complete, .. } = report;
    tracing::info!(mails, transcript_turns, analyses, failures, complete, "old data removed");
}
