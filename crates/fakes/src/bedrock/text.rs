//! Words and sentences as slices of what was said, so that quotes stay verbatim.

use super::language::Language;

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// In lower case, with a plain apostrophe.
    pub(crate) lower: String,
}

/// The longest quote, in characters: a spoken transcript may have no sentence ends.
const LONGEST_QUOTE: usize = 160;

/// The words of `text`; apostrophes and hyphens inside a word belong to it.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let inside = c.is_alphanumeric() || (start.is_some() && matches!(c, '\'' | '’' | '-'));
        match (start, inside) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                words.push(word(text, from, at));
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn word(text: &str, start: usize, end: usize) -> Word {
    let slice = text[start..end].trim_end_matches(['\'', '’', '-']);
    Word { start, end: start + slice.len(), lower: slice.to_lowercase().replace('’', "'") }
}

/// The sentences of `text`, trimmed, none empty.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut from = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let at_end = characters.peek().is_none_or(|(_, next)| next.is_whitespace());
        if c == '\n' || (matches!(c, '.' | '!' | '?' | '…') && at_end) {
            let end = at + c.len_utf8();
            sentences.push(text[from..end].trim());
            from = end;
        }
    }
    sentences.push(text[from..].trim());
    sentences.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    sentences
}

/// The beginning of a sentence, cut at a word's end where it is too long for a quote.
pub(crate) fn quote(sentence: &str) -> &str {
    shorten(sentence, LONGEST_QUOTE)
}

/// The beginning of `text`, cut at a word's end where it has more than `most` characters.
pub(crate) fn shorten(text: &str, most: usize) -> &str {
    let mut rest = text.char_indices().skip(most);
    let Some((limit, next)) = rest.next() else { return text };
    // One character more tells whether a word ends at the limit.
    let seen = &text[..limit + next.len_utf8()];
    let end = words(seen).iter().map(|word| word.end).take_while(|end| *end <= limit).last().unwrap_or(limit);
    text[..end].trim_end()
}

/// Whether `words` begin with `phrase`: lower-case words, a trailing `*` stands for any ending.
pub(crate) fn begins(words: &[Word], phrase: &str) -> bool {
    let mut words = words.iter();
    phrase.split(' ').all(|part| match (words.next(), part.strip_suffix('*')) {
        (None, _) => false,
        (Some(word), Some(stem)) => word.lower.starts_with(stem),
        (Some(word), None) => word.lower == part,
    })
}

/// Where `phrase` begins among `words`.
pub(crate) fn find_phrase(words: &[Word], phrase: &str) -> Option<usize> {
    (0..words.len()).find(|at| begins(&words[*at..], phrase))
}

/// A sentence that quotes one: `The visitor said “…”.`, with the quotation marks of `language`.
pub(crate) fn report(lead: &str, sentence: &str, language: Language) -> String {
    let said = quote(sentence).trim_end_matches(['.', ' ']);
    let (open, close) = language.pick(("“", "”"), ("„", "“"), ("«", "»"));
    let stop = if said.ends_with(['?', '!', '…']) { "" } else { "." };
    format!("{lead} {open}{said}{close}{stop}")
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
    }

    #[test]
    fn a_phrase_is_found_by_its_stems() {
        let words = words("We’re comparing the prices");
        assert_eq!(find_phrase(&words, "compar* the price*"), Some(1));
        assert_eq!(find_phrase(&words, "price"), None);
        assert_eq!(words[0].lower, "we're");
    }
}
