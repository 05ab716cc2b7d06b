//! The function's answers for who reads them in a terminal.

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
    let lines = match command {
        Integrations::Show(_) => shown(&read::<ShownIntegrations>(answer)?.integrations),
        Integrations::Save { one, .. } | Integrations::Enable(one) => saved(one, &read(answer)?),
        Integrations::Test(one) => tested(one, &read(answer)?),
        Integrations::Disable(one) | Integrations::Remove(one) => {
            vec![format!("{} is {}", one.integration, read::<SwitchedIntegration>(answer)?.state.as_str())]
        }
        Integrations::Replay { one, .. } => replayed(one, &read(answer)?),
        Integrations::Log { .. } => syncs(&read(answer)?),
        Integrations::Attempts { .. } => attempts(&read::<ShownAttempts>(answer)?.attempts),
    };
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

fn shown(integrations: &[IntegrationEntry]) -> Vec<String> {
    if integrations.is_empty() {
        return vec!["no integrations".to_owned()];
    }
    let row = |one: &IntegrationEntry| {
        [
            one.integration_id.to_string(),
            one.config.kind().to_owned(),
            one.state.as_str().to_owned(),
            minute(one.checked_at),
            minute(one.last_success_at),
            one.waiting.to_string(),
            one.secret_name.clone(),
        ]
    };
    let rows: Vec<_> = integrations.iter().map(row).collect();
    let titles = ["INTEGRATION", "KIND", "STATE", "CHECKED", "LAST SUCCESS", "WAITING", "SECRET"];
    let mut lines = lines_of(&table(&titles, &rows));
    lines.extend(integrations.iter().flat_map(troubles));
    lines
}

fn troubles(one: &IntegrationEntry) -> Vec<String> {
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

fn saved(one: &One, saved: &SavedIntegration) -> Vec<String> {
    let mut lines = vec![format!("{} is {}", one.integration, saved.state.as_str())];
    lines.extend(findings(&saved.findings));
    if saved.woken > 0 {
        lines.push(format!("  {} had waited: they go on within minutes", times(saved.woken, "step")));
    }
    lines
}

fn tested(one: &One, tested: &TestedIntegration) -> Vec<String> {
    let result = if tested.ok { "works" } else { "does not work" };
    std::iter::once(format!("{} {result}", one.integration)).chain(findings(&tested.findings)).collect()
}

fn findings(findings: &[String]) -> impl Iterator<Item = String> {
    findings.iter().map(|finding| format!("  {}", clean(finding)))
}

fn replayed(one: &One, replayed: &ReplayedSyncs) -> Vec<String> {
    vec![match replayed.replayed {
        0 => format!("{}: there is nothing to send again", one.integration),
        count => format!("{}: {} sent again", one.integration, times(count.into(), "message")),
    }]
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn attempts(attempts: &[AttemptEntry]) -> Vec<String> {
    if attempts.is_empty() {
        return vec!["no attempts".to_owned()];
    }
    let row = |attempt: &AttemptEntry| {
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
    };
    let rows: Vec<_> = attempts.iter().map(row).collect();
    lines_of(&table(&["TIME", "SESSION", "EVENT", "RESULT", "HTTP", "MS", "ANSWER"], &rows))
}

fn syncs(log: &ShownSyncs) -> Vec<String> {
    if log.syncs.is_empty() {
        return vec!["no syncs".to_owned()];
    }
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or(UNKNOWN.to_owned());
    let row = |sync: &SyncEntry| {
        [
            second(sync.updated_at),
            sync.session_id.to_string(),
            sync.analysis_version.to_string(),
            sync.status.as_str().to_owned(),
            sync.tries.to_string(),
            or_nothing(&sync.contact_id),
            or_nothing(&sync.record_id),
            or_nothing(&sync.code),
            sync.error.as_ref().or(sync.notice.as_ref()).cloned().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = log.syncs.iter().map(row).collect();
    let titles = ["CHANGED", "SESSION", "VERSION", "STATUS", "TRIES", "PERSON", "RECORD", "CODE", "EXPLANATION"];
    let mut lines = lines_of(&table(&titles, &rows));
    if log.next.is_some() {
        lines.push("there are more: name a higher --limit, or an earlier time as --to".to_owned());
    }
    lines
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
