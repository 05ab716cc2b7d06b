//! The words of a conversation, to be looked up by stem.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::prompt::Turn;
use super::text::words;

/// The shortest stem, in characters; shorter words must be said as they are.
const SHORTEST: usize = 4;
/// Endings are at most this long, in characters.
const ENDING: usize = 3;

/// Words in lower case.
#[derive(Debug)]
pub(crate) struct Vocabulary(BTreeSet<String>);

impl Vocabulary {
    pub(crate) fn of<'a>(turns: impl Iterator<Item = &'a Turn>) -> Self {
        Self(turns.flat_map(|turn| words(&turn.text)).map(|word| word.lower).collect())
    }

    /// Whether all words of `phrase`, or others of their stems, were said; `false` for a phrase without words.
    pub(crate) fn has_all(&self, phrase: &str) -> bool {
        let words = words(phrase);
        !words.is_empty() && words.iter().all(|word| self.has(&word.lower))
    }

    /// Whether `word`, in lower case, or another of its stem was said.
    pub(crate) fn has(&self, word: &str) -> bool {
        match stem(word) {
            None => self.0.contains(word),
            Some(stem) => {
                let mut from = self.0.range::<str, _>((Bound::Included(stem), Bound::Unbounded));
                from.next().is_some_and(|said| said.starts_with(stem))
            }
        }
    }
}

/// The word without an ending; `None` where it is too short to have one.
pub(crate) fn stem(word: &str) -> Option<&str> {
    let length = word.chars().count();
    let keep = length.saturating_sub(ENDING).max(SHORTEST);
    (length >= SHORTEST).then(|| word.char_indices().nth(keep).map_or(word, |(end, _)| &word[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_by_its_stem_and_a_short_one_only_as_it_is() {
        let turn =
            Turn { index: 0, role: "visitor".to_owned(), text: "Was it DELIVERED? My bill, die Rückgaben".to_owned() };
        let said = Vocabulary::of([&turn].into_iter());
        for phrase in ["Delivery", "bills", "my bill", "Rückgabe"] {
            assert!(said.has_all(phrase), "{phrase}");
        }
        for phrase in ["it delivery van", "wa", "", "…", "refund"] {
            assert!(!said.has_all(phrase), "{phrase}");
        }
        assert_eq!((stem("billing"), stem("bill"), stem("was")), (Some("bill"), Some("bill"), None));
    }
}
