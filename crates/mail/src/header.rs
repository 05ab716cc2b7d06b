//! Names, subjects and addresses in a mail's headers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::email_address::EmailAddress;

/// The longest display name in characters: about as much as mail clients show in a list of mails.
const MAX_NAME_CHARS: usize = 64;
/// The longest address with its display name that SES accepts, in bytes.
const MAX_MAILBOX_BYTES: usize = 320;
/// Bytes of text in one encoded word: in base64, with its frame, 72 of the 75 characters of RFC 2047, section 2.
const ENCODED_WORD_BYTES: usize = 45;

/// Makes one line of at most `max_chars` characters.
///
/// White space and control characters become single spaces. Marks that change the reading direction are removed.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    // Most texts are one line already, and long transcripts are many of them.
    let line = if is_one_line(text) { text.to_owned() } else { joined(text) };
    if line.len() <= max_chars {
        return line;
    }
    match line.char_indices().nth(max_chars) {
        None => line,
        Some(_) => {
            let kept: String = line.chars().take(max_chars.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

fn joined(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !is_direction_mark(*c))
        .map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c })
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns whether [`joined`] would change nothing.
fn is_one_line(text: &str) -> bool {
    let (mut is_after_space, mut is_plain) = (true, true);
    for c in text.chars() {
        let is_space = c == ' ';
        let is_other = !is_space && (c.is_control() || c.is_whitespace() || is_direction_mark(c));
        is_plain &= !(is_other || (is_space && is_after_space));
        is_after_space = is_space;
    }
    is_plain && (!is_after_space || text.is_empty())
}

/// Embeddings, overrides and isolates: an override turns `gpj.exe` into something that reads `exe.jpg`.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Writes `"name" <address>`, or the bare address without a name; other than ASCII becomes encoded words of RFC 2047.
pub(crate) fn mailbox(name: Option<&str>, address: &EmailAddress) -> String {
    let mut name = one_line(name.unwrap_or_default(), MAX_NAME_CHARS);
    while !name.is_empty() {
        let mailbox = format!("{} <{}>", phrase(&name), address.as_str());
        if mailbox.len() <= MAX_MAILBOX_BYTES {
            return mailbox;
        }
        // The length of encoded words depends on the script, so the name is shortened until it fits.
        name.pop();
    }
    address.as_str().to_owned()
}

fn phrase(name: &str) -> String {
    // Some clients decode an encoded word even where it is quoted.
    if name.is_ascii() && !name.contains("=?") {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut words = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        // An encoded word must hold whole characters (RFC 2047, section 5).
        let (word, more) = rest.split_at(rest.floor_char_boundary(ENCODED_WORD_BYTES));
        words.push(format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(word)));
        rest = more;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    fn from(name: &str) -> String {
        mailbox(Some(name), &address("hi@example.com"))
    }

    #[test]
    fn a_display_name_is_quoted_or_encoded() {
        assert_eq!(from("Acme, Inc."), r#""Acme, Inc." <hi@example.com>"#);
        assert_eq!(from(r#"The "Best" \ Shop"#), r#""The \"Best\" \\ Shop" <hi@example.com>"#);
        assert_eq!(from("Müller & Söhne"), "=?UTF-8?B?TcO8bGxlciAmIFPDtmhuZQ==?= <hi@example.com>");
        assert_eq!(from("=?UTF-8?Q?x?="), "=?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?= <hi@example.com>");
        assert_eq!(from(" \r\n "), "hi@example.com");
        assert_eq!(mailbox(None, &address("hi@example.com")), "hi@example.com");
    }

    #[test]
    fn a_display_name_adds_no_header_and_no_recipient() {
        let hostile = "Acme\r\nBcc: eve@example.com\0\u{2028}>, <eve@example.com>";
        assert_eq!(from(hostile), r#""Acme Bcc: eve@example.com >, <eve@example.com>" <hi@example.com>"#);
    }

    #[test]
    fn a_long_name_is_cut_to_what_ses_accepts() {
        let longest = address(&format!("{}@{}.example", "a".repeat(64), "b".repeat(60)));
        for name in ["x".repeat(1000), "日".repeat(1000), "🙂".repeat(1000)] {
            let mailbox = mailbox(Some(&name), &longest);
            assert!(mailbox.is_ascii() && mailbox.len() <= MAX_MAILBOX_BYTES, "{mailbox}");
            assert!(mailbox.contains(" <") && mailbox.split(' ').all(|word| word.len() <= 200), "{mailbox}");
            for word in mailbox.split(' ').filter(|word| word.starts_with("=?")) {
                let text = word.trim_start_matches("=?UTF-8?B?").trim_end_matches("?=");
                assert!(word.len() <= 75 && String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).is_ok(), "{word}");
            }
        }
    }

    #[test]
    fn one_line_has_no_breaks_no_overrides_and_a_bound() {
        assert_eq!(one_line(" a\r\n\tb\u{85}c\u{2029}d\u{202E}e\0 ", 80), "a b c de");
        assert_eq!(one_line("four", 4), "four");
        assert_eq!(one_line("a long text", 8), "a long…");
    }

    #[test]
    fn a_text_that_is_taken_for_one_line_is_one() {
        for text in
            ["", " ", "a", "a b", "a  b", " a", "a ", "a\tb", "a\u{A0}b", "a\u{202E}b", "a\u{2066}", "é ü", "a\u{7F}"]
        {
            assert_eq!(is_one_line(text), joined(text) == text, "{text:?}");
        }
    }
}
