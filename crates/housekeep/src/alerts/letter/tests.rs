use domain::settings::alerts::Threshold;
use domain::step::Code;
use insta::assert_snapshot;

use super::*;
use crate::QueuePair;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn evidence(groups: &[(StageName, &str, i64)]) -> Evidence {
    Evidence {
        groups: groups
            .iter()
            .map(|&(step, code, count)| Group { step: Some(step), code: code.into(), count })
            .collect(),
        sessions: vec!["s-9".parse().unwrap(), "s-8".parse().unwrap()],
        more_sessions: groups.len() > 1,
        last_at: time("2026-11-25T10:12:00Z"),
        reason: None,
    }
}

fn with<T>(rule: Rule, test: impl FnOnce(&Letter<'_>) -> T) -> T {
    let pair = |name: &str| {
        let url = format!("https://sqs.eu-west-1.amazonaws.com/1/{name}");
        QueuePair { dead_letter_url: format!("{url}-dead"), url }
    };
    let queues = StepQueues { analyze: pair("analyze"), notify: pair("notify"), crm_sync: pair("crm-sync") };
    test(&Letter {
        tenant_id: &"acme".parse().unwrap(),
        tenant_name: "Acme\r\nBcc: eve@example.com",
        rule: &rule,
        cool_down: Duration::from_secs(3600),
        region: "eu-west-1",
        queues: &queues,
    })
}

#[test]
fn an_alert_tells_what_failed_since_when_and_where_to_replay_it() {
    let evidence = evidence(&[(StageName::Notify, "ses_refused", 4), (StageName::Analyze, "model_access_denied", 2)]);
    let mail = with(Rule::Threshold(Threshold::default()), |letter| {
        letter.alert(&evidence, time("2026-11-25T09:57:10Z")).unwrap()
    });
    assert_eq!(mail.subject, "Acme Bcc: eve@example.com: 6 steps failed (all:5/15)");
    assert_snapshot!(mail.text, @r#"
    Tenant acme, rule all:5/15: 6 steps failed since 2026-11-25 09:57 UTC.
    The rule: 5 or more failures of all steps within 15 minutes.

    By step and code:
      4 x notify: ses_refused
      2 x analyze: model_access_denied

    Sessions, some of them:
      s-9
      s-8

    What to do: mend the cause that the code names, then start a redrive. Whoever runs the deployment can do so here:
      analyze: https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fanalyze-dead
      notify: https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fnotify-dead

    This rule sends no further mail until no such step has failed for 15 minutes, or for 60 minutes while it goes on.
    "#);
    assert!(mail.html.contains("all:5&#x2f;15"), "{}", mail.html);
}

#[test]
fn one_failure_of_an_operators_code_is_told_as_one() {
    let evidence = evidence(&[(StageName::Notify, "ses_sending_paused", 1)]);
    let mail = with(Rule::Failed(Code::new("ses_sending_paused")), |letter| {
        letter.alert(&evidence, time("2026-11-25T09:57:10Z")).unwrap()
    });
    assert_eq!(mail.subject, "Acme Bcc: eve@example.com: 1 step failed (code:ses_sending_paused)");
    assert_snapshot!(mail.text, @r#"
    Tenant acme, rule code:ses_sending_paused: 1 step failed since 2026-11-25 09:57 UTC.
    The rule: one failure with this code, because others will follow.

    By step and code:
      1 x notify: ses_sending_paused

    Sessions:
      s-9
      s-8

    What to do: mend the cause that the code names, then start a redrive. Whoever runs the deployment can do so here:
      notify: https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fnotify-dead

    This rule sends no further mail until no such step has failed for 60 minutes, or for 60 minutes while it goes on.
    "#);
}

#[test]
fn steps_that_wait_are_in_no_dead_letter_queue() {
    let evidence = evidence(&[(StageName::Analyze, "model_price_unknown", 2)]);
    let mail = with(Rule::Waiting(Code::new("model_price_unknown")), |letter| {
        letter.alert(&evidence, time("2026-11-25T09:57:10Z")).unwrap()
    });
    assert_snapshot!(mail.text, @r#"
    Tenant acme, rule waiting:model_price_unknown: 2 steps waiting.
    The rule: one step that waits for this.

    By step and code:
      2 x analyze: model_price_unknown

    Sessions:
      s-9
      s-8

    What to do: tell whoever runs the deployment. The steps go on by themselves once the cause is mended.

    This rule sends no further mail until no such step has waited for 60 minutes, or for 60 minutes while it goes on.
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
    let rule = Rule::Threshold(Threshold::default());
    let mail = with(rule.clone(), |letter| letter.recovery(&evidence, &recovery).unwrap());
    assert_eq!(mail.subject, "Acme Bcc: eve@example.com: works again (all:5/15)");
    assert_snapshot!(mail.text, @r#"
    Tenant acme, rule all:5/15: no such step has failed for 15 minutes.
    The alert was open from 2026-11-25 10:00 UTC to 2026-11-25 10:27 UTC.

    Failed in all: 4, the last at 2026-11-25 10:12 UTC.
    Since then a step of this kind was done, the last time at 2026-11-25 10:20 UTC.

    What failed stays in its dead-letter queue until whoever runs the deployment starts a redrive:
      notify: https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fnotify-dead
    "#);
    recovery.last_success = None;
    let mail = with(rule, |letter| letter.recovery(&evidence, &recovery).unwrap());
    assert!(mail.text.contains("Since then no step of this kind was done: it may only be quiet.\n"), "{}", mail.text);
    let mail =
        with(Rule::Waiting(Code::new("model_price_unknown")), |letter| letter.recovery(&evidence, &recovery).unwrap());
    assert!(!mail.text.contains("dead-letter"), "{}", mail.text);
}

#[test]
fn a_disabled_integration_is_told_with_its_reason_and_what_to_do() {
    let mut evidence = evidence(&[(StageName::CrmSync, "unauthorized", 12)]);
    evidence.reason = Some("HubSpot refuses the credentials.".to_owned());
    let rule = || Rule::Disabled("hubspot".parse().unwrap());
    let since = time("2026-11-25T10:13:00Z");
    let mail = with(rule(), |letter| letter.alert(&evidence, since).unwrap());
    assert_eq!(mail.subject, "Acme Bcc: eve@example.com: the integration hubspot is disabled (integration:hubspot)");
    assert_snapshot!(mail.text, @"
    Tenant acme, rule integration:hubspot: the service disabled the integration hubspot at 2026-11-25 10:12 UTC (unauthorized).
    HubSpot refuses the credentials.

    12 sessions wait for it now. A session waits for up to 30 days, and is synced when the integration is enabled.

    What to do: mend the cause, then have whoever runs the deployment enable it, which tests it first:
      cargo xtask integrations enable --function NAME --tenant acme --integration hubspot
    where NAME is the name of the deployment's crm-sync function, its output CrmSyncFunctionName.

    This rule sends no further mail until it is no longer disabled.
    ");
    evidence.groups[0].count = 1;
    let mail = with(rule(), |letter| letter.alert(&evidence, since).unwrap());
    assert!(mail.text.contains("\n1 session waits for it now."), "{}", mail.text);
}

#[test]
fn what_has_become_of_a_disabled_integration_is_told() {
    let evidence = evidence(&[(StageName::CrmSync, "unauthorized", 12)]);
    let mut recovery = Recovery {
        opened_at: time("2026-11-25T10:13:00Z"),
        closed_at: time("2026-11-25T11:27:00Z"),
        last_failure_at: time("2026-11-25T10:12:00Z"),
        last_success: None,
        integration: Some(IntegrationState::On),
    };
    let rule = || Rule::Disabled("hubspot".parse().unwrap());
    let mail = with(rule(), |letter| letter.recovery(&evidence, &recovery).unwrap());
    assert_eq!(
        mail.subject,
        "Acme Bcc: eve@example.com: the integration hubspot is no longer disabled (integration:hubspot)"
    );
    assert_snapshot!(mail.text, @"
    Tenant acme, rule integration:hubspot: the integration hubspot is on again: the sessions that have waited are synced.
    It was disabled at 2026-11-25 10:12 UTC; that it no longer was, was seen at 2026-11-25 11:27 UTC.
    ");
    recovery.integration = Some(IntegrationState::Removed);
    let mail = with(rule(), |letter| letter.recovery(&evidence, &recovery).unwrap());
    assert!(mail.text.contains("the integration hubspot is removed: sessions are not synced."), "{}", mail.text);
}
