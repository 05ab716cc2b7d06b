//! Reads conversations from a file: one JSON object a line.
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

/// The file has no times of the session: a written turn is taken to last this long.
const SECONDS_PER_TURN: i32 = 20;
const AGENT: &str = "replayed";

#[derive(Deserialize)]
struct Conversation {
    dialogue_id: SessionId,
    turns: Vec<Turn>,
    visitor: Option<Visitor>,
}

/// The first `limit` conversations of a file, ended at `now`.
pub(super) fn read(path: &Path, limit: Option<usize>, now: DateTime<Utc>) -> anyhow::Result<Vec<Notification>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    parse(&text, limit, now).with_context(|| format!("read {}", path.display()))
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

#[cfg(test)]
mod tests {
    use domain::session::VisitorEmail;

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
}
