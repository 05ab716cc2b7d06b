//! Texts in queries.

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
}
