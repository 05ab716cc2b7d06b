use std::time::Duration;

use chrono::Utc;
use domain::id::TenantId;
use domain::step::{Code, StageName};
use futures_util::future::join_all;
use serde_json::json;
use store::alerts::{AlertMail, AlertMailStatus, ClosedAs, NewAlert};
use uuid::Uuid;

use crate::{World, days_ago};

const HOUR: Duration = Duration::from_secs(3600);
const PRICE_UNKNOWN: Code = Code::new("model_price_unknown");

/// Three sessions of `acme` and one of `other`, with failures and steps that are done or wait.
const SESSIONS: &str = "
INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at)
SELECT 'acme', 's-' || n, 'a', 'text', now() FROM generate_series(1, 12) n;
INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at) VALUES ('other', 's-1', 'a', 'text', now());
INSERT INTO failures (tenant_id, session_id, kind, code, occurred_at)
SELECT 'acme', 's-' || n, 'notify', 'ses_message_rejected',
       now() - n * interval '1 minute' FROM generate_series(1, 12) n;
INSERT INTO failures (tenant_id, session_id, kind, code, occurred_at)
VALUES ('acme', 's-1', 'crm_sync', 'crm_forbidden', now()), ('acme', 's-1', 'webhook_event', 'crm_forbidden', now()),
       ('acme', 's-1', 'analyze', 'model_refused', now() - interval '2 days'),
       ('other', 's-1', 'analyze', 'model_refused', now() - interval '2 days')";

impl World {
    async fn open(&self, rule: &str) -> Option<Uuid> {
        let codes = json!({ "ses_message_rejected": 5 });
        let (tenant_id, last_failure_at) = (&self.tenant, Utc::now());
        let new = NewAlert { tenant_id, rule, failures: 5, codes: &codes, last_failure_at };
        self.store().open_alert(&new).await.unwrap()
    }

    async fn take(&self, alert: Uuid, mail: AlertMail) -> bool {
        self.store().take_alert_mail(&self.tenant, alert, mail).await.unwrap()
    }

    async fn watched(&self, within: Duration) -> Vec<String> {
        let tenants = self.store().tenants_to_watch(within, &[PRICE_UNKNOWN]).await.unwrap();
        tenants.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn failures_are_counted_by_step_and_code_with_the_latest_sessions() {
    let world = World::new().await;
    world.execute(SESSIONS).await;
    let failures = world.store().failures_since(&world.tenant, days_ago(1)).await.unwrap();
    let [rejected, forbidden] = failures.as_slice() else { panic!("{failures:?}") };
    assert_eq!(
        (rejected.step, rejected.code.as_str(), rejected.failures),
        (StageName::Notify, "ses_message_rejected", 12)
    );
    let sessions: Vec<_> = rejected.sessions.iter().map(ToString::to_string).collect();
    assert_eq!(sessions, (1..=10).map(|n| format!("s-{n}")).collect::<Vec<_>>());
    assert_eq!((rejected.session_count, rejected.last_at > days_ago(1)), (12, true));
    assert_eq!((forbidden.step, forbidden.failures, forbidden.session_count), (StageName::CrmSync, 2, 1));
    let other: TenantId = "other".parse().unwrap();
    assert_eq!(world.store().failures_since(&other, days_ago(1)).await.unwrap(), []);
}

#[tokio::test]
async fn tenants_are_watched_while_something_fails_waits_or_is_to_be_reported() {
    let world = World::new().await;
    world.execute(SESSIONS).await;
    assert_eq!(world.watched(HOUR).await, ["acme"]);
    assert_eq!(world.watched(72 * HOUR).await, ["acme", "other"]);
    world.execute("DELETE FROM failures").await;
    assert_eq!(world.watched(HOUR).await, [""; 0]);

    world
        .execute(
            "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, status, code, message)
                   VALUES ('other', 's-1', 'analyze', 1, 'waiting', 'model_price_unknown', ''),
                          ('acme', 's-1', 'analyze', 1, 'waiting', 'budget_spent', '')",
        )
        .await;
    assert_eq!(world.watched(HOUR).await, ["other"]);
    let other: TenantId = "other".parse().unwrap();
    let waiting = world.store().waiting_steps(&other, &[PRICE_UNKNOWN]).await.unwrap();
    let [waiting] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!((waiting.code.as_str(), waiting.steps, waiting.sessions[0].as_ref()), ("model_price_unknown", 1, "s-1"));

    let alert = world.open("all:5/15").await.unwrap();
    assert_eq!(world.watched(HOUR).await, ["acme", "other"]);
    assert!(world.store().close_alert(&world.tenant, alert, ClosedAs::CooledDown).await.unwrap());
    assert_eq!(world.watched(HOUR).await, ["acme", "other"], "its mail is still to be sent");
    assert!(world.take(alert, AlertMail::Opening).await);
    let (mail, sent) = (AlertMail::Opening, AlertMailStatus::Sent);
    world.store().record_alert_mail(&world.tenant, alert, mail, sent, None).await.unwrap();
    assert_eq!(world.watched(HOUR).await, ["other"]);
}

#[tokio::test]
async fn a_success_is_one_of_the_step_that_failed_or_of_any() {
    let world = World::new().await;
    world.execute(SESSIONS).await;
    world.execute("INSERT INTO steps (tenant_id, session_id, kind, analysis_version, status, message, finished_at)
                   VALUES ('acme', 's-1', 'notify', 2, 'done', '', now() - interval '1 hour'),
                          ('acme', 's-1', 'analyze', 1, 'done', '', now()), ('acme', 's-2', 'notify', 1, 'failed', '', now())").await;
    let success = async |step, since| world.store().last_success(&world.tenant, step, since).await.unwrap();
    let notified = success(Some(StageName::Notify), days_ago(1)).await.unwrap();
    assert!(success(None, days_ago(1)).await.unwrap() > notified);
    assert_eq!(success(Some(StageName::Notify), notified).await, None, "none after it");
    assert_eq!(success(Some(StageName::CrmSync), days_ago(1)).await, None);
}

#[tokio::test]
async fn of_a_rule_one_alert_is_open_and_the_next_opens_after_it() {
    let world = World::new().await;
    let opened = join_all((0..8).map(|_| world.open("notify:3/10"))).await;
    let [alert] = opened.into_iter().flatten().collect::<Vec<_>>()[..] else { panic!("not one") };
    assert!(world.open("all:5/15").await.is_some(), "another rule");

    let close = async |reason| world.store().close_alert(&world.tenant, alert, reason).await.unwrap();
    assert!(close(ClosedAs::CooledDown).await);
    assert!(!close(ClosedAs::Recovered).await, "somebody was faster");
    assert!(world.open("notify:3/10").await.is_some());
}

#[tokio::test]
async fn an_alerts_mails_are_sent_once_also_after_a_crash() {
    let world = World::new().await;
    let (store, tenant) = (world.store(), &world.tenant);
    let alert = world.open("all:5/15").await.unwrap();
    let (opening, recovery) = (AlertMail::Opening, AlertMail::Recovery);
    assert!(!world.take(alert, recovery).await, "it has not recovered");
    let taken = join_all((0..8).map(|_| world.take(alert, opening))).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);

    let throttled = Some(Code::new("ses_throttled"));
    store.record_alert_mail(tenant, alert, opening, AlertMailStatus::Pending, throttled).await.unwrap();
    assert!(world.take(alert, opening).await, "again after SES was busy");
    assert!(!world.take(alert, opening).await, "the function that took it may have crashed after SES had it");
    store.update_alert(tenant, alert, 9, &json!({ "x": 9 }), Utc::now()).await.unwrap();
    let at_work = store.alerts_at_work(tenant).await.unwrap();
    assert_eq!((at_work[0].mail_status, at_work[0].mail_at.is_some()), (AlertMailStatus::Sending, true));
    assert_eq!((at_work[0].failures, &at_work[0].codes, at_work[0].recovery_status), (9, &json!({ "x": 9 }), None));

    store.record_alert_mail(tenant, alert, opening, AlertMailStatus::Unknown, None).await.unwrap();
    assert!(store.close_alert(tenant, alert, ClosedAs::Recovered).await.unwrap());
    let at_work = store.alerts_at_work(tenant).await.unwrap();
    assert_eq!(at_work[0].recovery_status, Some(AlertMailStatus::Pending));
    assert_eq!(at_work[0].closed_as, Some(ClosedAs::Recovered));
    assert!(world.take(alert, recovery).await);
    store.record_alert_mail(tenant, alert, recovery, AlertMailStatus::Sent, None).await.unwrap();
    assert_eq!(store.alerts_at_work(tenant).await.unwrap(), []);
}
