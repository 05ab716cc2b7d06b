//! E-mail addresses, also with letters of other alphabets; spelt-out addresses ("name at example dot com") are not found.

use std::ops::Range;

use super::normalized::{CASED, UNCASED};

/// The longest address and local part, in characters (RFC 5321, 4.5.3.1).
const MAX_ADDRESS_LENGTH: usize = 254;
const MAX_LOCAL_PART_LENGTH: usize = 64;

/// The addresses of a normalized text, in order.
pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for at in (0..text.len()).filter(|&at| text[at] == b'@') {
        let from = found.last().map_or(0, |last| last.end);
        if let (Some(start), Some(end)) = (start_of_local_part(text, from, at), end_of_domain(text, at + 1)) {
            found.push(start..end);
        }
    }
    found
}

fn start_of_local_part(text: &[u8], from: usize, at: usize) -> Option<usize> {
    // The limit keeps the search linear in a text full of at signs.
    let reach = &text[from.max(at.saturating_sub(MAX_LOCAL_PART_LENGTH)).min(at)..at];
    let is_atom = |byte: u8| is_letter_or_digit(byte) || b"!#$%&'*+/=?^_`{|}~-.".contains(&byte);
    let length = length_in_one_script(reach.iter().rev().copied(), is_atom);
    let local = &reach[reach.len() - length..];
    // Quotation marks and the like may precede an address.
    let lead = local.iter().position(|&byte| is_letter_or_digit(byte) || byte == b'_' || byte == b'+')?;
    Some(at - length + lead)
}

fn end_of_domain(text: &[u8], start: usize) -> Option<usize> {
    let reach = &text[start..text.len().min(start + MAX_ADDRESS_LENGTH)];
    let is_host = |byte: u8| is_letter_or_digit(byte) || byte == b'-' || byte == b'.';
    let length = length_in_one_script(reach.iter().copied(), is_host);
    let domain = &reach[..length];
    let empty = domain.windows(2).position(|pair| pair == b"..").unwrap_or(domain.len());
    let length = domain[..empty].iter().rposition(|&byte| is_letter_or_digit(byte))? + 1;
    let domain = &domain[..length];
    let (host, top) = domain.split_at(domain.iter().rposition(|&byte| byte == b'.')?);
    let is_top = top.len() > 2 || top.ends_with(&[UNCASED]);
    let is_named = top.iter().any(|&byte| byte.is_ascii_uppercase() || byte == CASED || byte == UNCASED);
    (is_top && is_named && host.first().is_some_and(|&byte| is_letter_or_digit(byte))).then_some(start + length)
}

/// Counts the bytes of an address. In an address with cased letters, an uncased letter ends it: scripts without case set
/// no space between an address and the words around it.
fn length_in_one_script(bytes: impl Iterator<Item = u8>, belongs: impl Fn(u8) -> bool) -> usize {
    let mut has_case = false;
    bytes
        .take_while(|&byte| {
            has_case |= byte.is_ascii_uppercase() || byte == CASED;
            belongs(byte) && !(has_case && byte == UNCASED)
        })
        .count()
}

fn is_letter_or_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == CASED || byte == UNCASED
}
