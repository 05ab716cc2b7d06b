//! Personal data is hidden before a transcript reaches a model, and put back where it may be shown.
//!
//! A value becomes a placeholder, `[PAYMENT_CARD_1]`; the same value, however it is written, has the same one
//! throughout the session. Where several kinds overlap, the first of this order wins: the tenant's patterns in their
//! order, e-mail, IP address, IBAN, a telephone number in international form that stands alone, payment card, national
//! id, any other telephone number. Whichever wins, no valid card number is left.
//!
//! A text that looks like a placeholder before anything is hidden stays as it is, and its number is given to no value:
//! restoring finds nothing for it. Hence redacting twice is the same as once, and [`Originals::restore`] gives back
//! what was hidden, in the form in which it was written first.
//!
//! Not found: numbers spelt as words, values that are spread over several turns or taken apart by other words, names
//! and postal addresses.

mod card;
mod email;
mod fold;
mod iban;
mod ip_address;
mod national_id;
mod originals;
mod pattern;
mod phone;
mod placeholder;
mod restored;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::settings::redaction::{Entity, RedactionSettings};
use crate::transcript::{Transcript, Turn};
use fold::Folded;
pub use originals::Originals;
pub use pattern::{InvalidPattern, MAX_PATTERN, Pattern};
pub use placeholder::MAX_NAME;
use placeholder::Placeholders;

/// How often a turn is looked through. Hiding a value can bring out another beside it; past the second time that takes
/// a text made for it, and the bound keeps the time linear.
const MAX_PASSES: usize = 8;

/// Finds what a tenant wants hidden.
#[derive(Debug, Clone)]
pub struct Redactor {
    detectors: Vec<Detector>,
    /// The names that placeholders bear, which detectors refer to by index.
    names: Vec<String>,
}

/// A transcript that may be shown to a model, and what was hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// As many turns as before, with the same roles and times.
    pub transcript: Transcript,
    /// How often something was hidden, by entity or pattern; nothing that was not found.
    pub counts: BTreeMap<String, u32>,
    pub originals: Originals,
}

#[derive(Debug, Clone)]
struct Detector {
    name: usize,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Pattern(Pattern),
    Email,
    IpAddress,
    Iban,
    InternationalPhone,
    PaymentCard,
    NationalId,
    Phone,
}

impl Kind {
    /// The entities in the order in which they are looked for.
    const ENTITIES: [(Entity, Self); 7] = [
        (Entity::Email, Self::Email),
        (Entity::IpAddress, Self::IpAddress),
        (Entity::Iban, Self::Iban),
        (Entity::Phone, Self::InternationalPhone),
        (Entity::PaymentCard, Self::PaymentCard),
        (Entity::NationalId, Self::NationalId),
        (Entity::Phone, Self::Phone),
    ];
}

/// A value in a text.
struct Match {
    range: Range<usize>,
    name: usize,
    /// The value in the form that all its spellings share.
    key: String,
}

impl Redactor {
    pub fn new(settings: &RedactionSettings) -> Self {
        let (mut detectors, mut names) = (Vec::new(), Vec::<String>::new());
        let mut add = |name: &str, kind: Kind| {
            let name = name.to_ascii_uppercase();
            let index = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            detectors.push(Detector { name: index, kind });
        };
        for custom in settings.patterns.patterns() {
            add(custom.name(), Kind::Pattern(custom.pattern().clone()));
        }
        for (entity, kind) in Kind::ENTITIES {
            if settings.entities.contains(entity) {
                add(entity.as_str(), kind);
            }
        }
        Self { detectors, names }
    }

    /// Hides what there is to hide in every turn, whoever spoke.
    pub fn redact(&self, transcript: &Transcript) -> Redaction {
        let mut placeholders = Placeholders::new(&self.names, transcript);
        let mut counts = vec![0u32; self.names.len()];
        let turns = transcript.turns().iter().map(|Turn { role, text, started_ms, ended_ms }| Turn {
            role: *role,
            text: self.redact_text(text, &mut placeholders, &mut counts),
            started_ms: *started_ms,
            ended_ms: *ended_ms,
        });
        let transcript = Transcript::new(turns.collect());
        let counts = self.names.iter().map(|name| name.to_ascii_lowercase()).zip(counts);
        let counts = counts.filter(|&(_, count)| count > 0).collect();
        Redaction { transcript, counts, originals: placeholders.originals }
    }

    fn redact_text(&self, text: &str, placeholders: &mut Placeholders<'_>, counts: &mut [u32]) -> String {
        let mut text = text.to_owned();
        for _ in 0..MAX_PASSES {
            let matches = self.matches(&text);
            if matches.is_empty() {
                break;
            }
            let mut redacted = String::with_capacity(text.len());
            let mut copied = 0;
            for Match { range, name, key } in matches {
                redacted.push_str(&text[copied..range.start]);
                redacted.push_str(placeholders.of(name, key, &text[range.clone()]));
                counts[name] = counts[name].saturating_add(1);
                copied = range.end;
            }
            redacted.push_str(&text[copied..]);
            text = redacted;
        }
        text
    }

    /// What is found outside of placeholders, in the order of the text.
    fn matches(&self, text: &str) -> Vec<Match> {
        let folded = Folded::new(text);
        let known = |name: &str| self.names.iter().any(|known| known == name);
        let placeholders = placeholder::find(text).filter(|(_, name, _)| known(name)).map(|(range, _, _)| range);
        let mut free = gaps(0..text.len(), placeholders);
        let mut matches: Vec<Match> = Vec::new();
        for Detector { name, kind } in &self.detectors {
            let mut left = Vec::with_capacity(free.len());
            for piece in free {
                let found: Vec<_> = kind.find(&folded, text, &piece);
                left.extend(gaps(piece, found.iter().map(|(range, _)| range.clone())));
                matches.extend(found.into_iter().map(|(range, key)| Match { range, name: *name, key }));
            }
            free = left;
        }
        matches.sort_unstable_by_key(|found| found.range.start);
        matches
    }
}

impl Kind {
    /// What there is in a piece of the text, with each value's key.
    fn find(&self, folded: &Folded<'_>, text: &str, piece: &Range<usize>) -> Vec<(Range<usize>, String)> {
        if let Self::Pattern(pattern) = self {
            let keyed = |range: Range<usize>| (range.clone(), text[range].to_owned());
            return pattern.find(text, piece).into_iter().map(keyed).collect();
        }
        let (bytes, first) = folded.slice(piece);
        let source = |range: &Range<usize>| folded.source_range(first + range.start..first + range.end);
        let keyed = |found: Vec<Range<usize>>, key: fn(&[u8]) -> String| {
            found.into_iter().map(|range| (source(&range), key(&bytes[range]))).collect()
        };
        match self {
            Self::Pattern(_) => Vec::new(),
            Self::Email => {
                let found = email::find(bytes).into_iter().map(|range| source(&range));
                found.map(|range| (range.clone(), text[range].to_lowercase())).collect()
            }
            Self::IpAddress => {
                let found = ip_address::find(bytes).into_iter();
                found.map(|(range, address)| (source(&range), address.to_string())).collect()
            }
            Self::Iban => keyed(iban::find(bytes), letters_and_digits),
            Self::PaymentCard => keyed(card::find(bytes), letters_and_digits),
            Self::NationalId => keyed(national_id::find(bytes), letters_and_digits),
            Self::InternationalPhone => keyed(phone::find_international(bytes), phone_key),
            Self::Phone => keyed(phone::find(bytes), phone_key),
        }
    }
}

fn letters_and_digits(value: &[u8]) -> String {
    value.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|&byte| char::from(byte)).collect()
}

/// `+49…` and `0049…` are one number; `049…` is another.
fn phone_key(value: &[u8]) -> String {
    let digits = letters_and_digits(value);
    match digits.strip_prefix("00") {
        Some(international) => format!("+{international}"),
        None if value.contains(&b'+') => format!("+{digits}"),
        None => digits,
    }
}

/// What is left of a range between others, which are in order.
fn gaps(whole: Range<usize>, taken: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut left = Vec::new();
    let mut start = whole.start;
    for range in taken {
        left.push(start..range.start);
        start = range.end;
    }
    left.push(start..whole.end);
    left.retain(|gap| !gap.is_empty());
    left
}
