//! National identification numbers of eight countries, with their check digits where they exist.

mod checks;

use std::ops::Range;

use super::normalized::{begins_word, ends_word, is_labelled, numbers};

/// The form of a number: `A` stands for a letter, `9` for a digit, `*` for either.
struct NumberForm {
    shape: &'static [u8],
    is_valid: fn(&[u8]) -> bool,
    /// One of these words must stand before the number; empty if the checks are enough.
    labels: &'static [&'static str],
}

const FORMS: [NumberForm; 8] = [
    NumberForm { shape: b"999999*99999999", is_valid: checks::is_nir, labels: &[] },
    NumberForm { shape: b"AAAAAA**A**A***A", is_valid: checks::is_codice_fiscale, labels: &[] },
    NumberForm { shape: b"99999999999", is_valid: checks::is_steuer_id_or_cpf, labels: &[] },
    NumberForm { shape: b"AA999999A", is_valid: checks::is_nino, labels: &[] },
    NumberForm { shape: b"*9999999A", is_valid: checks::is_dni_or_nie, labels: &[] },
    NumberForm { shape: b"999999999", is_valid: checks::is_ssn, labels: &["SSN", "SOCIAL SECURITY"] },
    NumberForm { shape: b"999999999", is_valid: checks::is_bsn, labels: &["BSN", "BURGERSERVICE", "SOFI"] },
    NumberForm { shape: b"999999999", is_valid: checks::is_ssn, labels: &[] },
];

/// The numbers of a normalized text, in order.
pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    numbers(text, end_of_number)
}

fn end_of_number(text: &[u8], start: usize) -> Option<usize> {
    if !text[start].is_ascii_alphanumeric() || !begins_word(text, start) || continues_a_number(text, start) {
        return None;
    }
    FORMS.iter().find_map(|form| {
        let (number, end) = take(text, start, form.shape)?;
        let is_whole = ends_word(text, end) && !is_continued(text, end);
        let is_named = match form.labels {
            [] => form.shape != b"999999999" || is_grouped_3_2_4(&text[start..end]),
            labels => is_labelled(text, start, labels),
        };
        (is_whole && is_named && (form.is_valid)(&number)).then_some(end)
    })
}

/// Reads the characters of a shape from an index on, and returns their end.
fn take(text: &[u8], start: usize, shape: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut number = Vec::with_capacity(shape.len());
    let mut at = start;
    for kind in shape {
        let gap = usize::from(at > start && text.get(at).is_some_and(|byte| b" .-".contains(byte)));
        let fits = |byte: &&u8| match kind {
            b'A' => byte.is_ascii_uppercase(),
            b'9' => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric(),
        };
        number.push(*text.get(at + gap).filter(fits)?);
        at += gap + 1;
    }
    Some((number, at))
}

/// Whether a dot or dash connects the number to digits before it.
fn continues_a_number(text: &[u8], at: usize) -> bool {
    at > 1 && b".-".contains(&text[at - 1]) && text[at - 2].is_ascii_digit()
}

fn is_continued(text: &[u8], end: usize) -> bool {
    matches!(text.get(end..end + 2), Some([b'.' | b'-', next]) if next.is_ascii_digit())
}

fn is_grouped_3_2_4(number: &[u8]) -> bool {
    number.len() == 11 && number[3] == number[6] && !number[3].is_ascii_digit() && !number[6].is_ascii_digit()
}
