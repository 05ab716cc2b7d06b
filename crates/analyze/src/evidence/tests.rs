use domain::transcript::Turn;

use super::*;

fn transcript() -> Transcript {
    let turn = |role, text: &str| Turn { role, text: text.into(), started_ms: None, ended_ms: None };
    Transcript::new(vec![
        turn(Role::Agent, "Hello! How can I help?"),
        turn(Role::Visitor, "I'd like to START over – the café's\nmachine is broken…"),
        turn(Role::System, "The visitor is angry."),
        turn(Role::Visitor, "请尽快修理。 เครื่องกาแฟเสีย"),
        turn(Role::Visitor, "I can’t pay 2.50 for l'article 👩‍🔧👍🏽 مَلِكٌ"),
    ])
}

fn found(turn: i64, quote: &str) -> Option<Evidence> {
    QuotableTurns::new(&transcript()).find(&Quote { turn, quote: quote.into() })
}

fn find(turn: i64, quote: &str) -> Option<usize> {
    found(turn, quote).map(|evidence| evidence.turn)
}

fn in_turn(text: &str, quote: &str) -> Option<String> {
    let turn = Turn { role: Role::Visitor, text: text.into(), started_ms: None, ended_ms: None };
    let transcript = Transcript::new(vec![turn]);
    QuotableTurns::new(&transcript).find(&Quote { turn: 0, quote: quote.into() }).map(|evidence| evidence.quote)
}

#[test]
fn case_space_and_punctuation_do_not_matter_and_the_turn_s_own_words_are_kept() {
    let quote = |turn, quote: &str| found(turn, quote).unwrap().quote;
    assert_eq!(quote(1, "like to start over, the CAFE\u{301}’s"), "like to START over – the café's");
    assert_eq!(quote(1, "\"Machine  is broken.\""), "machine is broken…");
    assert_eq!(quote(1, "café's\\nmachine"), "café's machine");
    assert_eq!(quote(1, "Id like"), "I'd like");
    assert_eq!(quote(3, "尽快修"), "尽快修");
    assert_eq!(quote(3, "กาแฟ"), "กาแฟ");
}

#[test]
fn a_placeholder_in_a_quote_is_whole() {
    let quote = |wanted| in_turn("[PAYMENT_CARD_1] is mine, bill it [see below] or [IBAN_1].", wanted).unwrap();
    assert_eq!(quote("PAYMENT_CARD_1 is mine"), "[PAYMENT_CARD_1] is mine");
    assert_eq!(quote("card 1 is mine"), "[PAYMENT_CARD_1] is mine");
    assert_eq!(quote("payment"), "[PAYMENT_CARD_1]");
    assert_eq!(quote("or [IBAN_1]"), "or [IBAN_1].");
    assert_eq!((quote("is mine"), quote("see")), ("is mine".to_owned(), "see".to_owned()));
}

#[test]
fn a_quote_one_turn_off_is_put_right() {
    assert_eq!(find(0, "the café's machine"), Some(1));
    assert_eq!(find(2, "the café's machine"), Some(1));
    assert_eq!(find(3, "the café's machine"), None);
}

#[test]
fn words_that_were_not_said_are_not_found() {
    assert_eq!(find(1, "art over"), None);
    assert_eq!(find(1, "the machine works"), None);
    assert_eq!(find(2, "The visitor is angry"), None, "nobody said it");
    assert_eq!(find(1, "…"), None);
    assert_eq!((find(-1, "Hello"), find(99, "Hello"), find(i64::MAX, "Hello")), (None, None, None));
}

#[test]
fn a_word_is_not_cut_where_that_changes_what_was_said() {
    assert_eq!((find(4, "I can"), find(4, "pay 2"), find(4, "50 for")), (None, None, None));
    assert_eq!((find(4, "I can't"), find(4, "2.50"), find(4, "article")), (Some(4), Some(4), Some(4)));
    assert_eq!((find(4, "مَلِكٌ"), find(4, "ملك"), find(4, "مَلِ")), (Some(4), None, None));
    assert_eq!((in_turn("ba a a", "a a").as_deref(), in_turn("ba a", "a a")), (Some("a a"), None));
}

#[test]
fn an_emoji_can_be_quoted_alone_and_only_as_it_is() {
    assert_eq!((find(4, "👩‍🔧"), find(4, "👍🏽"), find(4, "👩‍🔧👍🏽")), (Some(4), Some(4), Some(4)));
    assert_eq!((find(4, "👍"), find(4, "👩"), find(4, "🔧")), (None, None, None));
}

#[test]
fn a_long_quote_ends_after_a_word() {
    let said = "word ".repeat(200);
    let quote = in_turn(&said, &said).unwrap();
    assert_eq!((quote.chars().count(), quote.ends_with("word…")), (400, true));
    let unspaced = "修".repeat(1000);
    assert_eq!(in_turn(&unspaced, &unspaced).unwrap().chars().count(), MAX_QUOTE);
    let heap = format!("a{}", "\u{301}".repeat(1000));
    assert_eq!(in_turn(&heap, &heap).unwrap().chars().count(), MAX_QUOTE);
}

#[test]
fn a_quote_cannot_turn_the_text_around_it() {
    let quote = in_turn("say \u{202e}what\u{7}ever\u{202c} now", "say what ever now");
    assert_eq!(quote.as_deref(), Some("say what ever now"));
}

#[test]
fn ten_thousand_turns_and_a_very_long_one_are_searched_quickly() {
    let turn = |text: String| Turn { role: Role::Visitor, text, started_ms: None, ended_ms: None };
    let mut turns: Vec<_> = (0..10_000).map(|n| turn(format!("This is turn {n} of many."))).collect();
    turns.push(turn("a".repeat(200_000)));
    let transcript = Transcript::new(turns);
    let (begun, spoken) = (std::time::Instant::now(), QuotableTurns::new(&transcript));
    for n in 0..10_000 {
        assert!(spoken.find(&Quote { turn: n, quote: format!("turn {n}") }).is_some());
    }
    for _ in 0..100 {
        assert_eq!(spoken.find(&Quote { turn: 10_000, quote: "a".repeat(300) }), None);
    }
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
