//! A tenant's own patterns.

use std::fmt;
use std::ops::Range;

use regex_automata::Input;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;

/// The longest pattern, in characters; a longer pattern is a list of values, which belongs elsewhere.
pub const MAX_PATTERN: usize = 300;
/// The largest compiled pattern, in bytes; a tenant has up to 20. A bounded repetition of a Unicode class, such as
/// `\w{1,20}`, takes about 150 KB.
const MAX_COMPILED: usize = 512 * 1024;
/// The largest cache of one search, in bytes.
const MAX_CACHE: usize = 1024 * 1024;
/// The deepest nesting of brackets.
const MAX_NESTING: u32 = 20;
/// Bytes of text that one search reads. The regular expression crate promises linear time for one search only: if every
/// search of an iteration reads to the end, as with `(.*!)?x`, the iteration takes quadratic time.
const WINDOW: usize = 2048;
/// The longest match that is always found whole, in bytes; a longer match may be found in pieces.
const LONGEST_MATCH: usize = 1024;

/// A regular expression that matches some text, in the syntax of Rust's `regex`, compiled within bounds.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

/// Reasons to refuse a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    #[error("the pattern must have 1 to {MAX_PATTERN} characters")]
    Length,
    #[error("{0}")]
    Syntax(String),
    #[error("the pattern matches the empty text, or no text at all")]
    Empty,
    #[error("the pattern takes too much memory: fewer or smaller repetitions are needed")]
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
            // The lines before the last draw an arrow under the pattern.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            InvalidPattern::Syntax(reason.trim_start_matches("error: ").to_owned())
        })?;
        // An empty match hides nothing, and the search would never get past it.
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

    /// Finds the matches within a range of a text, in order.
    pub(crate) fn find(&self, text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let end = text.floor_char_boundary(range.end.min(at + WINDOW));
            match self.search(text, at..end) {
                // A match near the window's end may continue after it.
                Some(cut) if end < range.end && cut.start > at && cut.start > end - LONGEST_MATCH => {
                    at = cut.start;
                }
                Some(whole) => {
                    at = whole.end;
                    found.push(whole);
                }
                None if end == range.end => break,
                // The next window repeats the end of this one, where a longer match may have begun.
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
