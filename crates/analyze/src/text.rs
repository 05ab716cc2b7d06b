//! Cleans text that a model wrote.

mod tags;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

use crate::normalize::clusters;

/// Cleans text for people: one line in NFC of at most `max_chars`, without HTML tags and invisible characters.
///
/// Control, bidi, zero-width, tag and private-use characters are removed: Postgres, mails or CRMs refuse them, or they
/// change the look of the text around them. Joiners stay where emoji and words of Persian or Indic languages need them.
/// A longer text is cut between grapheme clusters and ends in `…`.
pub fn clean(text: &str, max_chars: usize) -> String {
    // Each removal may bring a letter and its mark together, so the text is composed again.
    let visible = composed(visible(&composed(text.to_owned())));
    let untagged = composed(tags::removed(&visible));
    let mut cleaned = String::with_capacity(untagged.len());
    for word in untagged.split_whitespace() {
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        cleaned.push_str(word);
    }
    cut(cleaned, max_chars)
}

/// Returns a text in NFC, which ASCII always is.
fn composed(text: String) -> String {
    if text.is_ascii() { text } else { text.nfc().collect() }
}

/// Makes a quote of the transcript safe without changing its words.
///
/// Control characters become spaces. Invisible characters are removed, such as bidi controls, whose effect would reach
/// beyond the quote. HTML was said, and stays.
pub fn as_said(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible(&spaced)
}

/// Cuts a text between grapheme clusters; counts clusters only if the text is too long.
fn cut(text: String, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_none() {
        return text;
    }
    let (mut chars, mut end, room) = (0, 0, max_chars.saturating_sub(1));
    for (at, cluster) in clusters(&text) {
        chars += cluster.chars().count();
        if chars > room {
            break;
        }
        end = at + cluster.len();
    }
    if end == 0 {
        end = text.chars().take(room).map(char::len_utf8).sum();
    }
    let kept = text[..end].trim_end_matches(|c: char| c.is_whitespace() || is_joiner(c));
    // A limit of one character leaves room for the `…` only.
    format!("{kept}…")
}

fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut last = None;
    while let Some(c) = chars.next() {
        let stays = match c {
            _ if c.is_ascii() => c.is_whitespace() || !c.is_control(),
            _ if c.is_whitespace() => true,
            _ if is_joiner(c) => last.zip(chars.peek()).is_some_and(|(last, next)| joins(last, c, *next)),
            _ => !is_hidden(c),
        };
        if stays {
            shown.push(c);
            // Variation selectors and skin tones may stand between an emoji and its joiner.
            last = if matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') { last } else { Some(c) };
        }
    }
    shown
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Accepts ZWJ between emoji, and both joiners between letters of scripts that need them.
fn joins(last: char, joiner: char, next: char) -> bool {
    let is_emoji = |c: char| c.is_emoji_char() && !c.is_ascii();
    let needs_joiners = |c: char| {
        matches!(c, '\u{620}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' | '\u{900}'..='\u{dff}'
            | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
    };
    (joiner == '\u{200d}' && is_emoji(last) && is_emoji(next)) || (needs_joiners(last) && needs_joiners(next))
}

fn is_hidden(c: char) -> bool {
    // These letters are blank.
    let is_blank = matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}');
    let is_noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    let is_hidden = match c.general_category() {
        GeneralCategory::Control | GeneralCategory::PrivateUse => true,
        // Signs before numbers in Arabic and Syriac are visible.
        GeneralCategory::Format => {
            !matches!(c, '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}')
        }
        _ => false,
    };
    is_blank || is_noncharacter || is_hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_go_and_long_text_says_that_it_was_cut() {
        assert_eq!(clean(" a\0b\u{1b}[31m\nc ", 100), "ab[31m c");
        assert_eq!(clean("čćžšđ", 5), "čćžšđ");
        assert_eq!(clean("čćžšđx", 5), "čćžš…");
        assert_eq!(clean("ab 👩‍🔧👩‍🔧", 7), "ab 👩‍🔧…");
        assert_eq!((clean("abc", 1), clean("abc", 0)), ("…".to_owned(), "…".to_owned()));
    }

    #[test]
    fn what_cannot_be_seen_goes_and_joiners_stay_where_words_and_emoji_need_them() {
        for (written, cleaned) in [
            ("e\u{301}", "é"),
            ("a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\u{ad}f", "abcdef"),
            ("a\u{e000}b\u{fffe}c\u{e0041}d\u{3164}e", "abcde"),
            ("a\u{200d}b\u{200c}c", "abc"),
            ("می\u{200c}خواهم\u{200c}", "می\u{200c}خواهم"),
            ("क्\u{200d}ष", "क्\u{200d}ष"),
            ("👩🏽‍🔧 ❤️‍🔥", "👩🏽‍🔧 ❤️‍🔥"),
            (" a\u{a0}\u{3000}\t\r\n b\u{2028}c ", "a b c"),
        ] {
            assert_eq!(clean(written, 100), cleaned);
        }
    }
}
