//! Text that mail clients make no links of.
//!
//! What a model writes quotes the visitor, and whoever types a foreign address can dictate a URL that would then be mailed
//! under the tenant's name. So links and addresses stay readable, but are taken apart: `https://example.com/x` becomes
//! `example[.]com/x`, and `ana@example.com` becomes `ana[at]example[.]com`. This goes by form alone: a list of top-level
//! domains would be out of date, so `node.js` becomes `node[.]js`.

/// Invisible characters that may stand in the middle of a link: zero-width spaces, word joiner and soft hyphen.
const INVISIBLE: [char; 4] = ['\u{200B}', '\u{2060}', '\u{FEFF}', '\u{AD}'];
/// What IDNA reads as a full stop besides `.` (RFC 3490, section 3.1).
const OTHER_DOTS: [char; 3] = ['\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// The text without schemes, and with `[.]` and `[at]` for what makes a domain or an address.
pub(crate) fn unlinked(text: &str) -> String {
    let text = without_schemes(text.chars().filter(|c| !INVISIBLE.contains(c)).collect());
    let chars: Vec<_> = text.chars().collect();
    let mut unlinked = String::with_capacity(text.len());
    for (at, c) in chars.iter().enumerate() {
        let (before, after) = (&chars[..at], &chars[at + 1..]);
        match c {
            '.' if joins_labels(before, after) || joins_numbers(before, after) => unlinked.push_str("[.]"),
            c if OTHER_DOTS.contains(c) && joins_ascii(before, after) => unlinked.push_str("[.]"),
            '@' | '\u{FF20}' if joins_address(before, after) => unlinked.push_str("[at]"),
            c => unlinked.push(*c),
        }
    }
    unlinked
}

/// Removing one scheme may make another one of what stood around it, so it goes on until there is none.
fn without_schemes(mut text: String) -> String {
    const MARK: &str = "://";
    while let Some(at) = text.find(MARK) {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let start = text[..at].trim_end_matches(is_scheme).len();
        text.replace_range(start..at + MARK.len(), "");
    }
    text
}

/// `example.com`, but neither `Friday. Then`, `J.R. Smith`, `e.g.` nor `3.50`.
fn joins_labels(before: &[char], after: &[char]) -> bool {
    let is_joined = before.last().is_some_and(|c| !c.is_whitespace());
    is_joined
        && matches!(after, [first, second, ..] if first.is_alphabetic() && (second.is_alphanumeric() || *second == '-'))
}

/// The dots of `192.0.2.7`, but neither of `22.11.2026` nor of `3.50`.
fn joins_numbers(before: &[char], after: &[char]) -> bool {
    let is_numeric = |c: &&char| c.is_ascii_digit() || **c == '.';
    let around = before.iter().rev().take_while(is_numeric).chain(after.iter().take_while(is_numeric));
    let between = before.last().zip(after.first()).is_some_and(|(b, a)| b.is_ascii_digit() && a.is_ascii_digit());
    between && around.filter(|c| **c == '.').count() >= 2
}

/// A full stop of Chinese or Japanese that ends no sentence.
fn joins_ascii(before: &[char], after: &[char]) -> bool {
    before.last().zip(after.first()).is_some_and(|(b, a)| b.is_ascii_alphanumeric() && a.is_ascii_alphanumeric())
}

fn joins_address(before: &[char], after: &[char]) -> bool {
    before.last().is_some_and(|c| !c.is_whitespace()) && after.first().is_some_and(|c| c.is_alphanumeric() || *c == '[')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_addresses_are_taken_apart_and_stay_readable() {
        for (text, expected) in [
            ("see https://example.com/a?b=c.d#e.", "see example[.]com/a?b=c.d#e."),
            ("HTTP://Example.COM:8080", "Example[.]COM:8080"),
            ("(http://localhost/x)", "(localhost/x)"),
            ("http://2130706433/", "2130706433/"),
            ("http://[2001:db8::1]/", "[2001:db8::1]/"),
            ("https://192.0.2.7/x or 192.0.2.7", "192[.]0[.]2[.]7/x or 192[.]0[.]2[.]7"),
            ("www.example.com", "www[.]example[.]com"),
            ("win at evil.example, now", "win at evil[.]example, now"),
            ("a.b.example.co.uk", "a.b[.]example[.]co[.]uk"),
            ("пример.рф und exämple.de", "пример[.]рф und exämple[.]de"),
            ("x.xn--p1ai", "x[.]xn--p1ai"),
            ("ana.lopez@example.com", "ana[.]lopez[at]example[.]com"),
            ("mailto:ana@localhost", "mailto:ana[at]localhost"),
            ("ana@[192.0.2.7]", "ana[at][192[.]0[.]2[.]7]"),
            ("example\u{3002}com ana\u{FF20}example\u{FF0E}com", "example[.]com ana[at]example[.]com"),
            ("example.\u{200B}com exam\u{AD}ple.com", "example[.]com example[.]com"),
            ("hhttp://ttp://example.com", "example[.]com"),
            ("http:https:////example.com", "example[.]com"),
        ] {
            assert_eq!(unlinked(text), expected, "{text:?}");
        }
    }

    #[test]
    fn ordinary_sentences_stay_as_they_are() {
        for text in [
            "You pay 3.50 euros, e.g. by card, on 22.11.2026 at 10.30. Then Dr. J.R. Smith calls...",
            "Ready at 5 p.m. @noon; and/or: a ratio of 1:2",
            "z.B. am Montag – bis dann.",
            "明日電話します。それから修理します。",
        ] {
            assert_eq!(unlinked(text), text);
        }
    }
}
