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
mod tests;
