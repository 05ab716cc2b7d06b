//! A conversation, read with the lexicon.

use std::collections::{BTreeSet, HashMap};
use std::ops::{Bound, RangeInclusive};

use serde_json::Value;

use super::lexicon::{Hit, Meaning, hits, is_content, means};
use super::prompt::Turn;
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
    asks: bool,
    pub(crate) promises: bool,
    pub(crate) due: Option<&'a str>,
}

impl<'a> Sentence<'a> {
    fn read(turn: &Turn, text: &'a str) -> Self {
        let words = words(text);
        let hits = hits(&words);
        let first = |meaning| hits.iter().find(|hit| hit.phrase.meaning == meaning);
        let promise = first(Meaning::Promise).map_or(usize::MAX, |promise| promise.at);
        let due = |due: &Hit| &text[words[due.at].start..words[due.at + due.phrase.words.len() - 1].end];
        Self {
            turn: turn.index,
            is_visitor: turn.is_visitor(),
            text,
            feelings: feelings(&hits),
            labels: labels(&hits),
            asks: words.len() >= 3 && (text.ends_with('?') || first(Meaning::Request).is_some()),
            promises: hits.iter().any(|hit| hit.phrase.meaning == Meaning::Deed && hit.at >= promise),
            due: first(Meaning::Due).map(due),
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

/// Whether a denial stands shortly before the word.
fn is_denied(hits: &[Hit], at: usize) -> bool {
    let before = &hits[..hits.partition_point(|hit| hit.at < at)];
    let mut near = before.iter().rev().take_while(|hit| hit.at + REACH >= at);
    near.any(|hit| hit.phrase.meaning == Meaning::Denial)
}

/// Finds the feelings; of those at one word the longest counts: "not working" says more than "working".
fn feelings(hits: &[Hit]) -> Vec<(&'static str, f64)> {
    let feeling = |same: &[Hit]| {
        let feelings = same.iter().filter(|hit| hit.phrase.meaning == Meaning::Feeling);
        let Hit { phrase, at } = feelings.max_by_key(|hit| hit.phrase.words.len())?;
        Some(match is_denied(hits, *at) {
            true if phrase.weight > 0.0 => ("disappointment", phrase.weight * DENIED),
            true => ("relief", phrase.weight * DENIED),
            false => (phrase.name, phrase.weight),
        })
    };
    hits.chunk_by(|one, other| one.at == other.at).filter_map(feeling).collect()
}

fn labels(hits: &[Hit]) -> Vec<(&'static str, f64)> {
    let label = |hit: &Hit| match (hit.phrase.name, is_denied(hits, hit.at)) {
        ("immediate_buyer", true) => Some(("just_exploring", hit.phrase.weight)),
        ("facing_issue", true) => None,
        (name, _) => Some((name, hit.phrase.weight)),
    };
    hits.iter().filter(|hit| hit.phrase.meaning == Meaning::Label).filter_map(label).collect()
}

/// A visitor's turn and its mood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mood {
    pub(crate) turn: usize,
    pub(crate) emotion: &'static str,
    /// -1 to 1, two decimals.
    pub(crate) score: f64,
}

impl Mood {
    fn of(turn: &Turn, sentences: &[Sentence<'_>]) -> Self {
        let scores = sentences.iter().flat_map(|sentence| &sentence.feelings).map(|(_, score)| *score);
        let (sum, count) = scores.fold((0.0, 0_u32), |(sum, count), score| (sum + score, count + 1));
        let mean: f64 = sum / f64::from(count.max(1));
        let strongest = sentences.iter().filter_map(Sentence::emotion).max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let otherwise = if turn.text.contains('?') { "interest" } else { "neutral" };
        // Adding zero turns -0.0 into 0.0.
        let score = (mean.clamp(-1.0, 1.0) * 100.0).round() / 100.0 + 0.0;
        Self { turn: turn.index, emotion: strongest.map_or(otherwise, |(emotion, _)| emotion), score }
    }
}

#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    pub(crate) sentences: Vec<Sentence<'a>>,
    /// Moods of the visitor's turns, without those of another prompt.
    pub(crate) moods: Vec<Mood>,
    /// The mood of the visitor's last turns: good alone, bad alone, both, or neither.
    pub(crate) outcome: &'static str,
    /// The content words said most, in the order in which they came up where equal.
    pub(crate) topics: Vec<String>,
    said: BTreeSet<String>,
}

impl<'a> Conversation<'a> {
    /// Reads all turns; those of the `context` are analysed by another prompt.
    pub(crate) fn read(turns: &'a [Turn], context: Option<&RangeInclusive<usize>>) -> Self {
        let spoken = || turns.iter().filter(|turn| turn.is_visitor() || turn.role == "agent");
        let (mut all, mut moods) = (Vec::new(), Vec::new());
        for turn in spoken() {
            let read = sentences(&turn.text).into_iter().map(|text| Sentence::read(turn, text)).collect::<Vec<_>>();
            if turn.is_visitor() {
                moods.push(Mood::of(turn, &read));
            }
            all.extend(read);
        }
        let outcome = outcome(&moods[moods.len().saturating_sub(LAST)..]);
        moods.retain(|mood| context.is_none_or(|context| !context.contains(&mood.turn)));
        let words = spoken().flat_map(|turn| words(&turn.text).into_iter().map(move |word| (turn, word)));
        let words = words.collect::<Vec<_>>();
        let topics = frequent(&words);
        let said = words.into_iter().map(|(_, word)| word.lower).collect();
        Self { sentences: all, moods, outcome, topics, said }
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

    /// The first of the values that most was said for, and how sure that is; `None` where nothing was.
    pub(crate) fn best(&self, values: &[Value]) -> Option<(Value, f64)> {
        let weight = |value: &Value| {
            let Some(label) = value.as_str() else { return 0.0 };
            let own = self.of_visitor().map(|sentence| sentence.weight(label)).sum::<f64>();
            if own == 0.0 && self.mentions(&label.replace('_', " ")) { 1.0 } else { own }
        };
        let weights = values.iter().map(|value| (value, weight(value))).collect::<Vec<_>>();
        let all = weights.iter().map(|(_, weight)| weight).sum::<f64>();
        let best = weights.into_iter().rev().max_by(|one, other| one.1.total_cmp(&other.1));
        best.filter(|(_, weight)| *weight > 0.0).map(|(value, most)| (value.clone(), (most + 1.0) / (all + 2.0)))
    }
}

fn outcome(moods: &[Mood]) -> &'static str {
    let (good, bad) = (moods.iter().any(|mood| mood.score > 0.3), moods.iter().any(|mood| mood.score < -0.3));
    match (good, bad) {
        (true, false) => "achieved",
        (false, true) => "not_achieved",
        (true, true) => "partly",
        (false, false) => "unclear",
    }
}

/// Words of one stem are one topic, by the word that came first.
fn frequent(words: &[(&Turn, Word)]) -> Vec<String> {
    let mut counts = Vec::<(&str, usize)>::new();
    let mut places = HashMap::new();
    for (turn, word) in words.iter().filter(|(_, word)| is_content(word) && !means(word, Meaning::Feeling)) {
        let place = *places.entry(stem(&word.lower)).or_insert(counts.len());
        if place == counts.len() {
            counts.push((&word.lower, 0));
        }
        counts[place].1 += if turn.is_visitor() { VISITOR } else { 1 };
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().take(TOPICS).map(|(word, _)| word.to_owned()).collect()
}
