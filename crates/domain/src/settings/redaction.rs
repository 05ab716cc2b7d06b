//! Personal data to hide from the model, and the readers that see it nevertheless.

use std::collections::BTreeSet;

use redaction::{CustomPattern, Entity, Redactor};
use serde::{Deserialize, Serialize};

use crate::settings::section::{FieldText, section};
use crate::text_enum;

/// The most patterns of a tenant; each one is searched for in every turn.
pub const MAX_PATTERNS: usize = 20;

section! {
    /// Personal data to hide from the model, and the readers that see it nevertheless.
    #[derive(Eq)]
    RedactionSettings {
        /// Personal data to hide from the model.
        entities: Entities
            ["`email`, `phone`, `payment_card`, `iban`, `national_id`, `ip_address`; empty: nothing"] = Entities::default(),
        /// Further texts to hide from the model: `{ "name": "customer_number", "pattern": "KD-\\d{6}" }`.
        patterns: CustomPatterns ["up to 20 names with regular expressions"] = CustomPatterns::default(),
        /// Whether mails to visitors show placeholders such as `[PAYMENT_CARD_1]` or the original text.
        mails: ShownText ["`redacted` or `original`"] = ShownText::Redacted,
        /// Whether notes in a CRM show placeholders or the original text.
        notes: ShownText ["`redacted` or `original`"] = ShownText::Redacted,
        /// Whether webhook events show placeholders or the original text.
        webhooks: ShownText ["`redacted` or `original`"] = ShownText::Redacted,
    }
}

impl RedactionSettings {
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.entities.iter(), self.patterns.patterns())
    }
}

text_enum! {
    /// The text for readers.
    #[derive(Default)]
    pub enum ShownText {
        /// The text with placeholders, as the model saw it.
        #[default]
        Redacted = "redacted",
        /// The text of the conversation.
        Original = "original",
    }
}

/// A set of entities; repeating one in JSON changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entities(BTreeSet<Entity>);

impl Entities {
    pub fn iter(&self) -> impl Iterator<Item = Entity> {
        self.0.iter().copied()
    }
}

impl Default for Entities {
    fn default() -> Self {
        Self([Entity::PaymentCard, Entity::Iban, Entity::NationalId].into())
    }
}

/// The patterns of a tenant; their names differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<CustomPattern>")]
pub struct CustomPatterns(Vec<CustomPattern>);

impl CustomPatterns {
    pub fn patterns(&self) -> &[CustomPattern] {
        &self.0
    }
}

/// Reasons to refuse a list of patterns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCustomPatterns {
    #[error("more than {MAX_PATTERNS} redaction patterns")]
    TooMany,
    #[error("more than one redaction pattern with the name {0:?}")]
    Repeated(String),
}

impl TryFrom<Vec<CustomPattern>> for CustomPatterns {
    type Error = InvalidCustomPatterns;

    fn try_from(patterns: Vec<CustomPattern>) -> Result<Self, InvalidCustomPatterns> {
        if patterns.len() > MAX_PATTERNS {
            return Err(InvalidCustomPatterns::TooMany);
        }
        let mut names = BTreeSet::new();
        match patterns.iter().find(|pattern| !names.insert(pattern.name())) {
            Some(repeated) => Err(InvalidCustomPatterns::Repeated(repeated.name().to_owned())),
            None => Ok(Self(patterns)),
        }
    }
}

pub(crate) const PATTERN_FIELDS: &[FieldText] = &[
    FieldText {
        name: "name",
        values: "1 to 40 characters of a-z, 0-9 and _, beginning with a letter; no entity's name",
        lines: &["The name in placeholders."],
    },
    FieldText { name: "pattern", values: "regular expression of up to 300 characters", lines: &["The text to hide."] },
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_default_hides_what_no_analysis_needs() {
        let settings: RedactionSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(
            serde_json::to_value(&settings).unwrap(),
            json!({
                "entities": ["payment_card", "iban", "national_id"], "patterns": [],
                "mails": "redacted", "notes": "redacted", "webhooks": "redacted"
            })
        );
        let none: RedactionSettings = serde_json::from_value(json!({ "entities": [] })).unwrap();
        assert_eq!(none.entities.iter().count(), 0);
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
    fn an_invalid_pattern_is_refused_by_name() {
        let error = |patterns: serde_json::Value| {
            serde_json::from_value::<RedactionSettings>(json!({ "patterns": patterns })).unwrap_err().to_string()
        };
        let refused = error(json!([{ "name": "k", "pattern": "KD-(" }]));
        assert!(refused.contains("invalid redaction pattern \"k\": unclosed group"), "{refused}");
        let many: Vec<_> = (0..21).map(|n| json!({ "name": format!("n{n}"), "pattern": "x" })).collect();
        assert_eq!(error(json!(many)), "more than 20 redaction patterns");
        let twice = json!([{ "name": "a", "pattern": "x" }, { "name": "a", "pattern": "y" }]);
        assert_eq!(error(twice), "more than one redaction pattern with the name \"a\"");
    }
}
