#![doc = include_str!("../README.md")]

mod card;
mod custom_pattern;
mod email;
mod entity;
mod iban;
mod ip_address;
mod national_id;
mod normalized;
mod originals;
mod pattern;
mod phone;
mod placeholder;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

pub use custom_pattern::{CustomPattern, InvalidCustomPattern};
pub use entity::Entity;
use normalized::NormalizedText;
pub use originals::Originals;
use originals::Placeholders;
pub use pattern::{InvalidPattern, MAX_PATTERN, Pattern};
pub use placeholder::{MAX_NAME, uncut};

/// Searches of one text. Hiding a value can uncover another next to it; only a text made for the purpose needs more than
/// two searches, and the bound keeps the time linear.
const MAX_SEARCHES: usize = 8;

/// Hides the chosen entities and patterns.
#[derive(Debug, Clone)]
pub struct Redactor {
    detectors: Vec<NamedDetector>,
    /// The names in placeholders; detectors refer to them by index.
    names: Vec<String>,
}

/// Texts that a model may see, and the values hidden in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// One for each text that was given, in the same order.
    pub texts: Vec<String>,
    /// How often values were hidden, by entity or pattern; entries are never 0.
    pub counts: BTreeMap<String, u32>,
    pub originals: Originals,
}

#[derive(Debug, Clone)]
struct NamedDetector {
    name: usize,
    detector: Detector,
}

#[derive(Debug, Clone)]
enum Detector {
    Pattern(Pattern),
    Form(FormDetector),
}

/// The search for values of one form.
#[derive(Debug, Clone, Copy)]
struct FormDetector {
    /// Finds values in normalized text.
    find: fn(&[u8]) -> Vec<Range<usize>>,
    /// Makes the key of a value from its text and its normalized text.
    key: fn(&str, &[u8]) -> String,
}

/// A value found in a text.
struct Match {
    range: Range<usize>,
    name: usize,
    /// The value in one spelling: all its spellings share a placeholder.
    key: String,
}

impl Redactor {
    pub fn new<'a>(
        entities: impl IntoIterator<Item = Entity>,
        patterns: impl IntoIterator<Item = &'a CustomPattern>,
    ) -> Self {
        let (mut detectors, mut names) = (Vec::new(), Vec::<String>::new());
        let mut add = |name: &str, detector: Detector| {
            let name = name.to_ascii_uppercase();
            let index = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            detectors.push(NamedDetector { name: index, detector });
        };
        for custom in patterns {
            add(custom.name(), Detector::Pattern(custom.pattern().clone()));
        }
        let chosen: Vec<Entity> = entities.into_iter().collect();
        for (entity, detector) in OF_ENTITIES {
            if chosen.contains(&entity) {
                add(entity.as_str(), Detector::Form(detector));
            }
        }
        Self { detectors, names }
    }

    /// Hides values in the texts of one session, which share their placeholders.
    pub fn redact<'a>(&self, texts: impl Iterator<Item = &'a str> + Clone) -> Redaction {
        let mut placeholders = Placeholders::new(&self.names, texts.clone());
        let mut counts = vec![0u32; self.names.len()];
        let texts = texts.map(|text| self.redact_text(text, &mut placeholders, &mut counts)).collect();
        let counts = self.names.iter().map(|name| name.to_ascii_lowercase()).zip(counts);
        let counts = counts.filter(|&(_, count)| count > 0).collect();
        Redaction { texts, counts, originals: placeholders.originals }
    }

    fn redact_text(&self, text: &str, placeholders: &mut Placeholders<'_>, counts: &mut [u32]) -> String {
        let mut text = text.to_owned();
        for _ in 0..MAX_SEARCHES {
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

    /// The values outside of placeholders, in the order of the text.
    fn matches(&self, text: &str) -> Vec<Match> {
        let normalized = NormalizedText::new(text);
        // Placeholders are not searched: redacting twice is the same as redacting once.
        let known = |name: &str| self.names.iter().any(|known| known == name);
        let placeholders = placeholder::find(text).filter(|(_, name, _)| known(name)).map(|(range, _, _)| range);
        let mut free = gaps(0..text.len(), placeholders);
        let mut matches: Vec<Match> = Vec::new();
        for NamedDetector { name, detector } in &self.detectors {
            let mut left = Vec::with_capacity(free.len());
            for piece in free {
                let found: Vec<_> = detector.find(&normalized, text, &piece);
                left.extend(gaps(piece, found.iter().map(|(range, _)| range.clone())));
                matches.extend(found.into_iter().map(|(range, key)| Match { range, name: *name, key }));
            }
            free = left;
        }
        matches.sort_unstable_by_key(|found| found.range.start);
        matches
    }
}

/// The detectors of entities in the order of their searches.
const OF_ENTITIES: [(Entity, FormDetector); 7] = [
    (Entity::Email, FormDetector { find: email::find, key: |text, _| text.to_lowercase() }),
    (Entity::IpAddress, FormDetector { find: ip_address::find, key: |_, value| ip_address::key(value) }),
    (Entity::Iban, FormDetector { find: iban::find, key: |_, value| letters_and_digits(value) }),
    // One number in ten has a card's check digit by chance, so telephone numbers in international form come first.
    (Entity::Phone, FormDetector { find: phone::find_international, key: |_, value| phone_key(value) }),
    (Entity::PaymentCard, FormDetector { find: card::find, key: |_, value| letters_and_digits(value) }),
    (Entity::NationalId, FormDetector { find: national_id::find, key: |_, value| letters_and_digits(value) }),
    (Entity::Phone, FormDetector { find: phone::find, key: |_, value| phone_key(value) }),
];

impl Detector {
    /// The values in a piece of the text, each with its key.
    fn find(&self, normalized: &NormalizedText<'_>, text: &str, piece: &Range<usize>) -> Vec<(Range<usize>, String)> {
        match self {
            Self::Pattern(pattern) => {
                let keyed = |range: Range<usize>| (range.clone(), text[range].to_owned());
                pattern.find(text, piece).into_iter().map(keyed).collect()
            }
            Self::Form(FormDetector { find, key }) => {
                let (bytes, first) = normalized.slice(piece);
                let keyed = |found: Range<usize>| {
                    let range = normalized.source_range(first + found.start..first + found.end);
                    (range.clone(), key(&text[range], &bytes[found]))
                };
                find(bytes).into_iter().map(keyed).collect()
            }
        }
    }
}

fn letters_and_digits(value: &[u8]) -> String {
    value.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|&byte| char::from(byte)).collect()
}

/// Gives `+49…` and `0049…` the same key; `049…` is another number.
fn phone_key(value: &[u8]) -> String {
    let digits = letters_and_digits(value);
    match digits.strip_prefix("00") {
        Some(international) => format!("+{international}"),
        None if value.contains(&b'+') => format!("+{digits}"),
        None => digits,
    }
}

/// The parts of a range between other ranges, which are in order.
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
