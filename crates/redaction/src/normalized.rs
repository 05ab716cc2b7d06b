//! Normalized text for the detectors: one ASCII byte for each character of any script.
//!
//! Digits of every script become `0` to `9`, letters upper case, dashes `-`, spaces and line breaks a space. Characters
//! without width are dropped, so that they hide no value from a detector.

use std::ops::Range;

/// A letter that is not of `A` to `Z`, of a script with upper and lower case.
pub(super) const CASED: u8 = 0x01;
/// A letter of a script without case, such as Chinese, which writes words without spaces.
pub(super) const UNCASED: u8 = 0x02;
/// Anything else: symbols, emoji, control characters.
const OTHER: u8 = 0x03;

/// The zero of every run of ten decimal digits in Unicode 16, in order.
#[rustfmt::skip]
const ZEROS: [u32; 76] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136,
    0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0,
    0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8,
    0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

/// A normalized text with the way back to its source.
pub(super) struct NormalizedText<'a> {
    source: &'a str,
    bytes: Vec<u8>,
    /// The index in the source of each byte's character.
    offsets: Vec<usize>,
}

impl<'a> NormalizedText<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let mut bytes = Vec::with_capacity(source.len());
        let mut offsets = Vec::with_capacity(source.len());
        for (offset, c) in source.char_indices() {
            if let Some(byte) = normalize(c) {
                bytes.push(byte);
                offsets.push(offset);
            }
        }
        Self { source, bytes, offsets }
    }

    /// Returns the bytes of a range of the source, and the index of the first.
    pub(super) fn slice(&self, source: &Range<usize>) -> (&[u8], usize) {
        let index = |offset| self.offsets.partition_point(|&at| at < offset);
        let (start, end) = (index(source.start), index(source.end));
        (&self.bytes[start..end], start)
    }

    /// Returns the range of the source for a range of bytes, which must not be empty.
    pub(super) fn source_range(&self, bytes: Range<usize>) -> Range<usize> {
        let start = self.offsets[bytes.start];
        let last = self.offsets[bytes.end - 1];
        start..last + self.source[last..].chars().next().map_or(0, char::len_utf8)
    }
}

fn normalize(c: char) -> Option<u8> {
    Some(match c {
        ' '..='~' => (c as u8).to_ascii_uppercase(),
        // Full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => ((u32::from(c) - 0xff00) as u8 + b' ').to_ascii_uppercase(),
        c if is_invisible(c) => return None,
        c if c.is_whitespace() => b' ',
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => b'-',
        '·' | '•' | '∙' | '・' | '。' | '｡' => b'.',
        '、' => b',',
        c => match digit(c) {
            Some(digit) => b'0' + digit,
            None if c.is_lowercase() || c.is_uppercase() => CASED,
            None if c.is_alphanumeric() => UNCASED,
            None => OTHER,
        },
    })
}

fn digit(c: char) -> Option<u8> {
    let c = u32::from(c);
    let zero = *ZEROS[..ZEROS.partition_point(|&zero| zero <= c)].last()?;
    (c - zero < 10).then_some((c - zero) as u8)
}

/// Soft hyphens, joiners, marks of direction, variation selectors, accents and frames of their own.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{20dd}'..='\u{20e4}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// Finds the numbers of a text, in order; `end` returns the end of a number that begins at an index.
pub(super) fn numbers(text: &[u8], end: impl Fn(&[u8], usize) -> Option<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match end(text, at) {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// Whether a byte continues a word; a letter without case does not, since words of its script are not set apart.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == CASED
}

/// Whether a word may begin at an index: the character before belongs to no word.
pub(super) fn begins_word(text: &[u8], at: usize) -> bool {
    at == 0 || !is_word(text[at - 1])
}

/// Whether a word ends before an index.
pub(super) fn ends_word(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|&next| !is_word(next))
}

/// The longest distance between a number and the word that names it, in characters.
const LABEL_REACH: usize = 28;

/// Whether a word with one of these prefixes stands before an index, without digits in between.
pub(super) fn is_labelled(text: &[u8], at: usize, labels: &[&str]) -> bool {
    let reach = at.saturating_sub(LABEL_REACH);
    let digit = text[reach..at].iter().rposition(u8::is_ascii_digit).map_or(reach, |digit| reach + digit + 1);
    (digit..at)
        .filter(|&start| begins_word(text, start))
        .any(|start| labels.iter().any(|label| text[start..at].starts_with(label.as_bytes())))
}

#[cfg(test)]
mod tests {
    use regex_automata::meta::Regex;

    use super::*;

    fn folded(text: &str) -> String {
        String::from_utf8(NormalizedText::new(text).bytes).unwrap()
    }

    #[test]
    fn every_decimal_digit_of_unicode_is_known() {
        let decimal = Regex::new(r"^\p{Nd}$").unwrap();
        for c in '\0'..=char::MAX {
            assert_eq!(digit(c).is_some(), decimal.is_match(c.encode_utf8(&mut [0; 4]).as_bytes()), "{c:?}");
        }
        assert_eq!(folded("٠١٩ ०९ ０９ 𝟗"), "019 09 09 9");
    }

    #[test]
    fn what_looks_alike_folds_alike_and_what_is_not_seen_is_left_out() {
        assert_eq!(folded("a–b−c\u{a0}d\ne＠Ｆ"), "A-B-C D E@F");
        assert_eq!(folded("1\u{200b}2\u{fe0f}\u{20e3}3\u{ad}4"), "1234");
        assert_eq!(folded("é漢🙂\0"), "\u{1}\u{2}\u{3}\u{3}");
    }

    #[test]
    fn a_range_leads_back_to_whole_characters() {
        let text = "é１\u{200b}２漢";
        let folded = NormalizedText::new(text);
        assert_eq!(&text[folded.source_range(1..3)], "１\u{200b}２");
        assert_eq!(folded.slice(&(2..text.len())), (&[b'1', b'2', UNCASED][..], 1));
    }
}
