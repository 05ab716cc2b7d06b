//! Words and sentences as slices of a turn, so that quotes stay verbatim.

use unicode_segmentation::UnicodeSegmentation;

/// A word and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The word in lower case, with a plain apostrophe.
    pub(crate) lower: String,
}

/// The longest quote, in characters: a spoken transcript may have no sentence ends.
const LONGEST_QUOTE: usize = 160;
/// The shortest stem of a word, and the longest ending, in characters.
const STEM: usize = 4;
const ENDING: usize = 3;

/// The words of `text`, by the rules of Unicode.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let word = |(start, word): (usize, &str)| {
        let lower = word.to_lowercase().replace('’', "'");
        Word { start, end: start + word.len(), lower }
    };
    text.unicode_word_indices().map(word).collect()
}

/// The sentences of `text` by the rules of Unicode, trimmed, none without a word.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    text.unicode_sentences().map(str::trim).collect()
}

/// The beginning of a sentence, cut at a word's end where it is too long for a quote.
pub(crate) fn quote(sentence: &str) -> &str {
    shorten(sentence, LONGEST_QUOTE)
}

/// The beginning of `text`, cut at a word's end where it has more than `most` characters.
pub(crate) fn shorten(text: &str, most: usize) -> &str {
    let Some((limit, next)) = text.char_indices().nth(most) else { return text };
    // One character more shows whether a word ends at the limit.
    let seen = &text[..limit + next.len_utf8()];
    let end = words(seen).iter().map(|word| word.end).take_while(|end| *end <= limit).last().unwrap_or(limit);
    text[..end].trim_end()
}

/// The word without an ending; short words have none.
pub(crate) fn stem(word: &str) -> &str {
    let keep = word.chars().count().saturating_sub(ENDING).max(STEM);
    word.char_indices().nth(keep).map_or(word, |(end, _)| &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_slices_and_decimals_do_not_end_them() {
        assert_eq!(sentences("It costs 3.50 now. Really?! Yes\nok"), ["It costs 3.50 now.", "Really?!", "Yes", "ok"]);
        assert!(sentences(" ... ").is_empty());
    }

    #[test]
    fn a_long_quote_is_cut_at_a_word_and_stays_verbatim() {
        let spoken = "años ".repeat(100);
        let quote = quote(spoken.trim());
        assert!(spoken.starts_with(quote) && quote.ends_with("años") && quote.chars().count() <= LONGEST_QUOTE);
        assert_eq!((stem("billing"), stem("bill"), stem("was"), stem("größere")), ("bill", "bill", "was", "größ"));
    }
}
