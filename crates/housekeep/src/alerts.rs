//! Alerts: a tenant's admins get one mail when too much fails, and one when it works again.
//!
//! Concurrent runs are safe: opening, closing and taking a mail are claims in the database.

mod console;
mod decision;
mod delivery;
mod email;
mod evidence;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::settings::AlertSettings;
use domain::settings::alerts::MAX_MINUTES;
use serde::Deserialize;
use store::alerts::{Alert, ClosedAs, NewAlert};
use store::failures::FailureCount;
use store::tenants::Tenant;

use crate::first_error::FirstError;
use crate::pace::{self, RESERVE};
use crate::{AlertsReport, Context, Error};
use decision::{AlertDecision, decide, delta};
use evidence::{AlertEvidence, Stalled};
use rule::AlertRule;

/// Tenants examined in one run. With more, the next runs reach the others, because each run begins with any tenant.
const MAX_TENANTS: usize = 1000;
/// Mails sent in one run; the next runs send the others.
const MAX_MAILS: u32 = 100;
/// The longest window that a threshold can have.
const LONGEST_WINDOW: Duration = Duration::from_secs(MAX_MINUTES as u64 * 60);

/// Section of the tenant's settings about alerts.
#[derive(Deserialize)]
struct AlertSection {
    #[serde(default)]
    alerts: AlertSettings,
}

/// State of one run.
struct AlertRun<'a, Q> {
    context: &'a Context<Q>,
    deadline: Instant,
    now: DateTime<Utc>,
    report: AlertsReport,
    /// Mails that this run may still send.
    mails_left: u32,
}

/// Tenant that a run examines.
struct WatchedTenant<'a> {
    tenant_id: &'a TenantId,
    name: &'a str,
    settings: &'a AlertSettings,
    rules: &'a [AlertRule],
    stalled: Stalled<'a>,
}

impl WatchedTenant<'_> {
    fn cool_down(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.cool_down_minutes.get()) * 60)
    }
}

/// Examines every tenant, also after an error; returns the first error.
pub(crate) async fn alerts<Q>(context: &Context<Q>, deadline: Instant) -> Result<AlertsReport, Error> {
    let now = (context.clock)();
    let tenants = context.store.tenants_to_watch(LONGEST_WINDOW, &rule::WAITING).await?;
    let tenants = pace::from_anywhere(tenants);
    let mut run = AlertRun { context, deadline, now, report: AlertsReport::default(), mails_left: MAX_MAILS };
    let (mut errors, all) = (FirstError::default(), tenants.len());
    for tenant in tenants.iter().take(MAX_TENANTS) {
        if pace::remaining(deadline) < RESERVE {
            break;
        }
        errors.note(run.tenant(tenant).await);
        run.report.tenants += 1;
    }
    run.report.complete = all == run.report.tenants as usize;
    let AlertsReport { opened, recovered, cooled_down, mailed, mails_failed, complete, .. } = run.report;
    tracing::info!(opened, recovered, cooled_down, mailed, mails_failed, complete, "alerts examined");
    errors.into_result().map(|()| run.report)
}

impl<Q> AlertRun<'_, Q> {
    async fn tenant(&mut self, tenant_id: &TenantId) -> Result<(), Error> {
        let store = &self.context.store;
        let Some(Tenant { name, settings }) = store.tenant::<AlertSection>(tenant_id).await? else { return Ok(()) };
        let at_work = store.alerts_at_work(tenant_id).await?;
        let waiting = store.waiting_steps(tenant_id, &rule::WAITING).await?;
        let disabled = store.disabled_integrations(tenant_id).await?;
        let stalled = Stalled { waiting: &waiting, disabled: &disabled };
        let rules = AlertRule::all(&settings.alerts, &disabled, &at_work);
        let watched = WatchedTenant { tenant_id, name: &name, settings: &settings.alerts, rules: &rules, stalled };
        let failures = self.failures(&watched).await?;
        let open = |text: &str| at_work.iter().find(|alert| alert.closed_at.is_none() && alert.rule == text);
        for rule in &rules {
            let within = |time| {
                let failures = failures.get(&time).map(Vec::as_slice).unwrap_or_default();
                AlertEvidence::of(rule, failures, stalled, self.now)
            };
            let (evidence, recent) = (within(rule.window()), within(rule.quiet()));
            let open = open(&rule.to_string());
            let decision = decide(rule, open, evidence.as_ref(), recent.as_ref(), watched.cool_down(), self.now);
            self.apply(&watched, rule, decision).await?;
        }
        for alert in at_work.iter().filter(|alert| alert.closed_at.is_none()) {
            // The tenant has changed the threshold.
            if !rules.iter().any(|rule| rule.to_string() == alert.rule) {
                // A recovery would be mailed, although the failures may go on.
                self.close(&watched, alert, ClosedAs::CooledDown).await?;
            }
        }
        self.send_mails(&watched).await
    }

    /// Counts failures within the window and within the quiet time of each rule.
    async fn failures(&self, watched: &WatchedTenant<'_>) -> Result<BTreeMap<Duration, Vec<FailureCount>>, Error> {
        let failing = watched.rules.iter().filter(|rule| match rule {
            AlertRule::Threshold(_) | AlertRule::Refused(_) => true,
            AlertRule::Waiting(_) | AlertRule::Disabled(_) => false,
        });
        let windows: BTreeSet<_> = failing.flat_map(|rule| [rule.window(), rule.quiet()]).collect();
        let mut failures = BTreeMap::new();
        for window in windows {
            let found = self.context.store.failures_since(watched.tenant_id, self.now - delta(window)).await?;
            failures.insert(window, found);
        }
        Ok(failures)
    }

    async fn apply(
        &mut self,
        watched: &WatchedTenant<'_>,
        rule: &AlertRule,
        decision: AlertDecision<'_>,
    ) -> Result<(), Error> {
        match decision {
            AlertDecision::Keep => {}
            AlertDecision::Open(evidence) => self.open(watched, rule, evidence).await?,
            AlertDecision::Update(alert, evidence) => self.update(watched, alert, evidence).await?,
            AlertDecision::Recover(alert) => {
                self.report.recovered += u32::from(self.close(watched, alert, ClosedAs::Recovered).await?);
            }
            AlertDecision::Reopen(alert, evidence) => {
                if self.close(watched, alert, ClosedAs::CooledDown).await? {
                    self.report.cooled_down += 1;
                    self.open(watched, rule, evidence).await?;
                }
            }
        }
        Ok(())
    }

    async fn open(
        &mut self,
        watched: &WatchedTenant<'_>,
        rule: &AlertRule,
        evidence: &AlertEvidence,
    ) -> Result<(), Error> {
        let rule = rule.to_string();
        let new = NewAlert {
            tenant_id: watched.tenant_id,
            rule: &rule,
            failures: evidence.total(),
            codes: &evidence.codes(),
            last_failure_at: evidence.last_at,
        };
        if self.context.store.open_alert(&new).await?.is_some() {
            tracing::warn!(tenant.id = %watched.tenant_id, rule, failures = evidence.total(), "alert opened");
            stage::metrics::count(stage::metrics::ALERTS_OPENED);
            self.report.opened += 1;
        }
        Ok(())
    }

    async fn update(&self, watched: &WatchedTenant<'_>, alert: &Alert, evidence: &AlertEvidence) -> Result<(), Error> {
        let (store, tenant, codes) = (&self.context.store, watched.tenant_id, evidence.codes());
        Ok(store.update_alert(tenant, alert.alert_id, evidence.total(), &codes, evidence.last_at).await?)
    }

    /// Closes an alert; `false` if another run was first.
    async fn close(&self, watched: &WatchedTenant<'_>, alert: &Alert, closed_as: ClosedAs) -> Result<bool, Error> {
        let closed = self.context.store.close_alert(watched.tenant_id, alert.alert_id, closed_as).await?;
        if closed {
            let (rule, closed_as) = (&alert.rule, closed_as.as_str());
            tracing::info!(tenant.id = %watched.tenant_id, rule, closed_as, "alert closed");
        }
        Ok(closed)
    }
}
