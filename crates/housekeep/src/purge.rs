//! Retention: what is older than its tenant keeps it is removed.

use std::collections::VecDeque;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::TenantId;
use domain::settings::RetentionSettings;
use serde::Serialize;
use store::retention::BATCH;
use store::tenants::Retention;

use crate::first_error::FirstError;
use crate::pace::{self, RESERVE};
use crate::{Context, Error};

/// Tenants read at a time.
const PAGE: i64 = 1000;
/// Days after which an address's last mail counts no more: the longest time between two mails, a year, and a day.
const RECIPIENT_DAYS: u32 = 366;

/// What a run removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    pub mails: u64,
    pub email_events: u64,
    /// Mails as they were sent.
    pub email_bodies: u64,
    pub transcript_turns: u64,
    /// And parts of them.
    pub analyses: u64,
    pub failures: u64,
    pub alerts: u64,
    /// Requests to webhooks.
    pub webhook_attempts: u64,
    /// When addresses got their last mail.
    pub recipients: u64,
    /// Whether everything was removed whose time is over; if not, the next run goes on.
    pub complete: bool,
}

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mails,
    Transcripts,
    Analyses,
    Failures,
    Alerts,
    WebhookAttempts,
    Recipients,
}

/// One kind of one tenant.
#[derive(Debug, Clone)]
struct Work {
    tenant: TenantId,
    kind: Kind,
    before: DateTime<Utc>,
}

/// Batch by batch, each kind of each tenant in turn, so that one with much to remove does not keep the others waiting.
/// The first error is returned after the others were tried.
pub(crate) async fn purge<Q>(context: &Context<Q>, deadline: Instant) -> Result<Purged, Error> {
    let (mut report, mut errors) = (Purged::default(), FirstError::default());
    let mut queue = work(context, &mut errors).await?;
    while let Some(work) = queue.pop_front() {
        if pace::remaining(deadline) < RESERVE {
            queue.push_front(work);
            break;
        }
        match batch(context, &work, &mut report).await {
            Ok(true) => queue.push_back(work),
            Ok(false) => {}
            Err(source) => errors.note(Err(Error::Purge { tenant_id: work.tenant, source })),
        }
    }
    report.complete = queue.is_empty();
    count(&report);
    errors.into_result().map(|()| report)
}

async fn work<Q>(context: &Context<Q>, errors: &mut FirstError) -> Result<VecDeque<Work>, Error> {
    let now = (context.clock)();
    let mut tenants: Vec<Retention> = Vec::new();
    loop {
        let after = tenants.last().map(|last| &last.tenant_id);
        let page = context.store.retentions(after, PAGE).await.map_err(Error::Retentions)?;
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

fn of_tenant(tenant: &TenantId, settings: &RetentionSettings, now: DateTime<Utc>) -> impl Iterator<Item = Work> {
    let failures = settings.failures_days.map(|days| days.get());
    let kinds = [
        (Kind::Mails, settings.mail_log_days.map(|days| days.get())),
        (Kind::Transcripts, settings.transcripts_days.map(|days| days.get())),
        (Kind::Analyses, settings.analyses_days.map(|days| days.get())),
        (Kind::Failures, failures),
        (Kind::Alerts, failures),
        (Kind::WebhookAttempts, settings.webhook_log_days.map(|days| days.get())),
        (Kind::Recipients, Some(RECIPIENT_DAYS)),
    ];
    kinds.into_iter().filter_map(move |(kind, days)| {
        let before = now - TimeDelta::days(days?.into());
        Some(Work { tenant: tenant.clone(), kind, before })
    })
}

/// Returns whether there may be more.
async fn batch<Q>(context: &Context<Q>, work: &Work, report: &mut Purged) -> Result<bool, store::Error> {
    let (store, Work { tenant, before, .. }) = (&context.store, work);
    let is_full = |rows: u64| rows >= BATCH.unsigned_abs();
    Ok(match work.kind {
        Kind::Mails => {
            let purged = store.purge_mails(tenant, *before, BATCH).await?;
            report.mails += rows(purged.mails);
            report.email_events += rows(purged.events);
            report.email_bodies += rows(purged.bodies);
            purged.mails >= BATCH
        }
        Kind::Transcripts => {
            let purged = store.purge_transcripts(tenant, *before, BATCH).await?;
            report.transcript_turns += rows(purged.rows);
            purged.sessions > 0
        }
        Kind::Analyses => {
            let purged = store.purge_analyses(tenant, *before, BATCH).await?;
            report.analyses += rows(purged.rows);
            purged.sessions >= BATCH
        }
        Kind::Failures => {
            let purged = store.purge_failures(tenant, *before, BATCH).await?;
            report.failures += purged;
            is_full(purged)
        }
        Kind::Alerts => {
            let purged = store.purge_alerts(tenant, *before, BATCH).await?;
            report.alerts += purged;
            is_full(purged)
        }
        Kind::WebhookAttempts => {
            let purged = store.purge_webhook_attempts(tenant, *before, BATCH).await?;
            report.webhook_attempts += purged;
            is_full(purged)
        }
        Kind::Recipients => {
            let purged = store.purge_recipients(tenant, *before, BATCH).await?;
            report.recipients += purged;
            is_full(purged)
        }
    })
}

fn rows(count: i64) -> u64 {
    count.try_into().unwrap_or(0)
}

fn count(report: &Purged) {
    let Purged {
        mails,
        email_events,
        email_bodies,
        transcript_turns,
        analyses,
        failures,
        alerts,
        webhook_attempts,
        recipients,
        complete,
    } = *report;
    for (kind, count) in [
        ("mails", mails),
        ("email_events", email_events),
        ("email_bodies", email_bodies),
        ("transcript_turns", transcript_turns),
        ("analyses", analyses),
        ("failures", failures),
        ("alerts", alerts),
        ("webhook_attempts", webhook_attempts),
        ("recipients", recipients),
    ] {
        if count > 0 {
            stage::metrics::purged(kind, count);
        }
    }
    tracing::info!(mails, transcript_turns, analyses, failures, complete, "removed what was kept for long enough");
}
