//! Alerts: a tenant's admins are told once that too much fails, and once that it works again.
//!
//! Concurrent runs are safe: opening, closing and taking a mail are claims in the database.

mod console;
mod evidence;
mod judge;
mod letter;
mod mailing;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::settings::AlertSettings;
use serde::{Deserialize, Serialize};
use store::alerts::{Alert, ClosedAs, NewAlert};
use store::failures::FailureCount;
use store::tenants::Tenant;

use crate::first_error::FirstError;
use crate::pace::{self, RESERVE};
use crate::{Context, Error};
use evidence::{Evidence, Still};
use judge::{Verdict, delta, judge};
use rule::Rule;

/// Tenants looked at in one run; with more, each one's turn comes in one of the next runs, which begin elsewhere.
const MAX_TENANTS: usize = 1000;
/// Mails sent in one run; the others are sent in the next ones.
const MAX_MAILS: u32 = 100;
/// The longest window that a threshold can have.
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Alerted {
    /// Tenants that were looked at: with failures, waiting steps, a disabled integration or an alert.
    pub tenants: u32,
    pub opened: u32,
    pub recovered: u32,
    /// Closed because they went on for longer than the cool-down.
    pub cooled_down: u32,
    pub mailed: u32,
    /// Mails to admins that SES did not take, or may not have taken.
    pub mails_failed: u32,
    /// Whether every tenant had its turn.
    pub complete: bool,
}

/// The section of the settings that is needed here.
#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    alerts: AlertSettings,
}

/// One run.
struct Run<'a, Q> {
    context: &'a Context<Q>,
    deadline: Instant,
    now: DateTime<Utc>,
    report: Alerted,
    /// Mails that may still be sent.
    mails_left: u32,
}

/// What is known of a tenant.
struct Watched<'a> {
    tenant_id: &'a TenantId,
    name: &'a str,
    settings: &'a AlertSettings,
    rules: &'a [Rule],
    still: Still<'a>,
}

impl Watched<'_> {
    fn cool_down(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.cool_down_minutes.get()) * 60)
    }
}

/// Every tenant is tried, whatever becomes of the others; the first error is returned.
pub(crate) async fn alerts<Q>(context: &Context<Q>, deadline: Instant) -> Result<Alerted, Error> {
    let now = (context.clock)();
    let tenants = context.store.tenants_to_watch(LONGEST_WINDOW, &rule::WAITING).await.map_err(Error::Watch)?;
    let tenants = pace::from_anywhere(tenants);
    let mut run = Run { context, deadline, now, report: Alerted::default(), mails_left: MAX_MAILS };
    let (mut errors, all) = (FirstError::default(), tenants.len());
    for tenant in tenants.iter().take(MAX_TENANTS) {
        if pace::remaining(deadline) < RESERVE {
            break;
        }
        errors.note(run.tenant(tenant).await);
        run.report.tenants += 1;
    }
    run.report.complete = all == run.report.tenants as usize;
    let Alerted { opened, recovered, cooled_down, mailed, mails_failed, complete, .. } = run.report;
    tracing::info!(opened, recovered, cooled_down, mailed, mails_failed, complete, "looked for what admins must know");
    errors.into_result().map(|()| run.report)
}

impl<Q> Run<'_, Q> {
    async fn tenant(&mut self, tenant_id: &TenantId) -> Result<(), Error> {
        let store = &self.context.store;
        let found = store.tenant::<Settings>(tenant_id).await.map_err(Error::Watch)?;
        let Some(Tenant { name, settings, .. }) = found else { return Ok(()) };
        let at_work = store.alerts_at_work(tenant_id).await.map_err(Error::Watch)?;
        let waiting = store.waiting_steps(tenant_id, &rule::WAITING).await.map_err(Error::Watch)?;
        let disabled = store.disabled_integrations(tenant_id).await.map_err(Error::Watch)?;
        let still = Still { waiting: &waiting, disabled: &disabled };
        let rules = Rule::all(&settings.alerts, &disabled, &at_work);
        let watched = Watched { tenant_id, name: &name, settings: &settings.alerts, rules: &rules, still };
        let failures = self.failures(&watched).await?;
        let open = |text: &str| at_work.iter().find(|alert| alert.closed.is_none() && alert.rule == text);
        for rule in &rules {
            let within = |time| {
                let failures = failures.get(&time).map(Vec::as_slice).unwrap_or_default();
                Evidence::of(rule, failures, still, self.now)
            };
            let (evidence, recent) = (within(rule.window()), within(rule.quiet()));
            let open = open(&rule.to_string());
            let verdict = judge(rule, open, evidence.as_ref(), recent.as_ref(), watched.cool_down(), self.now);
            self.apply(&watched, rule, verdict).await?;
        }
        for alert in at_work.iter().filter(|alert| alert.closed.is_none()) {
            // Of a threshold that the tenant has changed.
            if !rules.iter().any(|rule| rule.to_string() == alert.rule) {
                self.close(&watched, alert, ClosedAs::CooledDown).await?;
            }
        }
        self.send_mails(&watched).await
    }

    /// The failures in the window of each rule, and in the time for which it has to be quiet.
    async fn failures(&self, watched: &Watched<'_>) -> Result<BTreeMap<Duration, Vec<FailureCount>>, Error> {
        let failing = watched.rules.iter().filter(|rule| match rule {
            Rule::Threshold(_) | Rule::Failed(_) => true,
            Rule::Waiting(_) | Rule::Disabled(_) => false,
        });
        let windows: BTreeSet<_> = failing.flat_map(|rule| [rule.window(), rule.quiet()]).collect();
        let mut failures = BTreeMap::new();
        for window in windows {
            let found = self.context.store.failures_since(watched.tenant_id, self.now - delta(window)).await;
            failures.insert(window, found.map_err(Error::Watch)?);
        }
        Ok(failures)
    }

    async fn apply(&mut self, watched: &Watched<'_>, rule: &Rule, verdict: Verdict<'_>) -> Result<(), Error> {
        match verdict {
            Verdict::Leave => {}
            Verdict::Open(evidence) => self.open(watched, rule, evidence).await?,
            Verdict::Update(alert, evidence) => self.update(watched, alert, evidence).await?,
            Verdict::Recovered(alert) => {
                let closed = self.close(watched, alert, ClosedAs::Recovered).await?;
                self.report.recovered += u32::from(closed);
            }
            Verdict::CooledDown(alert, evidence) => {
                if self.close(watched, alert, ClosedAs::CooledDown).await? {
                    self.report.cooled_down += 1;
                    self.open(watched, rule, evidence).await?;
                }
            }
        }
        Ok(())
    }

    async fn open(&mut self, watched: &Watched<'_>, rule: &Rule, evidence: &Evidence) -> Result<(), Error> {
        let rule = rule.to_string();
        let new = NewAlert {
            tenant_id: watched.tenant_id,
            rule: &rule,
            failures: evidence.total(),
            codes: &evidence.codes(),
            last_failure_at: evidence.last_at,
        };
        if self.context.store.open_alert(&new).await.map_err(Error::Watch)?.is_some() {
            tracing::warn!(tenant.id = %watched.tenant_id, rule, failures = evidence.total(), "an alert opened");
            stage::metrics::alert_opened();
            self.report.opened += 1;
        }
        Ok(())
    }

    async fn update(&self, watched: &Watched<'_>, alert: &Alert, evidence: &Evidence) -> Result<(), Error> {
        let (store, tenant, codes) = (&self.context.store, watched.tenant_id, evidence.codes());
        let updated = store.update_alert(tenant, alert.alert_id, evidence.total(), &codes, evidence.last_at).await;
        updated.map_err(Error::Watch)
    }

    /// `false` if another run was first.
    async fn close(&self, watched: &Watched<'_>, alert: &Alert, closed_as: ClosedAs) -> Result<bool, Error> {
        let closed = self.context.store.close_alert(watched.tenant_id, alert.alert_id, closed_as).await;
        let closed = closed.map_err(Error::Watch)?;
        if closed {
            let (rule, closed_as) = (&alert.rule, closed_as.as_str());
            tracing::info!(tenant.id = %watched.tenant_id, rule, closed_as, "an alert is over");
        }
        Ok(closed)
    }
}
