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

pub use alerts::AlertSettings;
pub use analysis::AnalysisSettings;
pub use email::EmailSettings;
pub use logging::LoggingSettings;
pub use redaction::RedactionSettings;
pub use retention::RetentionSettings;

use crate::number::Whole;
use section::SettingField;

/// The only version of the document's form.
type DocumentVersion = Whole<1, 1>;

impl Default for DocumentVersion {
    fn default() -> Self {
        Self::literal(1)
    }
}

/// The settings document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSettings {
    /// The version of the document's form; unknown versions are refused.
    pub version: DocumentVersion,
    pub analysis: AnalysisSettings,
    pub redaction: RedactionSettings,
    pub email: EmailSettings,
    pub logging: LoggingSettings,
    pub retention: RetentionSettings,
    pub alerts: AlertSettings,
}

impl TenantSettings {
    /// Lists every field in the order of the document, for the table in `SETTINGS.md`.
    ///
    /// The fields of a field's elements are missing: `SETTINGS.md` has a table for them.
    pub fn fields() -> Result<Vec<SettingField>, serde_json::Error> {
        let defaults = serde_json::to_value(Self::default())?;
        let version = SettingField {
            path: "version".to_owned(),
            values: "1",
            default: defaults["version"].clone(),
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
        Ok([version].into_iter().chain(fields).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let sorted = |paths: Vec<String>| std::collections::BTreeSet::from_iter(paths);
        assert_eq!(sorted(fields.iter().map(|field| field.path.clone()).collect()), sorted(paths.collect()));
        assert!(fields.iter().all(|field| field.meaning.ends_with('.') && !field.values.is_empty()), "{fields:?}");
    }

    #[test]
    fn the_table_of_nested_fields_is_the_document() {
        let full = json!({
            "redaction": { "patterns": [{ "name": "k", "pattern": "K" }] },
            "email": { "quiet_hours": { "from": "21:00", "to": "08:00" } },
            "alerts": { "thresholds": [{ "failures": 1, "minutes": 1, "step": "notify" }] },
        });
        let full = serde_json::to_value(serde_json::from_value::<TenantSettings>(full).unwrap()).unwrap();
        let keys = |path: &str, value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().map(|key| format!("{path}.{key}")).collect()
        };
        let fields = [
            keys("redaction.patterns[]", &full["redaction"]["patterns"][0]),
            keys("email.quiet_hours", &full["email"]["quiet_hours"]),
            keys("alerts.thresholds[]", &full["alerts"]["thresholds"][0]),
        ];
        let table = include_str!("../SETTINGS.md").split_once("## Fields of lists and objects").unwrap().1;
        let rows = table.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with('|'));
        let listed: Vec<_> = rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
        let sorted = |paths: Vec<String>| std::collections::BTreeSet::from_iter(paths);
        assert_eq!(sorted(listed), sorted(fields.concat()));
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
