use serde::Deserialize;
use serde_json::json;

use super::*;

mod entities;
mod properties;

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    entities: Vec<Entity>,
    #[serde(default)]
    patterns: Vec<CustomPattern>,
}

fn redactor(chosen: serde_json::Value) -> Redactor {
    let Chosen { entities, patterns } = serde_json::from_value(chosen).unwrap();
    Redactor::new(entities, &patterns)
}

/// A redactor of everything.
fn all() -> Redactor {
    redactor(json!({
        "entities": Entity::ALL,
        "patterns": [{ "name": "customer_number", "pattern": "KD-\\d{6}" }]
    }))
}

fn redact(redactor: &Redactor, texts: &[&str]) -> Redaction {
    redactor.redact(texts.iter().copied())
}

#[test]
fn a_value_has_one_placeholder_however_it_is_written_and_whichever_speaker_says_it() {
    let said = [
        "Mail Anna@Example.com or 4111 1111 1111 1111, KD-123456",
        "Is it anna@example.COM, card 4111-1111-1111-1111?",
        "card ４１１１１１１１１１１１１１１１ of KD-654321",
        "{\"iban\":\"DE89370400440532013000\"} 5500 0000 0000 0004",
    ];
    let Redaction { texts, counts, originals } = redact(&all(), &said);
    assert_eq!(
        texts,
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
}

#[test]
fn what_looks_like_a_placeholder_is_never_filled() {
    let said = ["I am [EMAIL_1] and [EMAIL_3], [PHONE_1]", "a@b.com c@d.com [[EMAIL_1]]"];
    let Redaction { texts, originals, .. } = redact(&redactor(json!({ "entities": ["email"] })), &said);
    assert_eq!(texts, ["I am [EMAIL_1] and [EMAIL_3], [PHONE_1]", "[EMAIL_2] [EMAIL_4] [[EMAIL_1]]"]);
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
    let said = ["a@b.com 4111111111111111 DE89370400440532013000"];
    let redaction = redact(&redactor(json!({})), &said);
    assert_eq!((redaction.texts, redaction.counts.len()), (said.map(str::to_owned).to_vec(), 0));
    assert!(redaction.originals.is_empty());
}

#[test]
fn patterns_come_first_and_see_what_is_around_them() {
    let patterns = json!({ "entities": ["payment_card"], "patterns": [
        { "name": "order", "pattern": "\\b41\\d{14}\\b" }, { "name": "line", "pattern": "(?m)^id .*$" }
    ] });
    let said = ["4111111111111111 x4111111111111111\nid 5"];
    let redaction = redact(&redactor(patterns), &said);
    assert_eq!(redaction.texts, ["[ORDER_1] x[PAYMENT_CARD_1]\n[LINE_1]"]);
}

#[test]
fn a_pattern_is_found_wherever_the_search_window_ends() {
    let redactor = redactor(json!({ "entities": [], "patterns": [{ "name": "n", "pattern": "K\\d+E" }] }));
    for before in (1000..1050).chain(2000..2060) {
        let text = format!("{}K{}E{}", "é".repeat(before), "7".repeat(900), ".".repeat(3000));
        let redacted = redact(&redactor, &[&text]);
        assert_eq!(redacted.counts["n"], 1, "{before}");
        assert!(!redacted.texts[0].contains('7'));
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
        redact(&redactor, &[text]);
    }
    // In a build without optimisation; what grows with the square of the length takes minutes.
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn an_invalid_pattern_is_refused_by_name() {
    let error = |name: &str, pattern: &str| {
        let json = json!({ "name": name, "pattern": pattern });
        serde_json::from_value::<CustomPattern>(json).unwrap_err().to_string()
    };
    for (name, pattern, expected) in [
        ("Kunde", "x", "invalid name of a redaction pattern \"Kunde\": it must have 1 to 40 characters"),
        ("", "x", "invalid name of a redaction pattern \"\""),
        ("email", "x", "invalid name of a redaction pattern \"email\": an entity has this name"),
        ("k", "KD-(", "invalid redaction pattern \"k\": unclosed group"),
        ("k", "(a)\\1", "backreferences are not supported"),
        ("k", "a*", "the pattern matches the empty text"),
        ("k", "\\b", "the pattern matches the empty text"),
        ("k", "[a&&b]", "or no text at all"),
        ("k", "(\\w{100}){100}", "the pattern takes too much memory"),
        ("k", "", "the pattern must have 1 to 300 characters"),
        ("k", &"x".repeat(301), "the pattern must have 1 to 300 characters"),
    ] {
        assert!(error(name, pattern).contains(expected), "{}", error(name, pattern));
    }
}

#[test]
fn entities_have_their_text_in_json() {
    for entity in Entity::ALL {
        assert_eq!(serde_json::to_value(entity).unwrap(), entity.as_str());
    }
}
