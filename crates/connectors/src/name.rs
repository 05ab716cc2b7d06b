//! Names and phone numbers as CRMs keep them.

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
}

/// "Ana María López" and "López, Ana María"; the first word is the first name, what follows the last name.
///
/// People's names are more varied than that, but a second first name among the last names is found by any search.
pub(crate) fn split(name: &str) -> Name {
    let name = clean(name);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (first, last) = match name.split_once(',') {
        Some((last, first)) => (first.trim(), last.trim()),
        None => name.split_once(' ').unwrap_or((&name, "")),
    };
    Name { first: some(first), last: some(last) }
}

/// Removes control characters, and leaves single spaces between words.
pub(crate) fn clean(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_into_first_and_last() {
        for (name, first, last) in [
            ("Ana", Some("Ana"), None),
            ("Ana López", Some("Ana"), Some("López")),
            ("  Ana \n María\tLópez ", Some("Ana"), Some("María López")),
            ("López García, Ana María", Some("Ana María"), Some("López García")),
            ("López,", None, Some("López")),
            (" ", None, None),
            (",", None, None),
            ("山田 太郎", Some("山田"), Some("太郎")),
        ] {
            let expected = Name { first: first.map(str::to_owned), last: last.map(str::to_owned) };
            assert_eq!(split(name), expected, "{name:?}");
        }
    }
}
