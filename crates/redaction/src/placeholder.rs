//! The form of placeholders: `[EMAIL_1]`.

use std::ops::Range;

/// The longest name of an entity or a pattern, in characters.
pub const MAX_NAME: usize = 40;
/// Digits of a placeholder's number: a session in memory does not hold ten million different values.
const MAX_NUMBER_DIGITS: usize = 7;

/// Finds all placeholders with name and number, also placeholders that a speaker wrote.
pub(super) fn find(text: &str) -> impl Iterator<Item = (Range<usize>, &str, u32)> {
    let brackets = text.match_indices('[').map(|(start, _)| start);
    brackets.filter_map(|start| {
        let (length, name, number) = parse(&text[start..])?;
        Some((start..start + length, name, number))
    })
}

/// Widens a range of a text to all of the placeholders that it cuts: a part of a placeholder cannot be restored.
pub fn uncut(text: &str, range: Range<usize>) -> Range<usize> {
    let cut = find(text).map(|(whole, ..)| whole).filter(|whole| whole.start < range.end && range.start < whole.end);
    cut.fold(range.clone(), |wide, whole| wide.start.min(whole.start)..wide.end.max(whole.end))
}

fn parse(text: &str) -> Option<(usize, &str, u32)> {
    let is_inner = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'_';
    let most = MAX_NAME + 1 + MAX_NUMBER_DIGITS;
    let length = text.as_bytes()[1..].iter().take(most + 1).take_while(is_inner).count();
    let inner = text.get(1..=length).filter(|_| text[1 + length..].starts_with(']'))?;
    let (name, digits) = inner.rsplit_once('_')?;
    let is_number = (1..=MAX_NUMBER_DIGITS).contains(&digits.len()) && !digits.starts_with('0');
    let number = digits.parse().ok().filter(|_| is_number && !name.is_empty())?;
    Some((length + 2, name, number))
}
