//! Whether somebody said what the model quotes.

use domain::analysis::Evidence;
use domain::transcript::{Role, Transcript};

use crate::answer::Quote;
use crate::text;

/// The longest quote in characters; the prompt asks for at most 200.
const MAX_QUOTE: usize = 400;

/// The transcript's turns, folded once.
pub(crate) struct Spoken {
    turns: Vec<Option<String>>,
}

impl Spoken {
    pub(crate) fn new(transcript: &Transcript) -> Self {
        let fold = |turn: &domain::transcript::Turn| match turn.role {
            Role::Visitor | Role::Agent => Some(folded(&turn.text)),
            Role::System | Role::Tool => None,
        };
        Self { turns: transcript.turns().iter().map(fold).collect() }
    }

    /// The quote with the turn it was found in: the named one, else a neighbour.
    pub(crate) fn find(&self, quote: &Quote) -> Option<Evidence> {
        let wanted = folded(&quote.quote);
        let turn = usize::try_from(quote.turn).ok()?;
        let places = [Some(turn), turn.checked_sub(1), turn.checked_add(1)];
        let said = |turn: &usize| self.turns.get(*turn).and_then(Option::as_ref).is_some_and(|t| contains(t, &wanted));
        let turn = places.into_iter().flatten().find(said)?;
        Some(Evidence { turn, quote: text::clean(&quote.quote, MAX_QUOTE) })
    }
}

/// Whole words only: "art" was not said by who said "start". Scripts without spaces have no such limit.
fn contains(turn: &str, wanted: &str) -> bool {
    let whole_words = || format!(" {turn} ").contains(&format!(" {wanted} "));
    !wanted.is_empty() && (whole_words() || (wanted.chars().any(is_unspaced) && turn.contains(wanted)))
}

/// Thai, Lao, Khmer, Burmese, and the scripts of Chinese and Japanese.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

/// Letters and digits in lower case, with one space for whatever stands between them.
fn folded(text: &str) -> String {
    let lower: String = text.chars().flat_map(char::to_lowercase).collect();
    let words = lower.split(|c: char| !c.is_alphanumeric() && !is_mark(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Combining marks belong to the letter before them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use domain::transcript::Turn;

    use super::*;

    fn spoken() -> Spoken {
        let turn = |role, text: &str| Turn { role, text: text.into(), started_ms: None, ended_ms: None };
        Spoken::new(&Transcript::new(vec![
            turn(Role::Agent, "Hello! How can I help?"),
            turn(Role::Visitor, "I'd like to START over – the café's\nmachine is broken…"),
            turn(Role::System, "The visitor is angry."),
            turn(Role::Visitor, "请尽快修理。"),
        ]))
    }

    fn find(turn: i64, quote: &str) -> Option<usize> {
        spoken().find(&Quote { turn, quote: quote.into() }).map(|evidence| evidence.turn)
    }

    #[test]
    fn case_space_and_punctuation_do_not_matter() {
        assert_eq!(find(1, "like to start over, the café's machine"), Some(1));
        assert_eq!(find(1, "Machine  is broken."), Some(1));
        assert_eq!(find(3, "尽快修"), Some(3));
    }

    #[test]
    fn a_quote_one_turn_off_is_put_right() {
        assert_eq!(find(0, "the café's machine"), Some(1));
        assert_eq!(find(2, "the café's machine"), Some(1));
        assert_eq!(find(3, "the café's machine"), None);
    }

    #[test]
    fn words_nobody_said_are_not_found() {
        assert_eq!(find(1, "art over"), None);
        assert_eq!(find(1, "the machine works"), None);
        assert_eq!(find(2, "The visitor is angry"), None, "nobody said it");
        assert_eq!(find(1, "…"), None);
        assert_eq!((find(-1, "Hello"), find(99, "Hello"), find(i64::MAX, "Hello")), (None, None, None));
    }
}
