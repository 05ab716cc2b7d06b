//! Properties of splitting and joining: nothing is lost, whatever the transcript and the limits.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use analyze::check::Findings;
use analyze::merge::{PartFindings, join};
use analyze::split::{PartLimits, TranscriptPart, split, tokens};
use domain::analysis::Feeling;
use domain::transcript::{Role, Transcript, Turn};
use proptest::prelude::*;
use serde_json::json;

fn transcripts() -> impl Strategy<Value = Transcript> {
    let role = prop::sample::select(Role::ALL.to_vec());
    // Words, scripts without spaces, and turns longer than any limit below.
    let text = prop_oneof![
        5 => "[a-z ]{0,40}",
        2 => "\\PC{0,60}",
        1 => "[a-zé請 \n]{200,800}",
    ];
    let turn = (role, text).prop_map(|(role, text)| Turn { role, text, started_ms: None, ended_ms: None });
    prop::collection::vec(turn, 0..60).prop_map(Transcript::new)
}

fn limits() -> impl Strategy<Value = PartLimits> {
    (20..400usize, 1..30usize).prop_map(|(tokens, visitor_turns)| PartLimits { tokens, visitor_turns })
}

/// Makes findings with one entry for each of the part's visitor turns, like a checked answer.
fn found(transcript: &Transcript, part: &TranscriptPart) -> PartFindings {
    let own = transcript.of(Role::Visitor).filter(|(index, _)| part.own.contains(index));
    let timeline: Vec<_> = own
        .map(|(index, _)| Feeling { turn: index, score: (index as f64).sin().try_into().unwrap(), emotion: "x".into() })
        .collect();
    let findings: Findings = serde_json::from_value(json!({
        "conclusions": {
            "intent": { "primary_purpose": "p", "objectives": [], "outcome": "unclear" },
            "summary": { "text": "s", "key_points": [] },
            "category": { "label": "others", "confidence": 1.0, "justification": { "reasoning": "r", "evidence": [] } },
            "patterns": [], "custom_metrics": {}, "quotes_verified": 2, "quotes_dropped": 1, "gap": null
        },
        "timeline": timeline, "causes": [], "topics": ["one topic"], "insights": [], "action_items": []
    }))
    .unwrap();
    PartFindings { part: part.clone(), prompt_version: "v".into(), findings }
}

proptest! {
    #[test]
    fn parts_hold_every_turn_once_and_every_character(transcript in transcripts(), limits in limits()) {
        let parts = split(&transcript, limits);
        let (mut turn, mut byte) = (0, 0);
        for part in &parts {
            prop_assert!(part.context.end == part.own.start || part.context.is_empty());
            prop_assert_eq!(part.own.start, turn);
            match &part.excerpt {
                None => turn = part.own.end,
                Some(excerpt) => {
                    let text = &transcript.turns()[turn].text;
                    prop_assert!(text.is_char_boundary(excerpt.bytes.start) && text.is_char_boundary(excerpt.bytes.end));
                    prop_assert!(excerpt.bytes.start <= byte && excerpt.bytes.end > byte);
                    byte = excerpt.bytes.end;
                    if excerpt.piece == excerpt.pieces {
                        prop_assert_eq!(byte, text.len());
                        (turn, byte) = (turn + 1, 0);
                    }
                }
            }
        }
        prop_assert_eq!((turn, byte), (transcript.turns().len(), 0));
    }

    #[test]
    fn no_part_exceeds_the_limits(transcript in transcripts(), limits in limits()) {
        let mut seen = 0;
        for part in split(&transcript, limits) {
            let own = &transcript.turns()[part.own.clone()];
            prop_assert!(own.iter().filter(|turn| turn.role == Role::Visitor).count() <= limits.visitor_turns);
            let size: usize = match &part.excerpt {
                None => own.iter().map(|turn| tokens(&turn.text)).sum(),
                Some(excerpt) => {
                    // The overlap with the piece before may exceed the limit.
                    let from = if excerpt.piece == 1 { 0 } else { seen };
                    seen = excerpt.bytes.end;
                    tokens(&own[0].text[from..seen])
                }
            };
            prop_assert!(size <= limits.tokens, "{size} of {}", limits.tokens);
        }
    }

    #[test]
    fn joining_the_parts_gives_every_visitor_turn_once_and_in_order(transcript in transcripts(), limits in limits()) {
        let parts: Vec<_> = split(&transcript, limits).iter().map(|part| found(&transcript, part)).collect();
        let conclusions = found(&transcript, &TranscriptPart::default()).findings.conclusions;
        let joined = join(&parts, conclusions).findings;
        let turns: Vec<_> = joined.timeline.iter().map(|feeling| feeling.turn).collect();
        let visitor: Vec<_> = transcript.of(Role::Visitor).map(|(index, _)| index).collect();
        prop_assert_eq!(turns, visitor);
        for feeling in &joined.timeline {
            prop_assert!((feeling.score.get() - (feeling.turn as f64).sin()).abs() < 0.001);
        }
        prop_assert_eq!(joined.conclusions.quotes_verified, 2 * u32::try_from(parts.len() + 1).unwrap());
        prop_assert!(joined.topics.len() <= 1, "a topic of several parts is there once");
    }
}
