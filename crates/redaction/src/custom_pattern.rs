//! Patterns with the name that their placeholders carry.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::pattern::{InvalidPattern, Pattern};
use crate::placeholder::MAX_NAME;

/// A pattern that a tenant wants hidden: `{ "name": "customer_number", "pattern": "KD-\\d{6}" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CustomPatternDocument", into = "CustomPatternDocument")]
pub struct CustomPattern {
    name: String,
    pattern: Pattern,
}

/// Reasons to refuse a custom pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCustomPattern {
    #[error(
        "invalid name of a redaction pattern {0:?}: it must have 1 to {MAX_NAME} characters of a-z, 0-9 and _, and begin with a letter"
    )]
    Name(String),
    #[error("invalid name of a redaction pattern {0:?}: an entity has this name")]
    EntityName(String),
    #[error("invalid redaction pattern {name:?}: {reason}")]
    Pattern { name: String, reason: InvalidPattern },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomPatternDocument {
    name: String,
    pattern: String,
}

impl CustomPattern {
    /// The name: `a-z`, digits and `_`, beginning with a letter, and different from every entity's.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }
}

impl TryFrom<CustomPatternDocument> for CustomPattern {
    type Error = InvalidCustomPattern;

    fn try_from(document: CustomPatternDocument) -> Result<Self, InvalidCustomPattern> {
        let CustomPatternDocument { name, pattern } = document;
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

impl From<CustomPattern> for CustomPatternDocument {
    fn from(CustomPattern { name, pattern }: CustomPattern) -> Self {
        Self { name, pattern: pattern.as_str().to_owned() }
    }
}
