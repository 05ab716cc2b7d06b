//! Sections of the settings document, and the table that describes them.

use serde_json::Value;

/// A line of the table of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingField {
    /// Such as `email.quiet_hours`.
    pub path: String,
    /// The valid values, with their unit.
    pub values: &'static str,
    /// `null`: not set.
    pub default: Value,
    /// The meaning, in one paragraph.
    pub meaning: String,
}

/// The description of a field, without its default.
pub(crate) struct FieldText {
    pub(crate) name: &'static str,
    pub(crate) values: &'static str,
    pub(crate) lines: &'static [&'static str],
}

/// Describes the fields of a section; `defaults` is its default document.
pub(crate) fn fields(section: &str, texts: &[FieldText], defaults: &Value) -> Vec<SettingField> {
    let field = |text: &FieldText| SettingField {
        path: format!("{section}.{}", text.name),
        values: text.values,
        default: defaults[text.name].clone(),
        meaning: text.lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
    };
    texts.iter().map(field).collect()
}

/// Defines a struct of settings in which every field has its meaning, its values with their unit, and its default.
macro_rules! section {
    ($(#[doc = $about:literal])+ $(#[derive($($derive:ident),+)])? $name:ident {
        $($(#[doc = $line:literal])+ $field:ident: $type:ty [$values:literal] = $default:expr,)+
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize $(, $($derive),+)?)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[doc = $line])+  pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }

        impl $name {
            pub(crate) const FIELDS: &[$crate::settings::section::FieldText] = &[
                $($crate::settings::section::FieldText {
                    name: stringify!($field),
                    values: $values,
                    lines: &[$($line),+],
                }),+
            ];
        }
    };
}
pub(crate) use section;
