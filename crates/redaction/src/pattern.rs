//! A tenant's own patterns.

use std::fmt;
use std::ops::Range;

use regex_automata::Input;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;

/// The longest pattern, in characters; longer ones are lists of values, which belong elsewhere.
pub const MAX_PATTERN: usize = 300;
/// Bytes that a compiled pattern may take, 20 of which are held at once: a bounded repetition of a class of Unicode,
/// such as `\w{1,20}`, takes some 150 KB.
const MAX_COMPILED: usize = 512 * 1024;
/// Bytes of the cache of one search.
const MAX_CACHE: usize = 1024 * 1024;
/// Brackets within brackets.
const MAX_NESTING: u32 = 20;
/// Bytes of text that one search looks at. The crate's promise of linear time is one search's: an iteration in which
/// every search reads on to the end, as of `(.*!)?x`, would take quadratic time.
const WINDOW: usize = 2048;
/// The longest match that is found wherever it stands, in bytes; a longer one may be found in pieces.
const LONGEST_MATCH: usize = 1024;

/// A regular expression that matches some text, in the syntax of Rust's `regex`, compiled within bounds.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    #[error("it must have 1 to {MAX_PATTERN} characters")]
    Length,
    #[error("{0}")]
    Syntax(String),
    #[error("it matches the empty text, or no text at all")]
    Empty,
    #[error("it takes too much memory: fewer or smaller repetitions are needed")]
    Size,
}

impl Pattern {
    pub fn as_str(&self) -> &str {
        &self.source
    }

    pub fn parse(source: String) -> Result<Self, InvalidPattern> {
        if !(1..=MAX_PATTERN).contains(&source.chars().count()) {
            return Err(InvalidPattern::Length);
        }
        let hir = syntax::parse_with(&source, &syntax::Config::new().nest_limit(MAX_NESTING)).map_err(|error| {
            // What comes before the last line draws an arrow under the pattern.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            InvalidPattern::Syntax(reason.trim_start_matches("error: ").to_owned())
        })?;
        if hir.properties().minimum_len().is_none_or(|length| length == 0) {
            return Err(InvalidPattern::Empty);
        }
        let config = Config::new()
            .nfa_size_limit(Some(MAX_COMPILED))
            .onepass_size_limit(Some(MAX_COMPILED))
            .hybrid_cache_capacity(MAX_CACHE);
        let regex = Regex::builder().configure(config).build_from_hir(&hir).map_err(|_| InvalidPattern::Size)?;
        Ok(Self { source, regex })
    }

    /// The matches within a range of a text, in order.
    pub(super) fn find(&self, text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let end = text.floor_char_boundary(range.end.min(at + WINDOW));
            match self.search(text, at..end) {
                // A match far into the window might go on behind its end.
                Some(cut) if end < range.end && cut.start > at && cut.start > end - LONGEST_MATCH => {
                    at = cut.start;
                }
                Some(whole) => {
                    at = whole.end;
                    found.push(whole);
                }
                None if end == range.end => break,
                None => at = text.ceil_char_boundary(end - LONGEST_MATCH),
            }
        }
        found
    }

    fn search(&self, text: &str, range: Range<usize>) -> Option<Range<usize>> {
        let input = Input::new(text).range(range);
        self.regex.find(input).map(|found| found.range())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}
