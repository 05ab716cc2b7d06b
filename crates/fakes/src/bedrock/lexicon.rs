//! Phrases and their meanings, of which `lexicon.txt` has the list.

use std::collections::HashMap;
use std::sync::LazyLock;

use strum::EnumString;

use super::text::Word;

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Meaning {
    /// An emotion and its score.
    Feeling,
    /// A value of an `enum` and the weight of the phrase for it.
    Label,
    /// Turns the words after it into their opposite.
    Denial,
    Request,
    /// Opens a promise, which still needs a deed.
    Promise,
    Deed,
    Due,
    Filler,
}

#[derive(Debug)]
pub(crate) struct Phrase {
    pub(crate) meaning: Meaning,
    /// The emotion or the value; empty for other meanings.
    pub(crate) name: &'static str,
    pub(crate) weight: f64,
    pub(crate) words: Vec<&'static str>,
}

/// All phrases by their first letter, so that a long transcript is not compared with every phrase.
static PHRASES: LazyLock<HashMap<Option<char>, Vec<Phrase>>> = LazyLock::new(|| {
    let mut phrases = HashMap::<_, Vec<Phrase>>::new();
    for (head, list) in include_str!("lexicon.txt").lines().filter_map(|line| line.split_once(": ")) {
        let mut head = head.split(' ');
        let Some(meaning) = head.next().and_then(|word| word.parse().ok()) else { continue };
        let name = head.next().unwrap_or_default();
        let weight = head.next().and_then(|weight| weight.parse().ok()).unwrap_or_default();
        for phrase in list.split(", ") {
            let words = phrase.split(' ').collect();
            phrases.entry(phrase.chars().next()).or_default().push(Phrase { meaning, name, weight, words });
        }
    }
    phrases
});

/// A phrase that was said, and the place of its first word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) phrase: &'static Phrase,
    pub(crate) at: usize,
}

/// Every phrase that occurs among `words`, in their order.
pub(crate) fn hits(words: &[Word]) -> Vec<Hit> {
    let at = |at: usize| {
        let phrases = PHRASES.get(&words[at].lower.chars().next()).into_iter().flatten();
        phrases.filter(move |phrase| begins(&words[at..], &phrase.words)).map(move |phrase| Hit { phrase, at })
    };
    (0..words.len()).flat_map(at).collect()
}

fn begins(words: &[Word], phrase: &[&str]) -> bool {
    let same = |(word, part): (&Word, &&str)| match part.strip_suffix('*') {
        Some(stem) => word.lower.starts_with(stem),
        None => word.lower == **part,
    };
    phrase.len() <= words.len() && words.iter().zip(phrase).all(same)
}

/// Whether the word can say what a text is about: it is neither short nor a filler.
pub(crate) fn is_content(word: &Word) -> bool {
    let is_word = word.lower.chars().count() >= 4 && word.lower.chars().all(char::is_alphabetic);
    is_word && !means(word, Meaning::Filler)
}

/// Whether the word alone has a meaning.
pub(crate) fn means(word: &Word, meaning: Meaning) -> bool {
    hits(std::slice::from_ref(word)).iter().any(|hit| hit.phrase.meaning == meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_lexicon_has_a_meaning() {
        for line in include_str!("lexicon.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (meaning, phrases) = line.split_once(": ").unwrap();
            assert!(meaning.split(' ').next().unwrap().parse::<Meaning>().is_ok(), "{line}");
            assert!(phrases.split(", ").all(|phrase| phrase == phrase.to_lowercase().trim() && !phrase.is_empty()));
        }
    }
}
