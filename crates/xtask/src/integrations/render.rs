//! The function's answers as text for a terminal.

use chrono::{DateTime, Utc};
use domain::integration::Disabled;
use housekeep::integrations::{
    AttemptEntry, IntegrationEntry, ReplayedSyncs, SavedIntegration, ShownAttempts, ShownIntegrations, ShownSyncs,
    SwitchedIntegration, SyncEntry, TestedIntegration,
};
use serde_json::Value;

use super::{Integrations, One, read};
use crate::table::{UNKNOWN, clean, table};

/// Characters of what a webhook's receiver answered.
const MAX_ANSWER: usize = 200;

/// Lines of text, each with its end.
pub(super) fn render(command: &Integrations, answer: &Value) -> anyhow::Result<String> {
    Ok(match command {
        Integrations::Show(_) => shown(&read::<ShownIntegrations>(answer)?.integrations),
        Integrations::Save { one, .. } | Integrations::Enable(one) => saved(one, &read(answer)?),
        Integrations::Test(one) => tested(one, &read(answer)?),
        Integrations::Disable(one) | Integrations::Remove(one) => {
            format!("{} is {}\n", one.integration_id, read::<SwitchedIntegration>(answer)?.state.as_str())
        }
        Integrations::Replay { one, .. } => replayed(one, &read(answer)?),
        Integrations::Log { .. } => syncs(&read(answer)?),
        Integrations::Attempts { .. } => attempts(&read::<ShownAttempts>(answer)?.attempts),
    })
}

/// A table of such things, or that there are none.
fn listed<const N: usize>(name: &str, titles: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() { format!("no {name}\n") } else { table(&titles, &rows) }
}

fn shown(integrations: &[IntegrationEntry]) -> String {
    let titles = ["INTEGRATION", "KIND", "STATE", "CHECKED", "LAST SUCCESS", "WAITING", "SECRET"];
    let rows = integrations.iter().map(|one| {
        [
            one.integration_id.to_string(),
            one.config.kind().to_owned(),
            one.state.as_str().to_owned(),
            minute(one.checked_at),
            minute(one.last_success_at),
            one.waiting.to_string(),
            one.secret_name.clone(),
        ]
    });
    listed("integrations", titles, rows) + &integrations.iter().map(troubles).collect::<String>()
}

fn troubles(one: &IntegrationEntry) -> String {
    let disabled = one.disabled.as_ref().map(|Disabled { code, reason, since }| {
        format!("disabled at {} ({code}). {}", minute(Some(*since)), clean(reason))
    });
    let failing = one.failing_since.map(|since| {
        let failures = times(u64::try_from(one.failures).unwrap_or_default(), "time");
        format!("failing since {}, {failures} in a row", minute(Some(since)))
    });
    let resting = one.resting_until.map(|until| {
        let why = one.limit_code.as_deref().unwrap_or("failures");
        format!("not asked before {} ({why})", minute(Some(until)))
    });
    let troubles = [disabled, failing, resting].into_iter().flatten();
    troubles.map(|trouble| format!("{}: {trouble}\n", one.integration_id)).collect()
}

fn saved(one: &One, saved: &SavedIntegration) -> String {
    let mut text = format!("{} is {}\n{}", one.integration_id, saved.state.as_str(), findings(&saved.findings));
    if saved.woken > 0 {
        text += &format!("  {} had waited: they go on within minutes\n", times(saved.woken, "step"));
    }
    text
}

fn tested(one: &One, tested: &TestedIntegration) -> String {
    let result = if tested.ok { "works" } else { "does not work" };
    format!("{} {result}\n{}", one.integration_id, findings(&tested.findings))
}

fn findings(findings: &[String]) -> String {
    findings.iter().map(|finding| format!("  {}\n", clean(finding))).collect()
}

fn replayed(one: &One, replayed: &ReplayedSyncs) -> String {
    match replayed.replayed {
        0 => format!("{}: there is nothing to send again\n", one.integration_id),
        count => format!("{}: {} sent again\n", one.integration_id, times(count.into(), "message")),
    }
}

fn attempts(attempts: &[AttemptEntry]) -> String {
    let rows = attempts.iter().map(|attempt| {
        let result = attempt.code.as_deref().unwrap_or("delivered");
        let answer = attempt.code.as_ref().and(attempt.answer.as_deref()).unwrap_or_default();
        [
            second(attempt.began_at),
            attempt.session_id.to_string(),
            attempt.event.clone(),
            if attempt.is_replay { format!("{result} (replay)") } else { result.to_owned() },
            attempt.status.map_or(UNKNOWN.to_owned(), |status| status.to_string()),
            attempt.duration_ms.to_string(),
            answer.chars().take(MAX_ANSWER).collect(),
        ]
    });
    listed("attempts", ["TIME", "SESSION", "EVENT", "RESULT", "HTTP", "MS", "ANSWER"], rows)
}

fn syncs(log: &ShownSyncs) -> String {
    let titles = ["CHANGED", "SESSION", "VERSION", "STATUS", "TRIES", "PERSON", "RECORD", "CODE", "EXPLANATION"];
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or(UNKNOWN.to_owned());
    let rows = log.syncs.iter().map(|sync: &SyncEntry| {
        [
            second(sync.updated_at),
            sync.session_id.to_string(),
            sync.analysis_version.to_string(),
            sync.status.as_str().to_owned(),
            sync.tries.to_string(),
            or_unknown(&sync.contact_id),
            or_unknown(&sync.record_id),
            or_unknown(&sync.code),
            sync.error.as_ref().or(sync.notice.as_ref()).cloned().unwrap_or_default(),
        ]
    });
    let more = "there are more: name a higher --limit, or an earlier time as --to\n";
    listed("syncs", titles, rows) + if log.next.is_some() { more } else { "" }
}

fn second(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn minute(time: Option<DateTime<Utc>>) -> String {
    time.map_or(UNKNOWN.to_owned(), |time| time.format("%Y-%m-%d %H:%M").to_string())
}

fn times(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests;
