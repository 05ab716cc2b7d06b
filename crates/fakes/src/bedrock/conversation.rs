//! A conversation, read with the lexicon.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use super::lexicon::{Hit, Meaning, hits, is_content, is_feeling};
use super::prompt::{Prompt, Turn};
use super::text::{Word, sentences, stem, words};

/// Words before a phrase among which a denial counts.
const REACH: usize = 3;
/// A denied feeling is weaker than its opposite.
const DENIED: f64 = -0.6;
/// A visitor's word counts as much as this many of the agent's towards a topic.
const VISITOR: usize = 2;
/// The most topics.
const TOPICS: usize = 5;
/// The visitor's last turns, by which the outcome is judged.
const LAST: usize = 3;

/// A sentence of a visitor or an agent.
#[derive(Debug)]
pub(crate) struct Sentence<'a> {
    pub(crate) turn: usize,
    pub(crate) is_visitor: bool,
    pub(crate) text: &'a str,
    /// Emotions with their scores.
    feelings: Vec<(&'static str, f64)>,
    /// Labels with what speaks for them.
    labels: Vec<(&'static str, f64)>,
    pub(crate) asks: bool,
    pub(crate) promises: bool,
    pub(crate) due: Option<&'a str>,
}

impl<'a> Sentence<'a> {
    fn read(turn: &Turn, text: &'a str) -> Self {
        let words = words(text);
        let hits = hits(&words);
        let has = |meaning| hits.iter().any(|hit| hit.meaning == meaning);
        let promise = hits.iter().find(|hit| hit.meaning == Meaning::Promise);
        let deed = |hit: &&Hit| hit.meaning == Meaning::Deed && promise.is_some_and(|promise| promise.at <= hit.at);
        let due = hits.iter().find(|hit| hit.meaning == Meaning::Due);
        Self {
            turn: turn.index,
            is_visitor: turn.role == "visitor",
            text,
            feelings: feelings(&hits),
            labels: labels(&hits),
            asks: words.len() >= 3 && (text.ends_with('?') || has(Meaning::Request)),
            promises: hits.iter().any(|hit| deed(&hit)),
            due: due.map(|due| &text[words[due.at].start..words[due.at + due.length - 1].end]),
        }
    }

    /// The weight of its words for a label.
    pub(crate) fn weight(&self, label: &str) -> f64 {
        self.labels.iter().filter(|(own, _)| *own == label).map(|(_, weight)| weight).sum()
    }

    /// The strongest emotion with its score.
    pub(crate) fn emotion(&self) -> Option<(&'static str, f64)> {
        self.feelings.iter().copied().max_by(|one, other| one.1.abs().total_cmp(&other.1.abs()))
    }
}

/// The places of the denials among the hits.
fn denials(hits: &[Hit]) -> Vec<usize> {
    hits.iter().filter(|hit| hit.meaning == Meaning::Denial).map(|hit| hit.at).collect()
}

fn is_denied(denials: &[usize], at: usize) -> bool {
    let before = denials.partition_point(|denial| *denial < at);
    before > 0 && denials[before - 1] + REACH >= at
}

/// Finds the feelings; of those at one word the longest counts: "not working" says more than "working".
fn feelings(hits: &[Hit]) -> Vec<(&'static str, f64)> {
    let denials = denials(hits);
    let feeling = |same: &[Hit]| {
        let feelings = same.iter().filter(|hit| matches!(hit.meaning, Meaning::Feeling(..)));
        let longest = feelings.max_by_key(|hit| hit.length)?;
        let Meaning::Feeling(emotion, score) = longest.meaning else { return None };
        Some(match is_denied(&denials, longest.at) {
            true if score > 0.0 => ("disappointment", score * DENIED),
            true => ("relief", score * DENIED),
            false => (emotion, score),
        })
    };
    hits.chunk_by(|one, other| one.at == other.at).filter_map(feeling).collect()
}

fn labels(hits: &[Hit]) -> Vec<(&'static str, f64)> {
    let denials = denials(hits);
    let label = |hit: &Hit| match (hit.meaning, is_denied(&denials, hit.at)) {
        (Meaning::Label("immediate_buyer", weight), true) => Some(("just_exploring", weight)),
        (Meaning::Label("facing_issue", _), true) => None,
        (Meaning::Label(label, weight), _) => Some((label, weight)),
        _ => None,
    };
    hits.iter().filter_map(label).collect()
}

/// A visitor's turn and its mood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mood {
    pub(crate) turn: usize,
    pub(crate) emotion: &'static str,
    /// -1 to 1, two decimals.
    pub(crate) score: f64,
}

#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    pub(crate) sentences: Vec<Sentence<'a>>,
    /// Moods of the visitor's turns, without the turns of another prompt.
    pub(crate) moods: Vec<Mood>,
    /// Scores of the visitor's last turns.
    last_scores: Vec<f64>,
    /// The content words said most, in the order in which they came up where equal.
    pub(crate) topics: Vec<String>,
    said: BTreeSet<String>,
}

impl<'a> Conversation<'a> {
    pub(crate) fn read(prompt: &Prompt<'_>, turns: &'a [Turn]) -> Self {
        let context = prompt.context();
        let spoken = || turns.iter().filter(|turn| matches!(turn.role.as_str(), "visitor" | "agent"));
        let (mut all, mut moods, mut scores) = (Vec::new(), Vec::new(), Vec::new());
        for turn in spoken() {
            let read = sentences(&turn.text).into_iter().map(|text| Sentence::read(turn, text)).collect::<Vec<_>>();
            if turn.role == "visitor" {
                let mood = mood(turn, &read);
                scores.push(mood.score);
                if context.as_ref().is_none_or(|context| !context.contains(&turn.index)) {
                    moods.push(mood);
                }
            }
            all.extend(read);
        }
        let last_scores = scores.split_off(scores.len().saturating_sub(LAST));
        let words = spoken().flat_map(|turn| words(&turn.text).into_iter().map(move |word| (turn, word)));
        let words = words.collect::<Vec<_>>();
        let topics = frequent(&words);
        let said = words.into_iter().map(|(_, word)| word.lower).collect();
        Self { sentences: all, moods, last_scores, topics, said }
    }

    pub(crate) fn of_visitor(&self) -> impl Iterator<Item = &Sentence<'a>> {
        self.sentences.iter().filter(|sentence| sentence.is_visitor)
    }

    /// The visitor's sentences that ask for something, in order; else the first.
    pub(crate) fn requests(&self, most: usize) -> Vec<&Sentence<'a>> {
        let requests = self.of_visitor().filter(|sentence| sentence.asks).take(most).collect::<Vec<_>>();
        if requests.is_empty() { self.of_visitor().take(1).collect() } else { requests }
    }

    /// Whether all words of `phrase`, or others of their stems, were said; `false` for a phrase without words.
    pub(crate) fn mentions(&self, phrase: &str) -> bool {
        let words = words(phrase);
        !words.is_empty() && words.iter().all(|word| self.has(&word.lower))
    }

    /// Whether `word`, in lower case, or another of its stem was said.
    pub(crate) fn has(&self, word: &str) -> bool {
        let stem = stem(word);
        if stem.chars().count() < 4 {
            return self.said.contains(word);
        }
        let mut from = self.said.range::<str, _>((Bound::Included(stem), Bound::Unbounded));
        from.next().is_some_and(|said| said.starts_with(stem))
    }

    /// Judges by the mood of the visitor's last turns: good alone, bad alone, both, or neither.
    pub(crate) fn outcome(&self) -> &'static str {
        let any = |test: fn(f64) -> bool| self.last_scores.iter().any(|score| test(*score));
        match (any(|score| score > 0.3), any(|score| score < -0.3)) {
            (true, false) => "achieved",
            (false, true) => "not_achieved",
            (true, true) => "partly",
            (false, false) => "unclear",
        }
    }
}

fn mood(turn: &Turn, sentences: &[Sentence<'_>]) -> Mood {
    let scores = sentences.iter().flat_map(|sentence| &sentence.feelings).map(|(_, score)| *score).collect::<Vec<_>>();
    let mean = scores.iter().sum::<f64>() / (scores.len().max(1) as f64);
    let strongest = sentences.iter().filter_map(Sentence::emotion).max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    let otherwise = if turn.text.contains('?') { "interest" } else { "neutral" };
    // Adding zero turns -0.0, the sum of nothing, into 0.0.
    let score = (mean.clamp(-1.0, 1.0) * 100.0).round() / 100.0 + 0.0;
    Mood { turn: turn.index, emotion: strongest.map_or(otherwise, |(emotion, _)| emotion), score }
}

/// Words of one stem are one topic, by the word that came first.
fn frequent(words: &[(&Turn, Word)]) -> Vec<String> {
    let mut counts = Vec::<(&str, usize)>::new();
    let mut places = HashMap::new();
    for (turn, word) in words.iter().filter(|(_, word)| is_content(word) && !is_feeling(word)) {
        let place = *places.entry(stem(&word.lower)).or_insert(counts.len());
        if place == counts.len() {
            counts.push((&word.lower, 0));
        }
        counts[place].1 += if turn.role == "visitor" { VISITOR } else { 1 };
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().take(TOPICS).map(|(word, _)| word.to_owned()).collect()
}
