//! Sections of the settings document, and the table that describes them.

use serde_json::Value;

/// A line of the table of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Such as `email.quiet_hours.from`.
    pub path: String,
    /// What it may be, with its unit.
    pub values: &'static str,
    /// `null`: nothing is set. `None`: what it belongs to cannot be without it.
    pub default: Option<Value>,
    /// One paragraph.
    pub meaning: String,
}

/// The same before the defaults are known.
pub(crate) struct FieldText {
    pub(crate) name: &'static str,
    pub(crate) values: &'static str,
    pub(crate) lines: &'static [&'static str],
}

/// The lines of one section or of what stands in a field, whose default document is `defaults`.
pub(crate) fn fields(section: &str, texts: &[FieldText], defaults: &Value) -> Vec<Field> {
    let field = |text: &FieldText| Field {
        path: format!("{section}.{}", text.name),
        values: text.values,
        default: defaults.get(text.name).cloned(),
        meaning: text.lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
    };
    texts.iter().map(field).collect()
}

/// A struct of settings in which no field can lack its meaning, its values with their unit, or its default.
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
