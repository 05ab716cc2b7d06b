//! What a tenant has decided: one JSON document per tenant.
//!
//! Every field has a default, so `{}` is a valid document; unknown fields are refused.

pub mod analysis;
pub mod email;
pub mod metrics;
pub mod redaction;

use serde::{Deserialize, Serialize};

pub use analysis::AnalysisSettings;
pub use email::EmailSettings;
pub use redaction::RedactionSettings;

/// The settings document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSettings {
    pub analysis: AnalysisSettings,
    pub email: EmailSettings,
    pub redaction: RedactionSettings,
}

/// A short text of a tenant that stands in a prompt: one line, without control characters or space at its ends.
fn is_label(text: &str, max_chars: usize) -> bool {
    let length = text.chars().count();
    (1..=max_chars).contains(&length) && text.trim() == text && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_the_default() {
        let settings: TenantSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings, TenantSettings::default());
        assert!(settings.email.enabled);
        assert_eq!(settings.analysis.max_attempts.get(), 3);
    }

    #[test]
    fn a_misspelt_or_impossible_setting_is_refused_by_name() {
        let error = |json: &str| serde_json::from_str::<TenantSettings>(json).unwrap_err().to_string();
        assert!(error(r#"{"email":{"enable":false}}"#).contains("enable"));
        assert!(error(r#"{"analysis":{"max_attempts":6}}"#).contains("between 1 and 5"));
        assert!(error(r#"{"email":{"categories":["buyer"]}}"#).contains("buyer"));
    }
}
