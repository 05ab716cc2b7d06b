//! Phrases and their meanings, of which `lexicon.txt` has the list.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::text::Word;

/// The meaning of a phrase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Meaning {
    /// An emotion and its score.
    Feeling(&'static str, f64),
    /// A value of an `enum` and the weight of the phrase for it.
    Label(&'static str, f64),
    /// Turns the words after it into their opposite.
    Denial,
    Request,
    /// Opens a promise, which still needs a deed.
    Promise,
    Deed,
    Due,
    Filler,
}

impl Meaning {
    fn parse(text: &'static str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (kind, name) = (parts.next()?, parts.next().unwrap_or_default());
        let weight = parts.next().and_then(|weight| weight.parse().ok()).unwrap_or_default();
        Some(match kind {
            "feeling" => Self::Feeling(name, weight),
            "label" => Self::Label(name, weight),
            "denial" => Self::Denial,
            "request" => Self::Request,
            "promise" => Self::Promise,
            "deed" => Self::Deed,
            "due" => Self::Due,
            "filler" => Self::Filler,
            _ => return None,
        })
    }
}

/// A phrase that was said: its first word, and how many words it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) meaning: Meaning,
    pub(crate) at: usize,
    pub(crate) length: usize,
}

type Phrase = (Meaning, Vec<&'static str>);

/// All phrases by their first letter, so that a long transcript is not compared with every phrase.
static PHRASES: LazyLock<HashMap<Option<char>, Vec<Phrase>>> = LazyLock::new(|| {
    let mut phrases = HashMap::<_, Vec<Phrase>>::new();
    let lines = include_str!("lexicon.txt").lines().filter_map(|line| line.split_once(": "));
    for (meaning, list) in lines.filter_map(|(meaning, list)| Some((Meaning::parse(meaning)?, list))) {
        for phrase in list.split(", ") {
            phrases.entry(phrase.chars().next()).or_default().push((meaning, phrase.split(' ').collect()));
        }
    }
    phrases
});

/// Every phrase that occurs among `words`, in their order.
pub(crate) fn hits(words: &[Word]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (at, word) in words.iter().enumerate() {
        for (meaning, phrase) in PHRASES.get(&word.lower.chars().next()).into_iter().flatten() {
            if begins(&words[at..], phrase) {
                hits.push(Hit { meaning: *meaning, at, length: phrase.len() });
            }
        }
    }
    hits
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
    word.lower.chars().count() >= 4
        && word.lower.chars().all(|c| c.is_alphabetic() || c == '-')
        && !means(word, |meaning| meaning == Meaning::Filler)
}

/// Whether the word says how the speaker feels about a subject, rather than the subject.
pub(crate) fn is_feeling(word: &Word) -> bool {
    means(word, |meaning| matches!(meaning, Meaning::Feeling(..)))
}

fn means(word: &Word, test: fn(Meaning) -> bool) -> bool {
    hits(std::slice::from_ref(word)).iter().any(|hit| test(hit.meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_lexicon_has_a_meaning() {
        for line in include_str!("lexicon.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (meaning, phrases) = line.split_once(": ").unwrap();
            assert!(Meaning::parse(meaning).is_some(), "{line}");
            assert!(phrases.split(", ").all(|phrase| phrase == phrase.to_lowercase().trim() && !phrase.is_empty()));
        }
    }
}
