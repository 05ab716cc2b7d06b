//! Labelled conversations: one JSON object a line, as `crates/analyze/eval/README.md` describes them.

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Context, ensure};
use domain::analysis::{CategoryLabel, IntentOutcome};
use domain::id::SessionId;
use domain::number::Score;
use domain::session::Channel;
use serde::{Deserialize, Serialize};

/// The fields of a conversation that are read here; the rest goes to the analysis unchanged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Labelled {
    pub(super) id: String,
    #[serde(default = "unknown")]
    pub(super) language: String,
    pub(super) channel: Channel,
    #[serde(default = "unknown")]
    pub(super) difficulty: String,
    pub(super) expected: Expected,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Expected {
    pub(super) category: CategoryLabel,
    /// The mean over the visitor's turns.
    pub(super) sentiment: Option<Score>,
    pub(super) outcome: Option<IntentOutcome>,
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The first `limit` conversations and their lines.
pub(super) fn parse(text: &str, limit: Option<usize>) -> anyhow::Result<(Vec<Labelled>, String)> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let (mut labelled, mut ids, mut kept) = (Vec::new(), BTreeSet::new(), String::new());
    for (number, line) in lines.take(limit.unwrap_or(usize::MAX)) {
        let conversation: Labelled = serde_json::from_str(line).with_context(|| format!("line {number}"))?;
        let id = SessionId::from_str(&conversation.id);
        id.with_context(|| format!("line {number}: the id {} is not one of a session", conversation.id))?;
        ensure!(ids.insert(conversation.id.clone()), "line {number}: the id {} is not unique", conversation.id);
        labelled.push(conversation);
        kept.push_str(line);
        kept.push('\n');
    }
    ensure!(!labelled.is_empty(), "there are no conversations");
    Ok((labelled, kept))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Utc};
    use domain::session::Visitor;
    use domain::transcript::{Role, Transcript};

    use super::*;

    const SHIPPED: &str = include_str!("../../../analyze/eval/synthetic.jsonl");

    #[derive(Deserialize)]
    struct Whole {
        id: String,
        channel: Channel,
        synthetic: bool,
        session: Session,
        transcript: Transcript,
    }

    #[derive(Deserialize)]
    struct Session {
        visitor: Visitor,
        started_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
    }

    fn whole() -> Vec<Whole> {
        SHIPPED.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn counts(of: impl Fn(&Labelled) -> String) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for conversation in parse(SHIPPED, None).unwrap().0 {
            *counts.entry(of(&conversation)).or_default() += 1;
        }
        counts
    }

    #[test]
    fn the_shipped_set_has_eight_conversations_a_category_three_of_them_hard() {
        let (labelled, kept) = parse(SHIPPED, None).unwrap();
        assert_eq!((labelled.len(), kept.as_str()), (40, SHIPPED));
        let categories = counts(|conversation| conversation.expected.category.as_str().to_owned());
        assert_eq!(categories.into_values().collect::<Vec<_>>(), [8; 5]);
        let hard =
            counts(|conversation| format!("{} {}", conversation.difficulty, conversation.expected.category.as_str()));
        let hard: Vec<_> = hard.into_iter().filter(|(key, _)| key.starts_with("hard ")).collect();
        assert!(hard.len() == 5 && hard.iter().all(|(_, count)| *count >= 3), "{hard:?}");
    }

    #[test]
    fn the_shipped_set_has_both_channels_many_languages_and_every_label() {
        assert_eq!(counts(|conversation| conversation.channel.as_str().to_owned()).into_values().min(), Some(20));
        let languages = counts(|conversation| conversation.language.clone());
        assert!(languages.len() >= 6 && languages["en"] == 24, "{languages:?}");
        assert_eq!(counts(|conversation| conversation.difficulty.clone()).len(), 2);
        assert_eq!(counts(|conversation| format!("{:?}", conversation.expected.outcome)).len(), 4);
        let (labelled, _) = parse(SHIPPED, None).unwrap();
        assert!(labelled.iter().all(|conversation| conversation.expected.sentiment.is_some()));
    }

    #[test]
    fn the_shipped_times_are_in_order_and_only_voice_has_them() {
        for conversation in whole() {
            let id = &conversation.id;
            let turns = conversation.transcript.turns();
            assert!((6..=24).contains(&turns.len()) && conversation.synthetic, "{id}");
            let voice = conversation.channel == Channel::Voice;
            let times: Vec<_> = turns.iter().filter_map(|turn| Some((turn.started_ms?, turn.ended_ms?))).collect();
            assert_eq!(times.len(), if voice { turns.len() } else { 0 }, "{id}");
            assert!(times.is_sorted() && times.iter().all(|(start, end)| start < end), "{id}");
            let length = (conversation.session.ended_at - conversation.session.started_at).num_milliseconds();
            assert!(length > 0 && times.iter().all(|(_, end)| i64::from(*end) <= length), "{id}");
        }
    }

    #[test]
    fn no_shipped_transcript_is_there_twice_and_every_locale_can_be_used() {
        let whole = whole();
        let texts: BTreeSet<_> = whole.iter().map(|one| format!("{:?}", one.transcript)).collect();
        assert_eq!(texts.len(), whole.len());
        for one in &whole {
            assert!(one.session.visitor.locale().is_some(), "{}", one.id);
            assert!(one.transcript.of(Role::Visitor).count() >= 3, "{}", one.id);
        }
    }

    #[test]
    fn a_file_of_ones_own_needs_id_channel_and_category() {
        let line = r#"{"id":"a","channel":"text","transcript":[],"expected":{"category":"others"}}"#;
        let (labelled, kept) = parse(&format!("\n{line}\n"), None).unwrap();
        assert_eq!((labelled[0].language.as_str(), labelled[0].expected.sentiment), ("unknown", None));
        assert_eq!(kept, format!("{line}\n"));
        assert!(parse(&format!("{line}\n{line}"), None).unwrap_err().to_string().contains("not unique"));
        assert!(parse(&format!("{line}\n{{}}"), Some(1)).is_ok());
        let far = line.replace(r#""others""#, r#""others","sentiment":1.5"#);
        assert!(format!("{:#}", parse(&far, None).unwrap_err()).contains("between -1 and 1"));
        assert!(parse("\n", None).is_err());
    }
}
