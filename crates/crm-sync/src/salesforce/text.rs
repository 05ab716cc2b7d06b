//! Texts as Salesforce takes them.

/// A text as a literal of SOQL.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\\' | '\'' => literal.extend(['\\', c]),
            c if c.is_control() => {}
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

/// In UTF-16 units, which are never fewer than characters.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text of at most this length; what is cut ends with an ellipsis.
pub(super) fn cut(text: &str, max: usize) -> String {
    if length(text) <= max {
        return text.to_owned();
    }
    let mut room = max.saturating_sub(1);
    let fits = |c: &char| match room.checked_sub(c.len_utf16()) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_ends_where_it_should() {
        for (text, expected) in [
            ("ana@example.com", r"'ana@example.com'"),
            ("o'brien@example.com", r"'o\'brien@example.com'"),
            (r"\' OR Name != '", r"'\\\' OR Name != \''"),
            ("a\nb", "'ab'"),
        ] {
            assert_eq!(literal(text), expected);
        }
    }

    #[test]
    fn a_cut_text_is_never_longer_than_it_may_be() {
        for (text, max, expected) in [
            ("López", 5, "López"),
            ("López", 4, "Lóp…"),
            ("🙂🙂🙂", 6, "🙂🙂🙂"),
            ("🙂🙂🙂", 5, "🙂🙂…"),
            ("🙂🙂🙂", 4, "🙂…"),
        ] {
            assert_eq!(cut(text, max), expected);
        }
    }
}
