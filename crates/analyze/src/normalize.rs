//! Normalizes text for comparison: only the sounds of speech count.
//!
//! Case, white space, punctuation, quotation marks, zero-width and bidi characters do not count, nor does the difference
//! between composed, decomposed and compatibility forms. Letters, digits, their combining marks, currency signs and
//! emoji count. The unit is the grapheme cluster, so a mark stays with its letter, and a skin tone with its hand.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

/// The role of a grapheme cluster in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClusterKind {
    Letter,
    Digit,
    /// A letter of a script without spaces between words.
    Unspaced,
    /// An emoji or another sign that is a word by itself.
    Symbol,
    /// An apostrophe between letters does not separate words: `can't`.
    Apostrophe,
    /// A point between digits is part of the number: `2.50`, `10:30`.
    Point,
    /// Other punctuation, and white space.
    Gap,
    /// A cluster that is skipped.
    Ignored,
}

impl ClusterKind {
    /// Returns whether the cluster is part of normalized text.
    pub(crate) fn counts(self) -> bool {
        match self {
            Self::Letter | Self::Digit | Self::Unspaced | Self::Symbol => true,
            Self::Apostrophe | Self::Point | Self::Gap | Self::Ignored => false,
        }
    }
}

/// Returns the grapheme clusters with their byte offsets.
pub(crate) fn clusters(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let length = match rest.as_bytes() {
            // Only CR LF joins two ASCII characters, and both are gaps.
            [first, second, ..] if first.is_ascii() && second.is_ascii() => 1,
            _ => grapheme_length(rest)?,
        };
        let start = text.len() - rest.len();
        let (cluster, after) = rest.split_at(length);
        rest = after;
        Some((start, cluster))
    })
}

// Outside `clusters`, because it is large, and few clusters of most conversations need it.
#[inline(never)]
fn grapheme_length(text: &str) -> Option<usize> {
    text.graphemes(true).next().map(str::len)
}

/// Appends the part of a cluster that counts.
pub(crate) fn normalize(cluster: &str, normalized: &mut String) -> ClusterKind {
    if let [byte] = cluster.as_bytes() {
        let kind = kind(char::from(*byte));
        if kind.counts() {
            normalized.push(char::from(byte.to_ascii_lowercase()));
        }
        return kind;
    }
    let first = cluster.chars().next().map_or(ClusterKind::Ignored, kind);
    if first == ClusterKind::Symbol {
        normalized.extend(cluster.chars().filter(|c| !is_variation_selector(*c)));
        return first;
    }
    let (before, mut found) = (normalized.len(), first);
    for c in cluster.nfkd() {
        let kind = kind(c);
        if !kind.counts() {
            continue;
        }
        if normalized.len() == before {
            found = kind;
        }
        // The lower case of the Turkish İ is an i with a combining dot.
        if c != '\u{307}' || normalized.get(before..) != Some("i") {
            // By way of the upper case, `ß` equals `ss`, and a final `ς` equals `σ`.
            normalized.extend(c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase));
        }
    }
    // Full-width and other compatibility forms of punctuation count as the punctuation.
    if normalized.len() == before && first.counts() { ClusterKind::Gap } else { found }
}

/// Normalizes a whole text, without its gaps.
pub(crate) fn squeezed(text: &str) -> String {
    let mut normalized = String::with_capacity(text.len());
    for (_, cluster) in clusters(text) {
        normalize(cluster, &mut normalized);
    }
    normalized
}

/// Returns whether a text has a cluster that counts.
pub(crate) fn says_something(text: &str) -> bool {
    let mut normalized = String::new();
    clusters(text).any(|(_, cluster)| normalize(cluster, &mut normalized).counts())
}

pub(crate) fn kind(c: char) -> ClusterKind {
    match c {
        'a'..='z' | 'A'..='Z' => ClusterKind::Letter,
        '0'..='9' => ClusterKind::Digit,
        '$' => ClusterKind::Symbol,
        '\'' | '`' | '\u{b4}' | '\u{2bb}' | '\u{2bc}' | '\u{2018}' | '\u{2019}' | '\u{ff07}' => ClusterKind::Apostrophe,
        '.' | ',' | ':' | '\u{66b}' | '\u{66c}' => ClusterKind::Point,
        // Tatweel only stretches a word; the fillers and CGJ are blank.
        '\u{640}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => ClusterKind::Ignored,
        _ if c.is_ascii() => ClusterKind::Gap,
        _ if is_variation_selector(c) => ClusterKind::Ignored,
        _ if is_unspaced(c) => ClusterKind::Unspaced,
        _ => of_category(c),
    }
}

fn of_category(c: char) -> ClusterKind {
    match c.general_category_group() {
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark => ClusterKind::Letter,
        GeneralCategoryGroup::Number => ClusterKind::Digit,
        GeneralCategoryGroup::Punctuation | GeneralCategoryGroup::Separator => ClusterKind::Gap,
        GeneralCategoryGroup::Symbol => match c.general_category() {
            GeneralCategory::CurrencySymbol | GeneralCategory::OtherSymbol => ClusterKind::Symbol,
            _ if c.is_emoji_char() => ClusterKind::Symbol,
            _ => ClusterKind::Gap,
        },
        GeneralCategoryGroup::Other => match c.general_category() {
            GeneralCategory::Control => ClusterKind::Gap,
            GeneralCategory::Format => ClusterKind::Ignored,
            // Emoji may be newer than the tables.
            _ => ClusterKind::Symbol,
        },
    }
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Recognizes letters and marks of Thai, Lao, Burmese, Khmer, Tai scripts, Chinese and Japanese.
fn is_unspaced(c: char) -> bool {
    let of_these_scripts = matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{1950}'..='\u{19df}' | '\u{1a20}'..='\u{1aaf}' | '\u{3005}'..='\u{3007}' | '\u{3031}'..='\u{3035}'
        | '\u{3040}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}');
    let letters = [GeneralCategoryGroup::Letter, GeneralCategoryGroup::Mark];
    of_these_scripts && letters.contains(&c.general_category_group())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_same_text_are_equal() {
        for (one, other) in [
            ("Café", "CAFE\u{301}"),
            ("Straße", "STRASSE"),
            ("İstanbul", "istanbul"),
            ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
            ("ＡＢＣ１２", "abc12"),
            ("don’t", "dont"),
            ("می\u{200c}خواهم", "میخواهم"),
            ("im\u{ad}por\u{200b}tant", "\u{202e}important\u{202c}"),
            ("น้ำ", "น\u{e49}\u{e4d}\u{e32}"),
            ("❤\u{fe0f}", "❤"),
            ("« Merci ! »", "merci"),
        ] {
            assert_eq!(squeezed(one), squeezed(other), "{one} {other}");
        }
    }

    #[test]
    fn what_differs_in_meaning_stays_different() {
        for (one, other) in
            [("مَلِك", "مُلْك"), ("कि", "की"), ("👍", "👍🏽"), ("👩‍🔧", "👩🔧"), ("🇩🇪", "🇫🇷"), ("$5", "€5"), ("1️⃣", "1")]
        {
            assert_ne!(squeezed(one), squeezed(other), "{one} {other}");
        }
    }

    #[test]
    fn punctuation_alone_says_nothing_and_an_emoji_something() {
        assert!(!says_something(" … ?!—\u{200b}\u{202e}\u{3164}“”"));
        assert!(says_something("👍") && says_something("ไ") && says_something("5"));
    }
}
