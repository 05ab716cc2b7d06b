//! How long texts are to third parties: in UTF-16 units.

/// As Salesforce counts; HubSpot may count characters, which are never more.
pub(crate) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text of at most this length; what is cut ends with an ellipsis.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if length(text) <= max {
        return text.to_owned();
    }
    let Some(mut room) = max.checked_sub(1) else { return String::new() };
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
    fn a_cut_text_is_never_longer_than_it_may_be() {
        for (text, max, expected) in [
            ("López", 5, "López"),
            ("López", 4, "Lóp…"),
            ("🙂🙂🙂", 6, "🙂🙂🙂"),
            ("🙂🙂🙂", 5, "🙂🙂…"),
            ("🙂🙂🙂", 4, "🙂…"),
            ("🙂", 1, "…"),
            ("🙂", 0, ""),
        ] {
            assert_eq!(cut(text, max), expected);
        }
    }
}
