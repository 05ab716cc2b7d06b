use domain::settings::alerts::Threshold;
use domain::step::Code;
use insta::assert_snapshot;
use mail::SesRefusal;

use super::*;
use crate::QueuePair;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn evidence(groups: &[(StageName, &str, i64)]) -> AlertEvidence {
    AlertEvidence {
        counts: groups
            .iter()
            .map(|&(step, code, count)| CodeCount { step: Some(step), code: code.into(), count })
            .collect(),
        sessions: vec!["s-9".parse().unwrap(), "s-8".parse().unwrap()],
        more_sessions: groups.len() > 1,
        last_at: time("2026-11-25T10:12:00Z"),
        reason: None,
    }
}

fn with<T>(rule: AlertRule, test: impl FnOnce(&AlertEmail<'_>) -> T) -> T {
    let pair = |name: &str| {
        let url = format!("https://sqs.eu-west-1.amazonaws.com/1/{name}");
        QueuePair { dead_letter_url: format!("{url}-dead"), url }
    };
    let queues = StepQueues { analyze: pair("analyze"), notify: pair("notify"), crm_sync: pair("crm-sync") };
    test(&AlertEmail {
        tenant_id: &"acme".parse().unwrap(),
        tenant_name: "Acme\r\nBcc: eve@example.com",
        rule: &rule,
        cool_down: Duration::from_secs(3600),
        region: "eu-west-1",
        queues: &queues,
    })
}

#[test]
fn an_alert_names_what_failed_since_when_and_where_to_replay_it() {
    let evidence = evidence(&[(StageName::Notify, "ses_refused", 4), (StageName::Analyze, "model_access_denied", 2)]);
    let mail = with(AlertRule::Threshold(Threshold::default()), |email| {
        email.alert(&evidence, time("2026-11-25T09:57:10Z")).unwrap()
    });
    assert_eq!(mail.subject, "Acme Bcc: eve@example.com: 6 steps failed (all:5/15)");
    assert_snapshot!(mail.text, @r#"
    Tenant acme: 6 steps failed since 2026-11-25 09:57 UTC.
    Alert rule all:5/15: 5 or more failures of any step within 15 minutes.

    By step and code:
      4 x notify: ses_refused
      2 x analyze: model_access_denied

    Sessions (there are more):
      s-9
      s-8

    What to do: fix the cause that the code names, then start a redrive. The operator of the deployment can do so here:
      analyze: https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fanalyze-dead
      notify: https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fnotify-dead

    You get no further mail about this rule until no such step has failed for 15 minutes. If it goes on, the next mail comes after 60 minutes.
    "#);
    assert!(mail.html.contains("all:5&#x2f;15"), "{}", mail.html);
}

#[test]
fn one_failure_of_an_operators_code_is_written_in_the_singular() {
    let evidence = evidence(&[(StageName::Notify, "ses_sending_paused", 1)]);
    let mail = with(AlertRule::Refused(SesRefusal::SendingPaused), |email| {
        email.alert(&evidence, time("2026-11-25T09:57:10Z")).unwrap()
    });
    assert_eq!(mail.subject, "Acme Bcc: eve@example.com: 1 step failed (code:ses_sending_paused)");
    assert_snapshot!(mail.text, @r#"
    Tenant acme: 1 step failed since 2026-11-25 09:57 UTC.
    Alert rule code:ses_sending_paused: one failure with this code is enough, because every later step will fail too.

    By step and code:
      1 x notify: ses_sending_paused

    Sessions:
      s-9
      s-8

    What to do: fix the cause that the code names, then start a redrive. The operator of the deployment can do so here:
      notify: https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fnotify-dead

    You get no further mail about this rule until no such step has failed for 60 minutes. If it goes on, the next mail comes after 60 minutes.
    "#);
}

#[test]
fn only_a_refusal_of_the_account_is_said_to_fail_every_later_step() {
    let meaning = |refusal| {
        let evidence = evidence(&[(StageName::Notify, "ses", 1)]);
        let mail = with(AlertRule::Refused(refusal), |email| email.alert(&evidence, Utc::now()).unwrap());
        mail.text.lines().nth(1).unwrap().to_owned()
    };
    for refusal in SesRefusal::ALL {
        let is_sure = meaning(refusal).ends_with("because every later step will fail too.");
        assert_eq!(is_sure, refusal.scope() == RefusalScope::Account, "{refusal:?}");
    }
    assert_snapshot!(
        meaning(SesRefusal::NotFound),
        @"Alert rule code:ses_not_found: one failure with this code is enough, because SES may refuse every mail; see whether others are sent."
    );
}

#[test]
fn steps_that_wait_are_in_no_dead_letter_queue() {
    let evidence = evidence(&[(StageName::Analyze, "model_price_unknown", 2)]);
    let mail = with(AlertRule::Waiting(Code::new("model_price_unknown")), |email| {
        email.alert(&evidence, time("2026-11-25T09:57:10Z")).unwrap()
    });
    assert_snapshot!(mail.text, @r#"
    Tenant acme: 2 steps waiting.
    Alert rule waiting:model_price_unknown: one step that waits with this code.

    By step and code:
      2 x analyze: model_price_unknown

    Sessions:
      s-9
      s-8

    What to do: ask the operator of the deployment to fix the cause that the code names. The steps then continue by themselves.

    You get no further mail about this rule until no such step has waited for 60 minutes. If it goes on, the next mail comes after 60 minutes.
    "#);
}

#[test]
fn a_recovery_note_says_for_how_long_it_failed_and_whether_it_works_or_is_only_quiet() {
    let evidence = evidence(&[(StageName::Notify, "ses_refused", 4)]);
    let mut recovery = Recovery {
        opened_at: time("2026-11-25T10:00:00Z"),
        closed_at: time("2026-11-25T10:27:00Z"),
        last_failure_at: time("2026-11-25T10:12:00Z"),
        last_success: Some(time("2026-11-25T10:20:00Z")),
        integration: None,
    };
    let rule = AlertRule::Threshold(Threshold::default());
    let mail = with(rule.clone(), |email| email.recovery(&evidence, &recovery).unwrap());
    assert_eq!(mail.subject, "Acme Bcc: eve@example.com: works again (all:5/15)");
    assert_snapshot!(mail.text, @r#"
    Tenant acme: no such step has failed for 15 minutes.
    The alert of rule all:5/15 was open from 2026-11-25 10:00 UTC to 2026-11-25 10:27 UTC.

    4 steps failed in all, the last one at 2026-11-25 10:12 UTC.
    A step of this kind has succeeded since then, most recently at 2026-11-25 10:20 UTC.

    Failed messages stay in their dead-letter queue until the operator of the deployment starts a redrive:
      notify: https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fnotify-dead
    "#);
    recovery.last_success = None;
    let mail = with(rule, |email| email.recovery(&evidence, &recovery).unwrap());
    assert!(
        mail.text.contains("No step of this kind has succeeded since then: perhaps there was no traffic.\n"),
        "{}",
        mail.text
    );
    let mail = with(AlertRule::Waiting(Code::new("model_price_unknown")), |email| {
        email.recovery(&evidence, &recovery).unwrap()
    });
    assert!(!mail.text.contains("dead-letter"), "{}", mail.text);
}

#[test]
fn a_disabled_integration_is_mailed_with_its_reason_and_what_to_do() {
    let mut evidence = evidence(&[(StageName::CrmSync, "unauthorized", 12)]);
    evidence.reason = Some("HubSpot refuses the credentials.".to_owned());
    let rule = || AlertRule::Disabled("hubspot".parse().unwrap());
    let since = time("2026-11-25T10:13:00Z");
    let mail = with(rule(), |email| email.alert(&evidence, since).unwrap());
    assert_eq!(mail.subject, "Acme Bcc: eve@example.com: the integration hubspot is disabled (integration:hubspot)");
    assert_snapshot!(mail.text, @"
    Tenant acme: the service disabled the integration hubspot at 2026-11-25 10:12 UTC, with the code unauthorized.
    HubSpot refuses the credentials.

    12 sessions are waiting for it. Sessions are synced when the integration is enabled within 30 days. After 30 days they fail, and can be replayed.

    What to do: fix the cause, then ask the operator of the deployment to enable the integration. This command tests it first:
      cargo xtask integrations enable --function NAME --tenant acme --integration hubspot
    NAME is the name of the deployment's housekeep function, its output HousekeepFunctionName.

    You get no further mail about this (alert rule integration:hubspot) until the integration is no longer disabled.
    ");
    evidence.counts[0].count = 1;
    let mail = with(rule(), |email| email.alert(&evidence, since).unwrap());
    assert!(mail.text.contains("\n1 session is waiting for it."), "{}", mail.text);
}

#[test]
fn a_change_of_a_disabled_integration_is_mailed() {
    let evidence = evidence(&[(StageName::CrmSync, "unauthorized", 12)]);
    let mut recovery = Recovery {
        opened_at: time("2026-11-25T10:13:00Z"),
        closed_at: time("2026-11-25T11:27:00Z"),
        last_failure_at: time("2026-11-25T10:12:00Z"),
        last_success: None,
        integration: Some(IntegrationState::On),
    };
    let rule = || AlertRule::Disabled("hubspot".parse().unwrap());
    let mail = with(rule(), |email| email.recovery(&evidence, &recovery).unwrap());
    assert_eq!(
        mail.subject,
        "Acme Bcc: eve@example.com: the integration hubspot is no longer disabled (integration:hubspot)"
    );
    assert_snapshot!(mail.text, @"
    Tenant acme: the integration hubspot is enabled again. The sessions that were waiting for it are synced.
    The service had disabled it at 2026-11-25 10:12 UTC, and noticed the change at 2026-11-25 11:27 UTC.
    Alert rule integration:hubspot is closed.
    ");
    recovery.integration = Some(IntegrationState::Removed);
    let mail = with(rule(), |email| email.recovery(&evidence, &recovery).unwrap());
    assert!(mail.text.contains("the integration hubspot was removed. Sessions are not synced."), "{}", mail.text);
}
