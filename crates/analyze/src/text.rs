//! Cleaning text that a model wrote.

/// Without control characters, which Postgres, mails or CRMs refuse, and at most `max_chars` long.
///
/// What is longer ends in `…`: it says itself that it was cut.
pub(crate) fn clean(text: &str, max_chars: usize) -> String {
    let printable = |c: char| if c == '\n' || c == '\t' { Some(' ') } else { (!c.is_control()).then_some(c) };
    let text: String = text.chars().filter_map(printable).collect();
    let text = text.trim();
    if text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Cleaned, without empty texts, and at most `max_items`.
pub(crate) fn clean_all(texts: Vec<String>, max_chars: usize, max_items: usize) -> Vec<String> {
    let cleaned = texts.iter().map(|text| clean(text, max_chars));
    cleaned.filter(|text| !text.is_empty()).take(max_items).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_go_and_long_text_says_that_it_was_cut() {
        assert_eq!(clean(" a\0b\u{1b}[31m\nc ", 100), "ab[31m c");
        assert_eq!(clean("čćžšđ", 5), "čćžšđ");
        assert_eq!(clean("čćžšđx", 5), "čćžš…");
        assert_eq!(clean_all(vec!["a".into(), " ".into(), "b".into(), "c".into()], 5, 2), ["a", "b"]);
    }
}
