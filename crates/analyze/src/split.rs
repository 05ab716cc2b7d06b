//! Splitting a transcript that is too long for one request, at the boundaries of turns.

use std::ops::Range;

use domain::transcript::{Role, Transcript, Turn};
use serde::{Deserialize, Serialize};

/// Characters of Latin text are about four to a token and of code or digits three; others take up to one each.
const ASCII_PER_TOKEN: usize = 3;
/// Of one line besides the turn's text: index, role, punctuation.
const LINE_TOKENS: usize = 8;
/// Turns before a part that are sent along, so that "yes, that one" means something.
const CONTEXT_TURNS: usize = 4;
/// A context longer than this is not worth its tokens.
const CONTEXT_TOKENS: usize = 1500;
/// Bytes that one piece of a long turn repeats of the piece before, so that no sentence is seen in halves only.
const PIECE_OVERLAP: usize = 600;

/// What one request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLimits {
    /// Tokens of transcript.
    pub tokens: usize,
    /// Visitor turns: each one needs an entry in the answer's timeline.
    pub visitor_turns: usize,
}

/// One request's share of the transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptPart {
    /// The turns that this part analyses.
    pub own: Range<usize>,
    /// Turns before them, analysed by the part before.
    pub context: Range<usize>,
    /// Where one turn is longer than a part.
    pub excerpt: Option<Excerpt>,
}

/// A piece of the part's only turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// Bytes of the turn's text, at the boundaries of characters.
    pub bytes: Range<usize>,
    /// From 1.
    pub piece: usize,
    pub pieces: usize,
}

/// A cautious estimate: no tokenizer is public for all models.
pub fn tokens(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().count() - ascii;
    ascii.div_ceil(ASCII_PER_TOKEN) + others
}

/// Parts that together hold every turn once, and every character of it.
///
/// One part where the transcript fits. No part is empty, and none exceeds the budget except by its context and overlap.
pub fn split(transcript: &Transcript, budget: PartLimits) -> Vec<TranscriptPart> {
    let sizes: Vec<usize> = transcript.turns().iter().map(|turn| tokens(&turn.text) + LINE_TOKENS).collect();
    let mut splitter = Splitter { turns: transcript.turns(), sizes: &sizes, budget, parts: Vec::new() };
    splitter.run();
    splitter.parts
}

struct Splitter<'a> {
    turns: &'a [Turn],
    sizes: &'a [usize],
    budget: PartLimits,
    parts: Vec<TranscriptPart>,
}

impl Splitter<'_> {
    fn run(&mut self) {
        let (mut start, mut tokens, mut visitor_turns) = (0, 0, 0);
        for (index, turn) in self.turns.iter().enumerate() {
            let size = self.sizes[index];
            let visitor = usize::from(turn.role == Role::Visitor);
            let is_long = size - LINE_TOKENS > self.budget.tokens;
            let is_full = tokens + size > self.budget.tokens || visitor_turns + visitor > self.budget.visitor_turns;
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

    /// A turn that is longer than a part becomes parts of its own.
    fn excerpts(&mut self, index: usize) {
        let cuts = cuts(&self.turns[index].text, self.budget.tokens);
        let pieces = cuts.len();
        for (n, own) in cuts.into_iter().enumerate() {
            let start = self.turns[index].text.floor_char_boundary(own.start.saturating_sub(PIECE_OVERLAP));
            let excerpt = Excerpt { bytes: start..own.end, piece: n + 1, pieces };
            let context = if n == 0 { self.context(index) } else { index..index };
            self.parts.push(TranscriptPart { own: index..index + 1, context, excerpt: Some(excerpt) });
        }
    }
}

/// Ranges of at most `budget` tokens that together are the text; they end after white space where there is some.
fn cuts(text: &str, budget: usize) -> Vec<Range<usize>> {
    let (mut cuts, mut start, mut thirds, mut space) = (Vec::new(), 0, 0, None);
    // In thirds of a token, so that characters add up as in `tokens`.
    let limit = budget.max(1) * ASCII_PER_TOKEN;
    for (at, c) in text.char_indices() {
        let size = if c.is_ascii() { 1 } else { ASCII_PER_TOKEN };
        // What is left behind the white space may be a piece of its own already.
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

fn weight(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { ASCII_PER_TOKEN }).sum()
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
