//! The settings of a tenant: one JSON document.
//!
//! Every field has a default, so `{}` is a valid document; unknown fields are refused.

pub mod alerts;
pub mod analysis;
pub mod email;
pub mod headers;
pub mod list;
pub mod logging;
pub mod metrics;
pub mod redaction;
pub mod retention;
pub mod section;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use alerts::AlertSettings;
pub use analysis::AnalysisSettings;
pub use email::EmailSettings;
pub use logging::LoggingSettings;
pub use redaction::RedactionSettings;
pub use retention::RetentionSettings;

use crate::number::Whole;
use crate::time_zone;
use section::SettingField;

/// The settings document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSettings {
    /// The version of the document's form; unknown versions are refused.
    pub version: Whole<1, 1>,
    pub analysis: AnalysisSettings,
    pub redaction: RedactionSettings,
    pub email: EmailSettings,
    pub logging: LoggingSettings,
    pub retention: RetentionSettings,
    pub alerts: AlertSettings,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            version: Whole::literal(1),
            analysis: AnalysisSettings::default(),
            redaction: RedactionSettings::default(),
            email: EmailSettings::default(),
            logging: LoggingSettings::default(),
            retention: RetentionSettings::default(),
            alerts: AlertSettings::default(),
        }
    }
}

impl TenantSettings {
    /// Lists every field in the order of the document, for the table in `SETTINGS.md`.
    pub fn fields() -> Result<Vec<SettingField>, serde_json::Error> {
        let defaults = serde_json::to_value(Self::default())?;
        let version = SettingField {
            path: "version".to_owned(),
            values: "1",
            default: defaults.get("version").cloned(),
            meaning: "The version of the document's form.".to_owned(),
        };
        let sections = [
            ("analysis", AnalysisSettings::FIELDS),
            ("redaction", RedactionSettings::FIELDS),
            ("email", EmailSettings::FIELDS),
            ("logging", LoggingSettings::FIELDS),
            ("retention", RetentionSettings::FIELDS),
            ("alerts", AlertSettings::FIELDS),
        ];
        let fields = sections.into_iter().flat_map(|(name, texts)| section::fields(name, texts, &defaults[name]));
        let with_nested = fields.flat_map(|field| {
            let nested = nested(&field.path);
            [field].into_iter().chain(nested)
        });
        Ok([version].into_iter().chain(with_nested).collect())
    }
}

/// Lists the fields inside of a field. Custom metrics are missing because their fields depend on their type:
/// `SETTINGS.md` has a table for them.
fn nested(path: &str) -> Vec<SettingField> {
    match path {
        "redaction.patterns" => section::fields("redaction.patterns[]", redaction::PATTERN_FIELDS, &json!({})),
        "email.quiet_hours" => {
            section::fields(path, email::QuietHours::FIELDS, &json!({ "time_zone": time_zone::TimeZone::utc() }))
        }
        "alerts.thresholds" => {
            section::fields("alerts.thresholds[]", alerts::Threshold::FIELDS, &json!({ "step": null }))
        }
        _ => Vec::new(),
    }
}

/// Accepts a short text for a prompt: one line, without control characters or space at its ends.
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
    fn the_table_of_fields_is_the_document() {
        let fields = TenantSettings::fields().unwrap();
        let document = serde_json::to_value(TenantSettings::default()).unwrap();
        let paths = document.as_object().unwrap().iter().flat_map(|(name, section)| match section.as_object() {
            Some(section) => section.keys().map(|field| format!("{name}.{field}")).collect(),
            None => vec![name.clone()],
        });
        let (outer, inner): (Vec<_>, Vec<_>) =
            fields.iter().map(|field| field.path.clone()).partition(|path| path.matches('.').count() < 2);
        let sorted = |paths: Vec<String>| std::collections::BTreeSet::from_iter(paths);
        assert_eq!(sorted(outer), sorted(paths.collect()));

        let full = json!({
            "redaction": { "patterns": [{ "name": "k", "pattern": "K" }] },
            "email": { "quiet_hours": { "from": "21:00", "to": "08:00" } },
            "alerts": { "thresholds": [{ "failures": 1, "minutes": 1, "step": "notify" }] },
        });
        let full = serde_json::to_value(serde_json::from_value::<TenantSettings>(full).unwrap()).unwrap();
        let keys = |path: &str, value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().map(|key| format!("{path}.{key}")).collect()
        };
        let there = [
            keys("redaction.patterns[]", &full["redaction"]["patterns"][0]),
            keys("email.quiet_hours", &full["email"]["quiet_hours"]),
            keys("alerts.thresholds[]", &full["alerts"]["thresholds"][0]),
        ];
        assert_eq!(sorted(inner), sorted(there.concat()));
        assert!(fields.iter().all(|field| field.meaning.ends_with('.') && !field.values.is_empty()), "{fields:?}");
    }

    #[test]
    fn a_document_of_another_version_is_refused() {
        let error = serde_json::from_str::<TenantSettings>(r#"{"version":2}"#).unwrap_err().to_string();
        assert!(error.contains("must be between 1 and 1"), "{error}");
    }

    #[test]
    fn a_misspelt_or_invalid_setting_is_refused_by_name() {
        let error = |json: &str| serde_json::from_str::<TenantSettings>(json).unwrap_err().to_string();
        assert!(error(r#"{"email":{"enable":false}}"#).contains("enable"));
        assert!(error(r#"{"analysis":{"max_attempts":6}}"#).contains("between 1 and 5"));
        assert!(error(r#"{"email":{"categories":["buyer"]}}"#).contains("buyer"));
    }
}
