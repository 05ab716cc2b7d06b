//! Personal data to hide from the model, and the readers that see it nevertheless.

use std::collections::BTreeSet;

use redaction::{CustomPattern, Entity, Redactor};

use crate::settings::list::{Bounded, ListItem};
use crate::settings::section::section;
use crate::text_enum;

/// The most patterns of a tenant; each one is searched for in every turn.
pub const MAX_PATTERNS: usize = 20;

section! {
    /// Personal data to hide from the model, and the readers that see it nevertheless.
    #[derive(Eq)]
    RedactionSettings {
        /// Personal data to hide from the model.
        entities: BTreeSet<Entity>
            ["`email`, `phone`, `payment_card`, `iban`, `national_id`, `ip_address`; empty: nothing"]
            = BTreeSet::from([Entity::PaymentCard, Entity::Iban, Entity::NationalId]),
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
        Redactor::new(self.entities.iter().copied(), self.patterns.iter())
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

/// The patterns of a tenant; their names differ.
pub type CustomPatterns = Bounded<CustomPattern, MAX_PATTERNS>;

impl ListItem for CustomPattern {
    fn key(&self) -> Option<String> {
        Some(self.name().to_owned())
    }
}

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
        assert!(none.entities.is_empty());
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
        assert_eq!(settings.patterns[0].pattern().as_str(), "KD-\\d{6}");
    }

    #[test]
    fn an_invalid_pattern_is_refused_by_name() {
        let error = |patterns: serde_json::Value| {
            serde_json::from_value::<RedactionSettings>(json!({ "patterns": patterns })).unwrap_err().to_string()
        };
        let refused = error(json!([{ "name": "k", "pattern": "KD-(" }]));
        assert!(refused.contains("invalid redaction pattern \"k\": unclosed group"), "{refused}");
        let many: Vec<_> = (0..21).map(|n| json!({ "name": format!("n{n}"), "pattern": "x" })).collect();
        assert_eq!(error(json!(many)), "the list has more than 20 entries");
        let twice = json!([{ "name": "a", "pattern": "x" }, { "name": "a", "pattern": "y" }]);
        assert_eq!(error(twice), "the list has more than one \"a\"");
    }
}
