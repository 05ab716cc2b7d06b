use analyze::answer::Quote;
use analyze::evidence::{MAX_QUOTE, QuotableTurns};
use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::{shown, transcript};
use domain::analysis::Evidence;
use domain::transcript::{Role, Transcript, Turn};

fn find(transcript: &Transcript, turn: usize, quote: &str) -> Option<Evidence> {
    QuotableTurns::new(transcript).find(&Quote { turn: turn as i64, quote: quote.to_owned() })
}

/// Returns some words of a turn in a row, verbatim.
fn words(text: &str, from: usize, count: usize) -> Option<&str> {
    let words: Vec<_> = text.unicode_word_indices().collect();
    let from = from.checked_rem(words.len())?;
    let (last, word) = words[(from + count).min(words.len() - 1)];
    Some(&text[words[from].0..last + word.len()])
}

/// Generates words of scripts with spaces between words.
fn plain() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-zäöüßéčç]{1,9}|[а-яё]{1,9}|[\u{5d0}-\u{5ea}]{1,6}|[0-9]{1,4}|👍🏽|🇩🇪|कि|مَلِك", 1..40)
}

fn one_turn(text: String) -> Transcript {
    Transcript::new(vec![Turn { role: Role::Visitor, text, started_ms: None, ended_ms: None }])
}

proptest! {
    #[test]
    fn words_that_were_said_are_found(words in plain(), from in 0usize..40, count in 1usize..40, gap in "[,.;!—]? ") {
        let text = words.join(&gap);
        let from = from % words.len();
        let quote = words[from..(from + count).min(words.len())].join(&gap);
        let found = find(&one_turn(text.clone()), 0, &quote).unwrap();
        prop_assert!(text.contains(found.quote.trim_end_matches('…')), "{found:?}");
    }

    #[test]
    fn case_space_and_punctuation_do_not_matter(
        words in plain(), from in 0usize..40, upper in any::<bool>(), gap in "[ \n]{1,3}|, | – |… «"
    ) {
        let text = words.join(" ");
        let quote = words[from % words.len()..].join(&gap);
        let quote = if upper { quote.to_uppercase() } else { quote };
        let found = find(&one_turn(text.clone()), 0, &format!("“{quote}!”"));
        prop_assert!(found.is_some(), "{quote} in {text}");
    }

    #[test]
    fn a_word_that_was_not_said_is_never_found(words in plain(), at in 0usize..40) {
        let mut quoted = words.clone();
        quoted.insert(at % (words.len() + 1), "xyzzy".to_owned());
        prop_assert_eq!(find(&one_turn(words.join(" ")), 0, &quoted.join(" ")), None);
    }

    #[test]
    fn whole_turns_are_found_and_what_is_kept_was_said(transcript in transcript(), turn in 0usize..8) {
        let turn = turn % transcript.turns().len();
        let said = &transcript.turns()[turn];
        let quotable = matches!(said.role, Role::Visitor | Role::Agent);
        let found = find(&transcript, turn, &said.text);
        if quotable && words(&said.text, 0, 1).is_some() {
            prop_assert!(found.is_some());
        }
    }

    #[test]
    fn what_is_kept_stands_in_a_turn_that_can_be_quoted(
        transcript in transcript(), turn in 0usize..9, from in 0usize..20, count in 0usize..9, other in super::said()
    ) {
        let part = transcript.turns().get(turn).and_then(|said| words(&said.text, from, count));
        for quote in [part.unwrap_or_default(), other.as_str()] {
            if let Some(found) = find(&transcript, turn, quote) {
                let said = &transcript.turns()[found.turn];
                prop_assert!(matches!(said.role, Role::Visitor | Role::Agent));
                prop_assert!(found.quote.chars().count() <= MAX_QUOTE);
                let kept = if found.quote.chars().count() > MAX_QUOTE - 10 {
                    found.quote.trim_end_matches('…')
                } else {
                    &found.quote
                };
                prop_assert!(shown(&said.text).contains(kept), "{found:?} in {said:?}");
            }
        }
    }
}
