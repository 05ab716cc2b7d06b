//! The function's answers for who reads them in a terminal.

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::table::{clean, table};
use super::{Integrations, One};

const NOTHING: &str = "-";
/// Characters of what a webhook's receiver answered.
const MAX_ANSWER: usize = 200;

#[derive(Deserialize)]
struct Shown {
    integrations: Vec<Integration>,
}

#[derive(Deserialize)]
struct Integration {
    integration_id: String,
    state: String,
    disabled: Option<Disabled>,
    config: Value,
    secret_name: String,
    checked_at: Option<DateTime<Utc>>,
    last_success_at: Option<DateTime<Utc>>,
    failures: i32,
    failing_since: Option<DateTime<Utc>>,
    resting_until: Option<DateTime<Utc>>,
    limit_code: Option<String>,
    waiting: i64,
}

#[derive(Deserialize)]
struct Disabled {
    code: String,
    reason: String,
    since: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Saved {
    state: String,
    findings: Vec<String>,
    woken: u64,
}

#[derive(Deserialize)]
struct Tested {
    ok: bool,
    findings: Vec<String>,
}

#[derive(Deserialize)]
struct Switched {
    state: String,
}

#[derive(Deserialize)]
struct Replayed {
    replayed: u64,
}

#[derive(Deserialize)]
struct Attempts {
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    began_at: DateTime<Utc>,
    session_id: String,
    event: String,
    is_replay: bool,
    duration_ms: i32,
    status: Option<i32>,
    code: Option<String>,
    answer: Option<String>,
}

#[derive(Deserialize)]
struct Syncs {
    syncs: Vec<Sync>,
    next: Option<Value>,
}

#[derive(Deserialize)]
struct Sync {
    session_id: String,
    analysis_version: i32,
    status: String,
    contact_id: Option<String>,
    record_id: Option<String>,
    tries: i32,
    code: Option<String>,
    error: Option<String>,
    notice: Option<String>,
    updated_at: DateTime<Utc>,
}

/// Lines of text, each with its end.
pub(super) fn render(command: &Integrations, answer: &Value) -> anyhow::Result<String> {
    let lines = match command {
        Integrations::Show(_) => shown(&read::<Shown>(answer)?.integrations),
        Integrations::Save { one, .. } | Integrations::Enable(one) => saved(one, &read(answer)?),
        Integrations::Test(one) => tested(one, &read(answer)?),
        Integrations::Disable(one) | Integrations::Remove(one) => {
            vec![format!("{} is {}", one.integration, read::<Switched>(answer)?.state)]
        }
        Integrations::Replay { one, .. } => replayed(one, &read(answer)?),
        Integrations::Log { .. } => syncs(&read(answer)?),
        Integrations::Attempts { .. } => attempts(&read::<Attempts>(answer)?.attempts),
    };
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

fn read<T: DeserializeOwned>(answer: &Value) -> anyhow::Result<T> {
    T::deserialize(answer).context("the function's answer is not one of this release: use --json")
}

fn shown(integrations: &[Integration]) -> Vec<String> {
    if integrations.is_empty() {
        return vec!["no integrations".to_owned()];
    }
    let row = |one: &Integration| {
        [
            one.integration_id.clone(),
            one.config["kind"].as_str().unwrap_or(NOTHING).to_owned(),
            one.state.clone(),
            minute(one.checked_at),
            minute(one.last_success_at),
            one.waiting.to_string(),
            one.secret_name.clone(),
        ]
    };
    let rows: Vec<_> = integrations.iter().map(row).collect();
    let titles = ["INTEGRATION", "KIND", "STATE", "CHECKED", "LAST SUCCESS", "WAITING", "SECRET"];
    let mut lines = table(titles, &rows);
    lines.extend(integrations.iter().flat_map(troubles));
    lines
}

fn troubles(one: &Integration) -> Vec<String> {
    let id = &one.integration_id;
    let mut lines = Vec::new();
    if let Some(Disabled { code, reason, since }) = &one.disabled {
        lines.push(format!("{id}: disabled at {} ({code}). {}", minute(Some(*since)), clean(reason)));
    }
    if let Some(since) = one.failing_since {
        lines.push(format!(
            "{id}: failing since {}, {} in a row",
            minute(Some(since)),
            times(u64::try_from(one.failures).unwrap_or_default(), "time")
        ));
    }
    if let Some(until) = one.resting_until {
        let why = one.limit_code.as_deref().unwrap_or("failures");
        lines.push(format!("{id}: not asked before {} ({why})", minute(Some(until))));
    }
    lines
}

fn saved(one: &One, saved: &Saved) -> Vec<String> {
    let mut lines = vec![format!("{} is {}", one.integration, saved.state)];
    lines.extend(findings(&saved.findings));
    if saved.woken > 0 {
        lines.push(format!("  {} had waited: they go on within minutes", times(saved.woken, "step")));
    }
    lines
}

fn tested(one: &One, tested: &Tested) -> Vec<String> {
    let result = if tested.ok { "works" } else { "does not work" };
    std::iter::once(format!("{} {result}", one.integration)).chain(findings(&tested.findings)).collect()
}

fn findings(findings: &[String]) -> impl Iterator<Item = String> {
    findings.iter().map(|finding| format!("  {}", clean(finding)))
}

fn replayed(one: &One, replayed: &Replayed) -> Vec<String> {
    vec![match replayed.replayed {
        0 => format!("{}: there is nothing to send again", one.integration),
        count => format!("{}: {} sent again", one.integration, times(count, "message")),
    }]
}

fn attempts(attempts: &[Attempt]) -> Vec<String> {
    if attempts.is_empty() {
        return vec!["no attempts".to_owned()];
    }
    let row = |attempt: &Attempt| {
        let result = attempt.code.as_deref().unwrap_or("delivered");
        let answer = attempt.code.as_ref().and(attempt.answer.as_deref()).unwrap_or_default();
        [
            second(attempt.began_at),
            attempt.session_id.clone(),
            attempt.event.clone(),
            if attempt.is_replay { format!("{result} (replay)") } else { result.to_owned() },
            attempt.status.map_or(NOTHING.to_owned(), |status| status.to_string()),
            attempt.duration_ms.to_string(),
            answer.chars().take(MAX_ANSWER).collect(),
        ]
    };
    let rows: Vec<_> = attempts.iter().map(row).collect();
    table(["TIME", "SESSION", "EVENT", "RESULT", "HTTP", "MS", "ANSWER"], &rows)
}

fn syncs(log: &Syncs) -> Vec<String> {
    if log.syncs.is_empty() {
        return vec!["no syncs".to_owned()];
    }
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or(NOTHING.to_owned());
    let row = |sync: &Sync| {
        [
            second(sync.updated_at),
            sync.session_id.clone(),
            sync.analysis_version.to_string(),
            sync.status.clone(),
            sync.tries.to_string(),
            or_nothing(&sync.contact_id),
            or_nothing(&sync.record_id),
            or_nothing(&sync.code),
            sync.error.as_ref().or(sync.notice.as_ref()).cloned().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = log.syncs.iter().map(row).collect();
    let titles = ["CHANGED", "SESSION", "VERSION", "STATUS", "TRIES", "PERSON", "RECORD", "CODE", "WORDS"];
    let mut lines = table(titles, &rows);
    if log.next.is_some() {
        lines.push("there are more: name a higher --limit, or an earlier time as --to".to_owned());
    }
    lines
}

fn second(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn minute(time: Option<DateTime<Utc>>) -> String {
    time.map_or(NOTHING.to_owned(), |time| time.format("%Y-%m-%d %H:%M").to_string())
}

fn times(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use crm_sync::{Replayed, Report, Saved, ShownAttempt, ShownDisabled, ShownIntegration, ShownSync, Syncs, Tested};
    use domain::integration::{Connection, IntegrationConfig, WebhookConfig};
    use insta::assert_snapshot;

    use super::super::tests::command;
    use super::*;

    fn rendered(line: &str, report: &Report) -> String {
        let command = command(&format!("{line} --tenant acme")).unwrap();
        render(&command, &serde_json::to_value(report).unwrap()).unwrap()
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn integration(id: &str) -> ShownIntegration {
        ShownIntegration {
            integration_id: id.parse().unwrap(),
            state: "on",
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
        let disabled = ShownIntegration {
            state: "disabled",
            disabled: Some(ShownDisabled {
                code: "unauthorized".to_owned(),
                reason: "HubSpot refuses the credentials.".to_owned(),
                since: time("2026-11-25T10:12:00Z"),
            }),
            last_success_at: Some(time("2026-11-25T09:58:00Z")),
            waiting: 12,
            ..integration("crm")
        };
        let failing = ShownIntegration {
            failures: 1,
            failing_since: Some(time("2026-11-25T10:12:00Z")),
            resting_until: Some(time("2026-11-25T10:20:00Z")),
            limit_code: Some("rate_limited".to_owned()),
            ..integration("warehouse")
        };
        assert_snapshot!(rendered("show", &Report::Shown { integrations: vec![disabled, failing] }), @r#"
        INTEGRATION  KIND     STATE     CHECKED           LAST SUCCESS      WAITING  SECRET
        crm          webhook  disabled  2026-11-20 08:00  2026-11-25 09:58  12       post-session/acme/crm
        warehouse    webhook  on        2026-11-20 08:00  -                 0        post-session/acme/warehouse
        crm: disabled at 2026-11-25 10:12 (unauthorized). HubSpot refuses the credentials.
        warehouse: failing since 2026-11-25 10:12, 1 time in a row
        warehouse: not asked before 2026-11-25 10:20 (rate_limited)
        "#);
        assert_eq!(rendered("show", &Report::Shown { integrations: Vec::new() }), "no integrations\n");
    }

    #[test]
    fn what_is_saved_tells_its_findings_and_what_goes_on() {
        let saved = Saved {
            integration_id: "hubspot".parse().unwrap(),
            state: "on",
            findings: vec!["hs_language is set only where visitor.locale is one of its options.".to_owned()],
            connection: Connection::default(),
            woken: 12,
        };
        let enabled = rendered("enable --integration hubspot", &Report::Saved(saved));
        assert_snapshot!(enabled, @r#"
        hubspot is on
          hs_language is set only where visitor.locale is one of its options.
          12 steps had waited: they go on within minutes
        "#);
        let switched = Report::Switched { integration_id: "hubspot".parse().unwrap(), state: "removed" };
        assert_eq!(rendered("remove --integration hubspot", &switched), "hubspot is removed\n");
    }

    #[test]
    fn a_test_says_whether_it_works_and_why_not() {
        let mut tested = Tested { ok: true, findings: Vec::new(), connection: Connection::default() };
        assert_eq!(rendered("test --integration hubspot", &Report::Tested(tested.clone())), "hubspot works\n");
        tested.ok = false;
        tested.findings = vec!["config.properties.nope: cannot be set to visitor.id".to_owned()];
        assert_snapshot!(rendered("test --integration hubspot", &Report::Tested(tested)), @r#"
        hubspot does not work
          config.properties.nope: cannot be set to visitor.id
        "#);
    }

    #[test]
    fn a_replay_says_how_much_is_sent_again() {
        let replayed = |replayed| {
            let report = Report::Replayed(Replayed { replayed, next: None });
            rendered("replay --integration hubspot --session s-1", &report)
        };
        assert_eq!(replayed(0), "hubspot: there is nothing to send again\n");
        assert_eq!(replayed(1), "hubspot: 1 message sent again\n");
    }

    #[test]
    fn syncs_are_a_table_with_what_became_of_them() {
        let at = time("2026-11-25T10:12:30Z");
        let sync = ShownSync {
            session_id: "s-1".parse().unwrap(),
            analysis_version: 1,
            status: "done",
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
        let failed = ShownSync {
            analysis_version: 2,
            status: "failed",
            contact_id: None,
            record_id: None,
            code: Some("rejected".to_owned()),
            error: Some("HubSpot refuses\nit.".to_owned()),
            ..sync.clone()
        };
        let shown = Report::Syncs(Syncs { syncs: vec![failed, sync], next: None });
        assert_snapshot!(rendered("log --integration hubspot", &shown), @r#"
        CHANGED              SESSION  VERSION  STATUS  TRIES  PERSON       RECORD  CODE      WORDS
        2026-11-25 10:12:30  s-1      2        failed  1      -            -       rejected  HubSpot refuses it.
        2026-11-25 10:12:30  s-1      1        done    1      37765128953  998     -         Left out: jobtitle: no option.
        "#);
        let none = Report::Syncs(Syncs { syncs: Vec::new(), next: None });
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
        let attempt = ShownAttempt {
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
        let delivered = ShownAttempt { status: Some(204), code: None, is_replay: true, ..attempt.clone() };
        let shown = Report::Attempts { attempts: vec![delivered, attempt] };
        assert_snapshot!(rendered("attempts --integration hook", &shown), @r#"
        TIME                 SESSION  EVENT             RESULT              HTTP  MS   ANSWER
        2026-11-25 10:12:30  s-1      session.analyzed  delivered (replay)  204   120
        2026-11-25 10:12:30  s-1      session.analyzed  unavailable         503   120  [2Jbusy sorry
        "#);
    }
}
