//! What is hidden from the model, and from whom else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::redaction::{InvalidPattern, MAX_NAME, Pattern};
use crate::settings::section::{FieldText, section};

/// The most patterns of a tenant; each one is searched for in every turn.
pub const MAX_PATTERNS: usize = 20;

section! {
    /// What is hidden from the model, and from whom else.
    #[derive(Eq)]
    RedactionSettings {
        /// What the model does not see.
        entities: Entities
            ["`email`, `phone`, `payment_card`, `iban`, `national_id`, `ip_address`; empty: nothing"] = Entities::default(),
        /// What else it does not see: `{ "name": "customer_number", "pattern": "KD-\\d{6}" }`.
        patterns: CustomPatterns ["up to 20 names with regular expressions"] = CustomPatterns::default(),
        /// Whether mails to visitors show placeholders such as `[PAYMENT_CARD_1]`, or what was said.
        mails: ShownText ["`redacted` or `original`"] = ShownText::Redacted,
        /// The same for notes in a CRM.
        notes: ShownText ["`redacted` or `original`"] = ShownText::Redacted,
        /// The same for webhooks.
        webhooks: ShownText ["`redacted` or `original`"] = ShownText::Redacted,
    }
}

/// Which text goes out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownText {
    /// With placeholders, as the model saw it.
    #[default]
    Redacted,
    /// As it was said.
    Original,
}

impl ShownText {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redacted => "redacted",
            Self::Original => "original",
        }
    }
}

/// A kind of personal data with a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    Email,
    Phone,
    PaymentCard,
    Iban,
    NationalId,
    IpAddress,
}

impl Entity {
    pub const ALL: [Self; 6] =
        [Self::Email, Self::Phone, Self::PaymentCard, Self::Iban, Self::NationalId, Self::IpAddress];

    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::PaymentCard => "payment_card",
            Self::Iban => "iban",
            Self::NationalId => "national_id",
            Self::IpAddress => "ip_address",
        }
    }
}

/// Entities, of which the same one twice is the same as once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entities(BTreeSet<Entity>);

impl Entities {
    pub fn contains(&self, entity: Entity) -> bool {
        self.0.contains(&entity)
    }
}

impl Default for Entities {
    fn default() -> Self {
        Self::from_iter([Entity::PaymentCard, Entity::Iban, Entity::NationalId])
    }
}

impl FromIterator<Entity> for Entities {
    fn from_iter<I: IntoIterator<Item = Entity>>(entities: I) -> Self {
        Self(entities.into_iter().collect())
    }
}

/// The patterns of a tenant, each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<CustomPattern>", into = "Vec<CustomPattern>")]
pub struct CustomPatterns(Vec<CustomPattern>);

impl CustomPatterns {
    pub fn patterns(&self) -> &[CustomPattern] {
        &self.0
    }
}

/// Something that a tenant wants hidden: `{ "name": "customer_number", "pattern": "KD-\\d{6}" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PatternDocument", into = "PatternDocument")]
pub struct CustomPattern {
    name: String,
    pattern: Pattern,
}

impl CustomPattern {
    /// `a-z`, digits and `_`, beginning with a letter; none of the entities'.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }
}

/// Why a tenant's pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCustomPattern {
    #[error("the patterns of redaction must be at most {MAX_PATTERNS}")]
    TooMany,
    #[error("the redaction pattern {0:?} is there twice")]
    Repeated(String),
    #[error("{0:?} is no name of a redaction pattern: 1 to {MAX_NAME} of a-z, 0-9 and _, beginning with a letter")]
    Name(String),
    #[error("{0:?} is no name of a redaction pattern: it is an entity's")]
    EntityName(String),
    #[error("the redaction pattern {name:?} is refused: {reason}")]
    Pattern { name: String, reason: InvalidPattern },
}

pub(crate) const PATTERN_FIELDS: &[FieldText] = &[
    FieldText {
        name: "name",
        values: "1 to 40 characters of a-z, 0-9 and _, beginning with a letter; no entity's name",
        lines: &["What the placeholder is called."],
    },
    FieldText { name: "pattern", values: "regular expression of up to 300 characters", lines: &["What is hidden."] },
];

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternDocument {
    name: String,
    pattern: String,
}

impl TryFrom<PatternDocument> for CustomPattern {
    type Error = InvalidCustomPattern;

    fn try_from(PatternDocument { name, pattern }: PatternDocument) -> Result<Self, InvalidCustomPattern> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || name.len() > MAX_NAME || !name.chars().all(is_name) {
            return Err(InvalidCustomPattern::Name(name));
        }
        if Entity::ALL.iter().any(|entity| entity.as_str() == name) {
            return Err(InvalidCustomPattern::EntityName(name));
        }
        match Pattern::parse(pattern) {
            Ok(pattern) => Ok(Self { name, pattern }),
            Err(reason) => Err(InvalidCustomPattern::Pattern { name, reason }),
        }
    }
}

impl From<CustomPattern> for PatternDocument {
    fn from(CustomPattern { name, pattern }: CustomPattern) -> Self {
        Self { name, pattern: pattern.as_str().to_owned() }
    }
}

impl TryFrom<Vec<CustomPattern>> for CustomPatterns {
    type Error = InvalidCustomPattern;

    fn try_from(patterns: Vec<CustomPattern>) -> Result<Self, InvalidCustomPattern> {
        if patterns.len() > MAX_PATTERNS {
            return Err(InvalidCustomPattern::TooMany);
        }
        let mut names = BTreeSet::new();
        match patterns.iter().find(|pattern| !names.insert(pattern.name())) {
            Some(repeated) => Err(InvalidCustomPattern::Repeated(repeated.name.clone())),
            None => Ok(Self(patterns)),
        }
    }
}

impl From<CustomPatterns> for Vec<CustomPattern> {
    fn from(patterns: CustomPatterns) -> Self {
        patterns.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_default_hides_what_nobody_needs_in_an_analysis() {
        let settings: RedactionSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(
            serde_json::to_value(&settings).unwrap(),
            json!({
                "entities": ["payment_card", "iban", "national_id"], "patterns": [],
                "mails": "redacted", "notes": "redacted", "webhooks": "redacted"
            })
        );
        let none: RedactionSettings = serde_json::from_value(json!({ "entities": [] })).unwrap();
        assert!(Entity::ALL.iter().all(|&entity| !none.entities.contains(entity)));
    }

    #[test]
    fn settings_are_read_and_written_back() {
        let json = json!({
            "entities": ["email", "phone"],
            "patterns": [{ "name": "customer_number", "pattern": "KD-\\d{6}" }],
            "mails": "original", "notes": "redacted", "webhooks": "original"
        });
        let settings: RedactionSettings = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap(), json);
        assert_eq!(settings.patterns.patterns()[0].pattern().as_str(), "KD-\\d{6}");
    }

    #[test]
    fn a_pattern_that_cannot_be_is_refused_by_name() {
        let error = |name: &str, pattern: &str| {
            let json = json!({ "patterns": [{ "name": name, "pattern": pattern }] });
            serde_json::from_value::<RedactionSettings>(json).unwrap_err().to_string()
        };
        for (name, pattern, told) in [
            ("Kunde", "x", "\"Kunde\" is no name"),
            ("", "x", "\"\" is no name"),
            ("email", "x", "\"email\" is no name of a redaction pattern: it is an entity's"),
            ("k", "KD-(", "the redaction pattern \"k\" is refused: unclosed group"),
            ("k", "(a)\\1", "backreferences are not supported"),
            ("k", "a*", "it matches the empty text"),
            ("k", "\\b", "it matches the empty text"),
            ("k", "[a&&b]", "or nothing at all"),
            ("k", "(\\w{100}){100}", "it takes too much memory"),
            ("k", "", "it must have 1 to 300 characters"),
            ("k", &"x".repeat(301), "it must have 1 to 300 characters"),
        ] {
            assert!(error(name, pattern).contains(told), "{}", error(name, pattern));
        }
        let many: Vec<_> = (0..21).map(|n| json!({ "name": format!("n{n}"), "pattern": "x" })).collect();
        assert!(serde_json::from_value::<CustomPatterns>(json!(many)).unwrap_err().to_string().contains("at most 20"));
        let twice = json!([{ "name": "a", "pattern": "x" }, { "name": "a", "pattern": "y" }]);
        assert!(serde_json::from_value::<CustomPatterns>(twice).unwrap_err().to_string().contains("there twice"));
    }
}
