//! Splits a transcript that is too long for one request, between turns where possible.

use std::ops::Range;

use domain::transcript::{Role, Transcript, Turn};
use serde::{Deserialize, Serialize};

/// ASCII characters in a token: about four in Latin text, and three in code or digits. Others are up to one token each.
const ASCII_PER_TOKEN: usize = 3;
/// Tokens of a line without the turn's text: index, role, punctuation.
const LINE_TOKENS: usize = 8;
/// The most turns before a part that are sent as context, so that "yes, that one" has a meaning.
const CONTEXT_TURNS: usize = 4;
/// The most tokens of the context: a longer one is not worth its price.
const CONTEXT_TOKENS: usize = 1500;
/// Bytes that a piece of a long turn repeats of the piece before: a sentence is seen whole in one of them.
const PIECE_OVERLAP: usize = 600;

/// Limits of a part, from the limits of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLimits {
    /// Tokens of the transcript.
    pub tokens: usize,
    /// Visitor turns, each of which needs an entry in the answer's timeline.
    pub visitor_turns: usize,
}

/// The share of the transcript in one request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptPart {
    /// The turns that this part analyses.
    pub own: Range<usize>,
    /// The turns before them, which the part before analyses.
    pub context: Range<usize>,
    /// The piece of a turn that is longer than a part.
    pub excerpt: Option<Excerpt>,
}

/// A piece of the part's only turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// A range of bytes in the turn's text, between characters.
    pub bytes: Range<usize>,
    /// The number of the piece, from 1.
    pub piece: usize,
    pub pieces: usize,
}

/// Estimates tokens, rather too many: no public tokenizer covers all models.
pub fn tokens(text: &str) -> usize {
    weight(text).div_ceil(ASCII_PER_TOKEN)
}

/// Splits a transcript into parts that together have every character of every turn.
///
/// A transcript within the limits is one part. No part is empty, and only context and overlap exceed the limits.
pub fn split(transcript: &Transcript, limits: PartLimits) -> Vec<TranscriptPart> {
    let sizes: Vec<usize> = transcript.turns().iter().map(|turn| tokens(&turn.text) + LINE_TOKENS).collect();
    let mut splitter = Splitter { turns: transcript.turns(), sizes: &sizes, limits, parts: Vec::new() };
    splitter.run();
    splitter.parts
}

struct Splitter<'a> {
    turns: &'a [Turn],
    sizes: &'a [usize],
    limits: PartLimits,
    parts: Vec<TranscriptPart>,
}

impl Splitter<'_> {
    fn run(&mut self) {
        let (mut start, mut tokens, mut visitor_turns) = (0, 0, 0);
        for (index, turn) in self.turns.iter().enumerate() {
            let size = self.sizes[index];
            let visitor = usize::from(turn.role == Role::Visitor);
            let is_long = size - LINE_TOKENS > self.limits.tokens;
            let is_full = tokens + size > self.limits.tokens || visitor_turns + visitor > self.limits.visitor_turns;
            if start < index && (is_long || is_full) {
                self.close(start..index);
                (start, tokens, visitor_turns) = (index, 0, 0);
            }
            if is_long {
                self.excerpts(index);
                start = index + 1;
                continue;
            }
            tokens += size;
            visitor_turns += visitor;
        }
        if start < self.turns.len() {
            self.close(start..self.turns.len());
        }
    }

    fn close(&mut self, own: Range<usize>) {
        let context = self.context(own.start);
        self.parts.push(TranscriptPart { own, context, excerpt: None });
    }

    fn context(&self, start: usize) -> Range<usize> {
        let (mut first, mut tokens) = (start, 0);
        while first > 0 && start - first < CONTEXT_TURNS {
            tokens += self.sizes[first - 1];
            if tokens > CONTEXT_TOKENS {
                break;
            }
            first -= 1;
        }
        first..start
    }

    /// Splits a turn that is longer than a part into parts of its own.
    fn excerpts(&mut self, index: usize) {
        let cuts = cuts(&self.turns[index].text, self.limits.tokens);
        let pieces = cuts.len();
        for (n, own) in cuts.into_iter().enumerate() {
            let start = self.turns[index].text.floor_char_boundary(own.start.saturating_sub(PIECE_OVERLAP));
            let excerpt = Excerpt { bytes: start..own.end, piece: n + 1, pieces };
            // Later pieces overlap with the piece before, which serves as their context.
            let context = if n == 0 { self.context(index) } else { index..index };
            self.parts.push(TranscriptPart { own: index..index + 1, context, excerpt: Some(excerpt) });
        }
    }
}

/// Cuts a text into ranges of at most `max_tokens`, after white space where possible.
fn cuts(text: &str, max_tokens: usize) -> Vec<Range<usize>> {
    let (mut cuts, mut start, mut thirds, mut space) = (Vec::new(), 0, 0, None);
    // In thirds of a token, so that characters add up as in `tokens`.
    let limit = max_tokens.max(1) * ASCII_PER_TOKEN;
    for (at, c) in text.char_indices() {
        let size = char_weight(c);
        // The rest behind the white space may be longer than a piece.
        while thirds + size > limit && at > start {
            let end = space.filter(|space| *space > start).unwrap_or(at);
            cuts.push(start..end);
            thirds = weight(&text[end..at]);
            (start, space) = (end, None);
        }
        thirds += size;
        if c.is_whitespace() {
            space = Some(at + c.len_utf8());
        }
    }
    if start < text.len() {
        cuts.push(start..text.len());
    }
    cuts
}

/// Counts thirds of a token.
fn weight(text: &str) -> usize {
    text.chars().map(char_weight).sum()
}

fn char_weight(c: char) -> usize {
    if c.is_ascii() { 1 } else { ASCII_PER_TOKEN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(texts: &[&str]) -> Transcript {
        let turn = |(n, text): (usize, &&str)| Turn {
            role: if n % 2 == 0 { Role::Agent } else { Role::Visitor },
            text: (*text).to_owned(),
            started_ms: None,
            ended_ms: None,
        };
        Transcript::new(texts.iter().enumerate().map(turn).collect())
    }

    #[test]
    fn a_transcript_that_fits_is_one_part() {
        let parts = split(&transcript(&["Hello", "Hi", "Bye"]), PartLimits { tokens: 1000, visitor_turns: 10 });
        assert_eq!(parts, [TranscriptPart { own: 0..3, context: 0..0, excerpt: None }]);
        assert_eq!(split(&transcript(&[]), PartLimits { tokens: 1000, visitor_turns: 10 }), []);
    }

    #[test]
    fn parts_follow_each_other_and_see_a_few_turns_of_the_one_before() {
        let texts = ["word"; 12];
        let parts = split(&transcript(&texts), PartLimits { tokens: 1000, visitor_turns: 3 });
        let ranges: Vec<_> = parts.iter().map(|part| (part.own.clone(), part.context.clone())).collect();
        assert_eq!(ranges, [(0..7, 0..0), (7..12, 3..7)]);
        let parts = split(&transcript(&texts), PartLimits { tokens: 30, visitor_turns: 100 });
        assert_eq!(parts.iter().map(|part| part.own.clone()).collect::<Vec<_>>(), [0..3, 3..6, 6..9, 9..12]);
    }

    #[test]
    fn a_turn_longer_than_a_part_is_cut_between_words_and_loses_nothing() {
        let long = "lorem ipsum dolor ".repeat(100);
        let parts = split(&transcript(&["Hi", &long, "Bye"]), PartLimits { tokens: 200, visitor_turns: 10 });
        let excerpts: Vec<_> = parts.iter().filter_map(|part| part.excerpt.clone()).collect();
        assert_eq!((parts.first().unwrap().own.clone(), parts.last().unwrap().own.clone()), (0..1, 2..3));
        assert_eq!((excerpts[0].bytes.start, excerpts.last().unwrap().bytes.end), (0, long.len()));
        for pair in excerpts.windows(2) {
            assert!(pair[1].bytes.start < pair[0].bytes.end && pair[1].bytes.end > pair[0].bytes.end);
            assert!(long[..pair[0].bytes.end].ends_with(' '));
        }
        assert!(excerpts.iter().all(|excerpt| excerpt.pieces == excerpts.len()));
    }

    #[test]
    fn text_without_spaces_is_cut_too() {
        let long = "請".repeat(1000);
        let cuts = cuts(&long, 300);
        assert_eq!(cuts.iter().map(|cut| cut.len() / 3).collect::<Vec<_>>(), [300, 300, 300, 100]);
    }
}
