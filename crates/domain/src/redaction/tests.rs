use serde_json::json;

use super::*;
use crate::transcript::Role;

mod entities;
mod properties;

fn redactor(settings: serde_json::Value) -> Redactor {
    Redactor::new(&serde_json::from_value(settings).unwrap())
}

/// A redactor of everything.
fn all() -> Redactor {
    redactor(json!({
        "entities": ["email", "phone", "payment_card", "iban", "national_id", "ip_address"],
        "patterns": [{ "name": "customer_number", "pattern": "KD-\\d{6}" }]
    }))
}

fn transcript(texts: &[&str]) -> Transcript {
    let roles = Role::ALL.into_iter().cycle();
    let turn = |(role, text): (Role, &&str)| Turn { role, text: (*text).into(), started_ms: Some(5), ended_ms: None };
    Transcript::new(roles.zip(texts).map(turn).collect())
}

fn texts(transcript: &Transcript) -> Vec<&str> {
    transcript.turns().iter().map(|turn| turn.text.as_str()).collect()
}

#[test]
fn a_value_has_one_placeholder_however_it_is_written_and_whoever_says_it() {
    let said = transcript(&[
        "Mail Anna@Example.com or 4111 1111 1111 1111, KD-123456",
        "Is it anna@example.COM, card 4111-1111-1111-1111?",
        "card ４１１１１１１１１１１１１１１１ of KD-654321",
        "{\"iban\":\"DE89370400440532013000\"} 5500 0000 0000 0004",
    ]);
    let Redaction { transcript, counts, originals } = all().redact(&said);
    assert_eq!(
        texts(&transcript),
        [
            "Mail [EMAIL_1] or [PAYMENT_CARD_1], [CUSTOMER_NUMBER_1]",
            "Is it [EMAIL_1], card [PAYMENT_CARD_1]?",
            "card [PAYMENT_CARD_1] of [CUSTOMER_NUMBER_2]",
            "{\"iban\":\"[IBAN_1]\"} [PAYMENT_CARD_2]",
        ]
    );
    let expected = [("customer_number", 2), ("email", 2), ("iban", 1), ("payment_card", 4)];
    assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!(originals.restore("[PAYMENT_CARD_1] of [EMAIL_1]"), "4111 1111 1111 1111 of Anna@Example.com");
    for (turn, before) in transcript.turns().iter().zip(said.turns()) {
        assert_eq!((turn.role, turn.started_ms, turn.ended_ms), (before.role, before.started_ms, before.ended_ms));
    }
}

#[test]
fn what_looks_like_a_placeholder_is_never_filled() {
    let said = transcript(&["I am [EMAIL_1] and [EMAIL_3], [PHONE_1]", "a@b.com c@d.com [[EMAIL_1]]"]);
    let Redaction { transcript, originals, .. } = redactor(json!({ "entities": ["email"] })).redact(&said);
    assert_eq!(texts(&transcript), ["I am [EMAIL_1] and [EMAIL_3], [PHONE_1]", "[EMAIL_2] [EMAIL_4] [[EMAIL_1]]"]);
    assert_eq!(originals.restore("[EMAIL_1] [EMAIL_2] [EMAIL_3]"), "[EMAIL_1] a@b.com [EMAIL_3]");
}

#[test]
fn restoring_looks_at_a_text_once() {
    let originals: Originals =
        serde_json::from_value(json!({ "[A_1]": "[A_2]", "[A_2]": "secret", "[A_3]": "[A_" })).unwrap();
    assert_eq!(originals.restore("[A_1][A_3]2]"), "[A_2][A_2]");
    assert!(matches!(originals.restore("[A_4] [A_01] [a_1"), std::borrow::Cow::Borrowed(_)));
    assert!(!format!("{originals:?}").contains("secret"));
}

#[test]
fn nothing_is_hidden_where_nothing_is_asked_for() {
    let said = transcript(&["a@b.com 4111111111111111 DE89370400440532013000"]);
    let redaction = redactor(json!({ "entities": [] })).redact(&said);
    assert_eq!((redaction.transcript, redaction.counts.len()), (said, 0));
    assert!(redaction.originals.is_empty());
}

#[test]
fn patterns_come_first_and_see_what_is_around_them() {
    let patterns = json!({ "entities": ["payment_card"], "patterns": [
        { "name": "order", "pattern": "\\b41\\d{14}\\b" }, { "name": "line", "pattern": "(?m)^id .*$" }
    ] });
    let said = transcript(&["4111111111111111 x4111111111111111\nid 5"]);
    let redaction = redactor(patterns).redact(&said);
    assert_eq!(texts(&redaction.transcript), ["[ORDER_1] x[PAYMENT_CARD_1]\n[LINE_1]"]);
}

#[test]
fn a_pattern_is_found_wherever_the_search_window_ends() {
    let redactor = redactor(json!({ "entities": [], "patterns": [{ "name": "n", "pattern": "K\\d+E" }] }));
    for before in (1000..1050).chain(2000..2060) {
        let text = format!("{}K{}E{}", "é".repeat(before), "7".repeat(900), ".".repeat(3000));
        let redacted = redactor.redact(&transcript(&[&text]));
        assert_eq!(redacted.counts["n"], 1, "{before}");
        assert!(!redacted.transcript.turns()[0].text.contains('7'));
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    let patterns = json!({
        "entities": ["email", "phone", "payment_card", "iban", "national_id", "ip_address"],
        "patterns": [{ "name": "greedy", "pattern": ".*!|x" }]
    });
    let redactor = redactor(patterns);
    let pieces = ["4", "0", "1 ", "4111111111111111", "@", "a@", "a.", "[EMAIL_", "[", "x", "DE89", "1:", "+1", "(0"];
    let texts: Vec<String> = pieces.iter().map(|piece| piece.repeat(200_000 / piece.len())).collect();
    let started = std::time::Instant::now();
    for text in &texts {
        redactor.redact(&transcript(&[text.as_str()]));
    }
    // In a build without optimisation; what grows with the square of the length takes minutes.
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn an_analysis_is_restored_in_its_texts_and_nowhere_else() {
    let evidence = json!([{ "turn": 0, "quote": "[EMAIL_1]" }]);
    let document = json!({
        "status": "ok", "code": "[EMAIL_1]",
        "intent": { "primary_purpose": "[EMAIL_1]", "objectives": ["[EMAIL_1]"], "outcome": null },
        "summary": { "text": "[EMAIL_1]", "key_points": ["[EMAIL_1]"] },
        "category": { "label": "others", "confidence": 1.0,
            "justification": { "reasoning": "[EMAIL_1]", "evidence": evidence } },
        "sentiment": { "average": 0.0, "label": "neutral", "patterns": ["[EMAIL_1]"],
            "timeline": [{ "turn": 0, "score": 0.0, "emotion": "[EMAIL_1]" }],
            "shifts": [{ "from_turn": 0, "to_turn": 2, "from": 0.0, "to": 1.0, "cause": "[EMAIL_1]" }] },
        "topics": ["[EMAIL_1]"],
        "insights": [{ "text": "[EMAIL_1]", "evidence": evidence }],
        "action_items": [{ "text": "[EMAIL_1]", "owner": "agent", "due": "[EMAIL_1]", "evidence": evidence }],
        "custom_metrics": { "m": { "status": "ok", "value": ["[EMAIL_1]", 1], "rationale": "[EMAIL_1]" } },
        "conversation": serde_json::to_value(crate::analysis::Conversation::default()).unwrap(),
        "coverage": { "turns_total": 1, "turns_analysed": 1, "chunks": 1, "chunks_failed": 0 },
        "redactions": { "email": 1 },
        "usage": serde_json::to_value(crate::analysis::Usage::default()).unwrap()
    });
    let analysis: crate::analysis::Analysis = serde_json::from_value(document.clone()).unwrap();
    let originals: Originals = serde_json::from_value(json!({ "[EMAIL_1]": "a@b.com" })).unwrap();
    let restored = serde_json::to_value(analysis.restored(&originals)).unwrap();
    assert_eq!(restored["code"], "[EMAIL_1]");
    let text = restored.to_string();
    assert_eq!(text.matches("[EMAIL_1]").count(), 1);
    assert_eq!(text.matches("a@b.com").count(), document.to_string().matches("[EMAIL_1]").count() - 1);
}
