//! The conversations of a run: six samples of an invented bicycle shop, written for the demo, or those of a file with
//! one JSON object a line.
//!
//! `{"dialogue_id", "turns": [{"role": "visitor"|"agent"|"system"|"tool", "text"}], "visitor"?: {"name"?, "email"?,
//! "phone"?}}`; other fields are ignored. Turns and visitors can have all fields that they have in a notification.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{AgentId, SessionId};
use domain::session::{Channel, Visitor};
use domain::transcript::Turn;
use serde::Deserialize;
use serde_json::Map;

use super::notification::Notification;
use crate::paths;

/// The file has no times of the session: a written turn is taken to last this long.
const SECONDS_PER_TURN: i32 = 20;
const AGENT: &str = "replayed";

/// The business that the sample visitors talk with.
pub(super) const BUSINESS: &str = "Tideway Cycles";

/// The files in the order of their conversations.
const FILES: [(&str, &str); 6] = [
    ("potential-buyer.json", include_str!("sessions/potential-buyer.json")),
    ("immediate-buyer.json", include_str!("sessions/immediate-buyer.json")),
    ("facing-issue.json", include_str!("sessions/facing-issue.json")),
    ("facing-issue-german.json", include_str!("sessions/facing-issue-german.json")),
    ("just-exploring.json", include_str!("sessions/just-exploring.json")),
    ("others.json", include_str!("sessions/others.json")),
];

#[derive(Deserialize)]
struct Conversation {
    dialogue_id: SessionId,
    turns: Vec<Turn>,
    visitor: Option<Visitor>,
}

/// The first `limit` conversations of a file, ended at `now`.
pub(super) fn read(path: &Path, limit: Option<usize>, now: DateTime<Utc>) -> anyhow::Result<Vec<Notification>> {
    parse(&paths::read(path)?, limit, now).with_context(|| format!("failed to read {}", path.display()))
}

fn parse(text: &str, limit: Option<usize>, now: DateTime<Utc>) -> anyhow::Result<Vec<Notification>> {
    let mut seen = HashMap::new();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| {
        let conversation: Conversation =
            serde_json::from_str(line).map_err(|error| anyhow!("line {number}, {}", in_line(&error)))?;
        let id = &conversation.dialogue_id;
        if let Some(earlier) = seen.insert(id.clone(), number) {
            bail!("line {number}: dialogue_id {id} is already on line {earlier}");
        }
        notification(conversation, now)
    };
    lines.take(limit.unwrap_or(usize::MAX)).map(read).collect()
}

/// The error without serde_json's own line number, which is always 1 here.
fn in_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("column {}: {reason}", error.column())
}

fn notification(conversation: Conversation, now: DateTime<Utc>) -> anyhow::Result<Notification> {
    let Conversation { dialogue_id, turns, visitor } = conversation;
    let lasted = i32::try_from(turns.len())?.saturating_mul(SECONDS_PER_TURN);
    Ok(Notification {
        agent_id: AGENT.parse::<AgentId>()?,
        channel: Channel::Text,
        started_at: now - TimeDelta::seconds(lasted.into()),
        ended_at: now,
        end_reason: None,
        visitor: visitor.unwrap_or_else(|| made_up(&dialogue_id)),
        metadata: Map::new(),
        transcript: turns,
        session_id: dialogue_id,
    })
}

/// A visitor for a conversation that names none.
fn made_up(id: &SessionId) -> Visitor {
    // `:` is no part of an address, and a dot only between other characters.
    let local_part = id.to_string().to_lowercase().replace([':', '.'], "-");
    Visitor {
        name: Some(format!("Visitor {id}")),
        email: Some(format!("visitor-{local_part}@example.com")),
        ..Visitor::default()
    }
}

/// The samples, moved by whole weeks so that the last one ended within the week before `now`: the weekdays that the
/// conversations speak of stay true, and no session ends in the future.
pub(super) fn samples(limit: Option<usize>, now: DateTime<Utc>) -> anyhow::Result<Vec<Notification>> {
    let mut samples = read_samples()?;
    let last = samples.iter().map(|sample| sample.ended_at).max().context("there are no samples")?;
    let weeks = TimeDelta::weeks((now - last).num_seconds().div_euclid(TimeDelta::weeks(1).num_seconds()));
    for sample in &mut samples {
        sample.started_at += weeks;
        sample.ended_at += weeks;
    }
    samples.truncate(limit.unwrap_or(usize::MAX));
    Ok(samples)
}

fn read_samples() -> anyhow::Result<Vec<Notification>> {
    FILES.iter().map(|(name, text)| serde_json::from_str(text).with_context(|| format!("read {name}"))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::session::VisitorEmail;
    use domain::transcript::Role;

    use super::*;

    const GOOD: &str = r#"{"dialogue_id":"1_00000","services":["Hotels_1"],"turns":[{"role":"visitor","text":"Hi"},{"role":"agent","text":"Hello"}]}"#;

    fn parse(text: &str, limit: Option<usize>) -> anyhow::Result<Vec<Notification>> {
        super::parse(text, limit, "2026-11-23T10:00:00Z".parse().unwrap())
    }

    fn error(text: &str) -> String {
        format!("{:#}", parse(text, None).unwrap_err())
    }

    #[test]
    fn a_conversation_becomes_a_text_session_with_a_made_up_visitor() {
        let [session] = <[_; 1]>::try_from(parse(GOOD, None).unwrap()).unwrap();
        assert_eq!(session.session_id.as_ref(), "1_00000");
        assert_eq!((session.channel, session.transcript.len()), (Channel::Text, 2));
        assert_eq!(session.visitor.email.as_deref(), Some("visitor-1_00000@example.com"));
        assert_eq!((session.ended_at - session.started_at).num_seconds(), 40);
    }

    #[test]
    fn every_id_makes_a_usable_address() {
        for id in ["a:b", "X..y", "1.", "-"].into_iter().filter_map(|id| id.parse().ok()) {
            assert!(matches!(made_up(&id).email(), VisitorEmail::Usable(_)), "{id}");
        }
    }

    #[test]
    fn a_visitor_that_is_given_is_kept_as_it_is() {
        let line = GOOD.replace(r#""services""#, r#""visitor":{"name":"Ana"},"services""#);
        let visitor = &parse(&line, None).unwrap()[0].visitor;
        assert_eq!((visitor.name.as_deref(), visitor.email.as_deref()), (Some("Ana"), None));
    }

    #[test]
    fn blank_lines_are_skipped_and_the_limit_counts_conversations() {
        let text = format!("\n{GOOD}\n\n{}\nnot json", GOOD.replace("1_00000", "1_00001"));
        assert_eq!(parse(&text, Some(2)).unwrap().len(), 2);
        assert_eq!(parse(&text, Some(0)).unwrap().len(), 0);
    }

    #[test]
    fn an_error_names_its_line() {
        insta::assert_snapshot!(error(&format!("{GOOD}\n\n{{")), @"line 3, column 1: EOF while parsing an object");
        insta::assert_snapshot!(
            error(&GOOD.replace("agent", "bots")),
            @"line 1, column 103: unknown variant `bots`, expected one of `visitor`, `agent`, `system`, `tool`"
        );
        insta::assert_snapshot!(
            error(&GOOD.replace("1_00000", "a b")),
            @"line 1, column 20: may contain only letters, digits and . _ : - and must start with a letter or digit"
        );
        insta::assert_snapshot!(error(&format!("{GOOD}\n{GOOD}")), @"line 2: dialogue_id 1_00000 is already on line 1");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("no/such.jsonl"), None, DateTime::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().contains("no/such.jsonl"));
    }

    #[test]
    fn half_of_the_samples_are_voice_and_only_those_have_times() {
        let samples = read_samples().unwrap();
        assert_eq!(samples.iter().filter(|sample| sample.channel == Channel::Voice).count(), 3);
        for sample in &samples {
            let voice = sample.channel == Channel::Voice;
            assert!(sample.transcript.iter().all(|turn| turn.started_ms.is_some() == voice), "{}", sample.session_id);
            assert!((12..=26).contains(&sample.transcript.len()), "{}", sample.session_id);
        }
    }

    #[test]
    fn voice_turns_follow_each_other_and_end_within_the_session() {
        for sample in read_samples().unwrap().iter().filter(|sample| sample.channel == Channel::Voice) {
            let times: Vec<_> =
                sample.transcript.iter().flat_map(|turn| [turn.started_ms.unwrap(), turn.ended_ms.unwrap()]).collect();
            assert!(times.is_sorted(), "{}", sample.session_id);
            let duration = (sample.ended_at - sample.started_at).num_milliseconds();
            assert!(i64::from(*times.last().unwrap()) <= duration, "{}", sample.session_id);
        }
    }

    #[test]
    fn one_visitor_comes_twice_and_one_writes_german() {
        let samples = read_samples().unwrap();
        let emails: BTreeSet<_> = samples.iter().filter_map(|sample| sample.visitor.email.clone()).collect();
        assert_eq!(emails.len(), samples.len() - 1);
        assert!(samples.iter().any(|sample| sample.visitor.locale.as_deref() == Some("de-DE")));
        assert!(samples.iter().all(|sample| matches!(sample.visitor.email(), VisitorEmail::Usable(_))));
        assert!(emails.iter().all(|email| email.ends_with("@example.com")));
    }

    #[test]
    fn visitors_and_agents_both_speak_in_every_sample() {
        for sample in read_samples().unwrap() {
            let turns = |role| sample.transcript.iter().filter(|turn| turn.role == role).count();
            assert!(turns(Role::Visitor) >= 6 && turns(Role::Agent) >= 6, "{}", sample.session_id);
        }
    }

    #[test]
    fn samples_keep_their_weekdays_and_lie_in_the_past_week() {
        for now in ["2026-10-01T12:00:00Z", "2026-11-23T00:00:00Z", "2031-05-05T05:05:05Z"] {
            let now: DateTime<Utc> = now.parse().unwrap();
            let moved = super::samples(None, now).unwrap();
            let last = moved.iter().map(|sample| sample.ended_at).max().unwrap();
            assert!(last <= now && now - last < TimeDelta::weeks(1), "{now}");
            let shift = moved[0].started_at - read_samples().unwrap()[0].started_at;
            assert_eq!(shift.num_seconds() % TimeDelta::weeks(1).num_seconds(), 0);
        }
    }

    /// Asks the stand-in as `analyze` does, as far as it matters to the answer.
    async fn analysis(bedrock: &fakes::Running, sample: &Notification) -> serde_json::Value {
        let lines = sample.transcript.iter().enumerate();
        let lines: String =
            lines.map(|(index, turn)| format!("[{index}] {}: {}\n", turn.role.as_str(), turn.text)).collect();
        let prompt = format!("Output language: the transcript's language\n<transcript-1>\n{lines}</transcript-1>\n");
        let schema = include_str!("../../../analyze/prompts/v2/analysis.schema.json");
        let format = serde_json::json!({ "type": "json_schema", "structure": { "jsonSchema": { "schema": schema } } });
        let body = serde_json::json!({
            "messages": [{ "role": "user", "content": [{ "text": prompt }] }], "outputConfig": { "textFormat": format },
        });
        let url = format!("{}/model/demo/converse", bedrock.base_url);
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap();
        serde_json::from_str(answer["output"]["message"]["content"][0]["text"].as_str().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_stand_in_finds_each_sample_in_the_category_it_was_written_for() {
        let bedrock = fakes::bedrock::start().await.unwrap();
        for (sample, (file, _)) in read_samples().unwrap().iter().zip(FILES) {
            let label = analysis(&bedrock, sample).await["category"]["label"].as_str().unwrap().replace('_', "-");
            assert!(file.starts_with(&label), "{file} was found to be {label}");
        }
    }

    #[test]
    fn a_posted_body_names_its_tenant() {
        let body = read_samples().unwrap()[0].body(&"acme".parse().unwrap()).unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["tenant_id"], "acme");
        assert_eq!(body["transcript"][0]["role"], "agent");
        assert_eq!(body["transcript"][0].as_object().unwrap().len(), 2);
    }
}
