use domain::integration::{Connection, Disabled, IntegrationConfig, WebhookConfig};
use housekeep::integrations::{IntegrationReport, ShownState};
use insta::assert_snapshot;
use store::syncs::ShownStatus;

use super::super::tests::command;
use super::*;

fn rendered(line: &str, report: &IntegrationReport) -> String {
    let command = command(&format!("{line} --tenant acme")).unwrap();
    render(&command, &serde_json::to_value(report).unwrap()).unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn integration(id: &str) -> IntegrationEntry {
    IntegrationEntry {
        integration_id: id.parse().unwrap(),
        state: ShownState::On,
        disabled: None,
        config: IntegrationConfig::Webhook(WebhookConfig::to("https://example.com")),
        secret_name: format!("post-session/acme/{id}"),
        connection: Connection::default(),
        checked_at: Some(time("2026-11-20T08:00:00Z")),
        last_success_at: None,
        failures: 0,
        failing_since: None,
        resting_until: None,
        limit_code: None,
        waiting: 0,
    }
}

#[test]
fn integrations_are_a_table_with_what_is_wrong_below() {
    let disabled = IntegrationEntry {
        state: ShownState::Disabled,
        disabled: Some(Disabled {
            code: "unauthorized".to_owned(),
            reason: "HubSpot refuses the credentials.".to_owned(),
            since: time("2026-11-25T10:12:00Z"),
        }),
        last_success_at: Some(time("2026-11-25T09:58:00Z")),
        waiting: 12,
        ..integration("crm")
    };
    let failing = IntegrationEntry {
        failures: 1,
        failing_since: Some(time("2026-11-25T10:12:00Z")),
        resting_until: Some(time("2026-11-25T10:20:00Z")),
        limit_code: Some("rate_limited".to_owned()),
        ..integration("warehouse")
    };
    assert_snapshot!(rendered("show", &IntegrationReport::Shown(ShownIntegrations { integrations: vec![disabled, failing] })), @r#"
    INTEGRATION  KIND     STATE     CHECKED           LAST SUCCESS      WAITING  SECRET
    crm          webhook  disabled  2026-11-20 08:00  2026-11-25 09:58       12  post-session/acme/crm
    warehouse    webhook  on        2026-11-20 08:00  -                       0  post-session/acme/warehouse
    crm: disabled at 2026-11-25 10:12 (unauthorized). HubSpot refuses the credentials.
    warehouse: failing since 2026-11-25 10:12, 1 time in a row
    warehouse: not asked before 2026-11-25 10:20 (rate_limited)
    "#);
    assert_eq!(
        rendered("show", &IntegrationReport::Shown(ShownIntegrations { integrations: Vec::new() })),
        "no integrations\n"
    );
}

#[test]
fn a_saved_integration_shows_its_findings_and_what_goes_on() {
    let saved = SavedIntegration {
        integration_id: "hubspot".parse().unwrap(),
        state: ShownState::On,
        findings: vec!["hs_language is set only where visitor.locale is one of its options.".to_owned()],
        connection: Connection::default(),
        woken: 12,
    };
    let enabled = rendered("enable --integration hubspot", &IntegrationReport::Saved(saved));
    assert_snapshot!(enabled, @r#"
    hubspot is on
      hs_language is set only where visitor.locale is one of its options.
      12 steps had waited: they go on within minutes
    "#);
    let switched = IntegrationReport::Switched(SwitchedIntegration {
        integration_id: "hubspot".parse().unwrap(),
        state: ShownState::Removed,
    });
    assert_eq!(rendered("remove --integration hubspot", &switched), "hubspot is removed\n");
}

#[test]
fn a_test_says_whether_it_works_and_why_not() {
    let mut tested = TestedIntegration { ok: true, findings: Vec::new(), connection: Connection::default() };
    assert_eq!(rendered("test --integration hubspot", &IntegrationReport::Tested(tested.clone())), "hubspot works\n");
    tested.ok = false;
    tested.findings = vec!["config.properties.nope: cannot be set to visitor.id".to_owned()];
    assert_snapshot!(rendered("test --integration hubspot", &IntegrationReport::Tested(tested)), @r#"
    hubspot does not work
      config.properties.nope: cannot be set to visitor.id
    "#);
}

#[test]
fn a_replay_says_how_much_is_sent_again() {
    let replayed = |replayed| {
        let report = IntegrationReport::Replayed(ReplayedSyncs { replayed, next: None });
        rendered("replay --integration hubspot --session s-1", &report)
    };
    assert_eq!(replayed(0), "hubspot: there is nothing to send again\n");
    assert_eq!(replayed(1), "hubspot: 1 message sent again\n");
}

#[test]
fn syncs_are_a_table_with_their_results() {
    let at = time("2026-11-25T10:12:30Z");
    let sync = SyncEntry {
        session_id: "s-1".parse().unwrap(),
        analysis_version: 1,
        status: ShownStatus::Done,
        contact_id: Some("37765128953".to_owned()),
        record_id: Some("998".to_owned()),
        tries: 1,
        code: None,
        error: None,
        notice: Some("Left out: jobtitle: no option.".to_owned()),
        created_at: at,
        updated_at: at,
        synced_at: Some(at),
    };
    let failed = SyncEntry {
        analysis_version: 2,
        status: ShownStatus::Failed,
        contact_id: None,
        record_id: None,
        code: Some("rejected".to_owned()),
        error: Some("HubSpot refuses\nit.".to_owned()),
        ..sync.clone()
    };
    let shown = IntegrationReport::Syncs(ShownSyncs { syncs: vec![failed, sync], next: None });
    assert_snapshot!(rendered("log --integration hubspot", &shown), @r#"
    CHANGED              SESSION  VERSION  STATUS  TRIES       PERSON  RECORD  CODE      EXPLANATION
    2026-11-25 10:12:30  s-1            2  failed      1            -       -  rejected  HubSpot refuses it.
    2026-11-25 10:12:30  s-1            1  done        1  37765128953     998  -         Left out: jobtitle: no option.
    "#);
    let none = IntegrationReport::Syncs(ShownSyncs { syncs: Vec::new(), next: None });
    assert_eq!(rendered("log --integration hubspot", &none), "no syncs\n");
    let more = serde_json::json!({ "updated_at": at, "session_id": "s-1", "analysis_version": 1 });
    let mut page = serde_json::to_value(&shown).unwrap();
    page["next"] = more;
    let command = command("log --integration hubspot --tenant acme").unwrap();
    assert!(
        render(&command, &page)
            .unwrap()
            .ends_with("\nthere are more: name a higher --limit, or an earlier time as --to\n")
    );
}

#[test]
fn attempts_are_a_table_that_what_a_receiver_answers_cannot_break() {
    let attempt = AttemptEntry {
        began_at: time("2026-11-25T10:12:30Z"),
        session_id: "s-1".parse().unwrap(),
        event: "session.analyzed".to_owned(),
        webhook_id: "msg_1".to_owned(),
        is_replay: false,
        duration_ms: 120,
        status: Some(503),
        code: Some("unavailable".to_owned()),
        answer: Some("\u{1b}[2Jbusy\nsorry".to_owned()),
    };
    let delivered = AttemptEntry { status: Some(204), code: None, is_replay: true, ..attempt.clone() };
    let shown = IntegrationReport::Attempts(ShownAttempts { attempts: vec![delivered, attempt] });
    assert_snapshot!(rendered("attempts --integration hook", &shown), @r#"
    TIME                 SESSION  EVENT             RESULT              HTTP   MS  ANSWER
    2026-11-25 10:12:30  s-1      session.analyzed  delivered (replay)   204  120
    2026-11-25 10:12:30  s-1      session.analyzed  unavailable          503  120  [2Jbusy sorry
    "#);
}
