//! IP addresses, version 4 and 6, as the standard library reads them; a port or a prefix length stays.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::normalized::{begins_word, ends_word};

/// The longest address in characters: version 6 with the last 32 bits in the form of version 4.
const MAX_LENGTH: usize = 45;
/// The longest address with a port, `:65535`.
const MAX_TOKEN: usize = MAX_LENGTH + 6;

/// The addresses of a normalized text, in order.
pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|&&byte| is_of_address(byte)).count();
        let token = &text[at..at + length];
        let begins = begins_word(text, at) && ends_word(text, at + length);
        if let Some((range, _)) = address(token).filter(|_| begins && length <= MAX_TOKEN) {
            found.push(at + range.start..at + range.end);
        }
        at += length.max(1);
    }
    found
}

/// Returns an address in the standard library's spelling.
pub(super) fn key(value: &[u8]) -> String {
    address(value).map(|(_, address)| address.to_string()).unwrap_or_default()
}

fn is_of_address(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte) || byte == b':' || byte == b'.'
}

fn address(token: &[u8]) -> Option<(Range<usize>, IpAddr)> {
    let is_hex = |byte: &u8| byte.is_ascii_hexdigit();
    let end = token.iter().rposition(is_hex)? + 1;
    // `::1` begins with colons; a colon or period before an address ends a sentence.
    let start = if token.starts_with(b"::") { 0 } else { token.iter().position(is_hex)? };
    let text = std::str::from_utf8(&token[start..end]).ok()?;
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        // `abc::def` is a path of some programming language rather than an address.
        return text.contains(|c: char| c.is_ascii_digit()).then_some((start..end, address.into()));
    }
    let text = text.split_once(':').map_or(text, |(address, _port)| address);
    let address = text.parse::<Ipv4Addr>().ok()?;
    Some((start..start + text.len(), address.into()))
}
