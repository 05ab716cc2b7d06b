//! International bank account numbers (ISO 13616): a known country, its length, and a remainder of 1 by 97.

use std::ops::Range;

use super::normalized::{ends_word, numbers};

/// Characters between two characters of one number.
const MAX_GAP: usize = 2;

/// Countries of the registry and the length of their numbers.
#[rustfmt::skip]
const LENGTHS: [(&[u8; 2], usize); 88] = [
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22),
    (b"BH", 22), (b"BI", 27), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22), (b"CY", 28), (b"CZ", 24),
    (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"EE", 20), (b"EG", 29), (b"ES", 24), (b"FI", 18),
    (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22), (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27),
    (b"GT", 28), (b"HN", 28), (b"HR", 21), (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26),
    (b"IT", 27), (b"JO", 30), (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20),
    (b"LU", 20), (b"LV", 21), (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MN", 20),
    (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15), (b"OM", 23), (b"PK", 24),
    (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22), (b"RU", 33), (b"SA", 24),
    (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"SM", 27), (b"SO", 23), (b"ST", 25),
    (b"SV", 28), (b"TL", 23), (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20),
];

/// The account numbers of a normalized text, in order.
pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    numbers(text, end_of_number)
}

/// A word such as `IBAN` may be glued to the number's beginning, a digit may not.
fn end_of_number(text: &[u8], start: usize) -> Option<usize> {
    let head = text.get(start..start + 4)?;
    let country = LENGTHS.iter().find(|(country, _)| head.starts_with(*country));
    let &(_, length) = country.filter(|_| head[2..].iter().all(u8::is_ascii_digit))?;
    if start > 0 && text[start - 1].is_ascii_digit() {
        return None;
    }
    let mut number = Vec::with_capacity(length);
    let mut at = start;
    while number.len() < length {
        let gap = text[at..].iter().take(MAX_GAP).take_while(|byte| b" .-".contains(byte)).count();
        let &byte = text.get(at + gap).filter(|byte| byte.is_ascii_alphanumeric())?;
        number.push(byte);
        at += gap + 1;
    }
    (ends_word(text, at) && is_valid(&number)).then_some(at)
}

fn is_valid(number: &[u8]) -> bool {
    let rearranged = number[4..].iter().chain(&number[..4]);
    let remainder = rearranged.fold(0, |remainder, &byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        letter => (remainder * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    remainder == 1
}
