//! Links and addresses, taken apart so that mail clients make no links of them.
//!
//! They stay readable: `https://example.com/x` becomes `example[.]com/x`, and `ana@example.com` becomes
//! `ana[at]example[.]com`. Only the form decides, because a list of top-level domains would be out of date.

/// Invisible characters that may stand in the middle of a link: zero-width spaces, word joiner and soft hyphen.
const INVISIBLE: [char; 4] = ['\u{200B}', '\u{2060}', '\u{FEFF}', '\u{AD}'];
/// Joints of domains and addresses: the full stop, its equals in IDNA (RFC 3490, section 3.1), and at signs.
const JOINTS: [char; 6] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}', '@', '\u{FF20}'];

/// The most digits and dots of an IP address.
const MAX_NUMBERS: usize = 15;

/// Removes schemes, and writes `[.]` and `[at]` for the joints of domains and addresses.
pub(crate) fn unlinked(text: &str) -> String {
    let text = without_schemes(text.replace(INVISIBLE, ""));
    let mut unlinked = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, found) in text.match_indices(JOINTS) {
        let before = text[..at].trim_end_matches(is_passed_over);
        let after = text[at + found.len()..].trim_start_matches(is_passed_over);
        let apart = match found {
            "." if joins_labels(before, after) || joins_numbers(before, after) => "[.]",
            "." => continue,
            "@" | "\u{FF20}" if joins_address(before, after) => "[at]",
            "@" | "\u{FF20}" => continue,
            _ if joins_ascii(before, after) => "[.]",
            _ => continue,
        };
        unlinked.extend([&text[copied..at], apart]);
        copied = at + found.len();
    }
    unlinked.push_str(&text[copied..]);
    unlinked
}

/// Returns whether programs may read a link across `c`: joiners, direction marks, variation selectors.
///
/// Other scripts need these characters, so they are not removed.
fn is_passed_over(c: char) -> bool {
    matches!(c, '\u{34F}' | '\u{61C}' | '\u{200C}'..='\u{200F}' | '\u{2061}'..='\u{2064}' | '\u{FE00}'..='\u{FE0F}')
        || matches!(c, '\u{E0100}'..='\u{E01EF}')
}

/// Removes schemes one after another: the text around a removed scheme may form another one.
fn without_schemes(text: String) -> String {
    const MARK: &str = "://";
    if !text.contains(MARK) {
        return text;
    }
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let mut without = String::with_capacity(text.len());
    for c in text.chars() {
        without.push(c);
        if let Some(before) = without.strip_suffix(MARK) {
            without.truncate(before.trim_end_matches(is_scheme).len());
        }
    }
    without
}

/// Accepts the dot of `example.com`, but not of `Friday. Then`, `J.R. Smith`, `e.g.` or `3.50`.
fn joins_labels(before: &str, after: &str) -> bool {
    let mut after = after.chars().filter(|c| !is_passed_over(*c));
    let is_joined = before.chars().next_back().is_some_and(|c| !c.is_whitespace());
    is_joined
        && after.next().is_some_and(char::is_alphabetic)
        && after.next().is_some_and(|c| c.is_alphanumeric() || c == '-')
}

/// Accepts the dots of `192.0.2.7`, but not of `22.11.2026` or `3.50`.
fn joins_numbers(before: &str, after: &str) -> bool {
    let is_numeric = |b: &u8| b.is_ascii_digit() || *b == b'.';
    let (before, after) = (before.bytes().rev(), after.bytes());
    let between = before.clone().next().zip(after.clone().next());
    let between = between.is_some_and(|(b, a)| b.is_ascii_digit() && a.is_ascii_digit());
    let around = before.take(MAX_NUMBERS).take_while(is_numeric).chain(after.take(MAX_NUMBERS).take_while(is_numeric));
    between && around.filter(|b| *b == b'.').count() >= 2
}

/// Accepts a Chinese or Japanese full stop that does not end a sentence.
fn joins_ascii(before: &str, after: &str) -> bool {
    let is_letter = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    is_letter(before.bytes().next_back()) && is_letter(after.bytes().next())
}

fn joins_address(before: &str, after: &str) -> bool {
    before.chars().next_back().is_some_and(|c| !c.is_whitespace())
        && after.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '[')
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
            ("example.\u{200E}com example\u{200D}.com", "example[.]\u{200E}com example\u{200D}[.]com"),
            ("example.c\u{2064}om", "example[.]c\u{2064}om"),
            ("hhttp://ttp://example.com", "example[.]com"),
            ("http:https:////example.com", "example[.]com"),
        ] {
            assert_eq!(unlinked(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_made_to_take_long_takes_time_that_grows_with_its_length() {
        let started = std::time::Instant::now();
        for piece in ["://", "a://", "1.", "a.b", ".", "@", "h:///"] {
            let text = unlinked(&piece.repeat(1_000_000 / piece.len()));
            assert!(!text.contains("://"), "{piece}");
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(20));
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
