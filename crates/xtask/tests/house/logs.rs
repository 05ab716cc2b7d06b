//! Log messages that lead a search to one place.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;

use crate::files;

/// Messages by their places.
fn messages() -> BTreeMap<String, Vec<String>> {
    let event = Regex::new(r"tracing::(?:trace|debug|info|warn|error|event)!\(").expect("a pattern");
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files::deployed() {
        for start in event.find_iter(&file.text) {
            let Some(message) = last_literal(&file.text[start.end()..]) else { continue };
            let line = file.text[..start.end()].lines().count();
            places.entry(message).or_default().push(format!("{}:{line}", file.path));
        }
    }
    assert!(places.len() > 20, "the pattern finds the messages");
    places
}

#[test]
fn a_log_message_names_an_object_and_an_event() {
    let wrong = Regex::new(r"^(?:an?|the) |\b(?:could|cannot|can't)\b|^\S+$|ing .* failed").expect("a pattern");
    let messages: Vec<_> = messages().into_iter().filter(|(message, _)| wrong.is_match(message)).collect();
    assert!(messages.is_empty(), "write such as \"analysis stored\": {messages:#?}");
}

#[test]
fn a_log_message_stands_at_one_place() {
    let mut places = messages();
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "messages at several places: {places:#?}");
}

/// The last string literal before the parenthesis that ends the macro's arguments.
fn last_literal(arguments: &str) -> Option<String> {
    let (mut depth, mut last, mut rest) = (1, None, arguments.chars());
    while depth > 0 {
        match rest.next()? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '"' => last = Some(literal(&mut rest)?),
            _ => {}
        }
    }
    last
}

/// The rest of a literal whose opening quote was taken.
fn literal(rest: &mut std::str::Chars<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.extend(['\\', rest.next()?]),
            other => text.push(other),
        }
    }
}

#[test]
fn the_message_is_the_last_literal_of_the_macro() {
    assert_eq!(
        last_literal(r#"code = "a)", ?f("x"), "step \"1\" ended"), "later""#).as_deref(),
        Some(r#"step \"1\" ended"#)
    );
    assert_eq!(last_literal("code)"), None);
}
