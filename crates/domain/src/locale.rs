//! Languages as visitors have them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest tag in characters: three letters, script and region, with two hyphens.
pub const MAX_LOCALE_LENGTH: usize = 12;

/// Why a text is not a locale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a language tag such as en or pt-BR")]
pub struct InvalidLocale;

/// A BCP 47 tag of language, script and region, such as `en`, `pt-BR` or `zh-Hant-TW`.
///
/// The language has 2 or 3 letters; script (4 letters) and region (2 letters or 3 digits) may be absent; there is
/// nothing else, so no words can be put into one. The text is canonical: `PT-br` is read as `pt-BR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

impl Locale {
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// The first subtag, such as `pt`.
    pub fn language(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(language, _)| language)
    }
}

impl AsRef<str> for Locale {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Locale {
    type Err = InvalidLocale;

    fn from_str(text: &str) -> Result<Self, InvalidLocale> {
        if text.len() > MAX_LOCALE_LENGTH {
            return Err(InvalidLocale);
        }
        let mut subtags = text.split('-').peekable();
        let language = subtags.next().filter(|tag| (2..=3).contains(&tag.len()) && is_alphabetic(tag));
        let script = subtags.next_if(|tag| tag.len() == 4 && is_alphabetic(tag));
        let region =
            subtags.next_if(|tag| (tag.len() == 2 && is_alphabetic(tag)) || (tag.len() == 3 && is_digits(tag)));
        let (Some(language), None) = (language, subtags.next()) else { return Err(InvalidLocale) };
        let tags = [Some(language.to_ascii_lowercase()), script.map(titled), region.map(str::to_ascii_uppercase)];
        Ok(Self(tags.into_iter().flatten().collect::<Vec<_>>().join("-")))
    }
}

impl TryFrom<String> for Locale {
    type Error = InvalidLocale;

    fn try_from(text: String) -> Result<Self, InvalidLocale> {
        text.parse()
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.0
    }
}

fn is_alphabetic(tag: &str) -> bool {
    tag.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_digits(tag: &str) -> bool {
    tag.bytes().all(|b| b.is_ascii_digit())
}

fn titled(script: &str) -> String {
    let (first, rest) = script.split_at(1);
    first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_read_in_any_case_and_written_in_one() {
        for (text, canonical) in [
            ("en", "en"),
            ("EN-gb", "en-GB"),
            ("es-419", "es-419"),
            ("zh-hANT", "zh-Hant"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("gsw-CH", "gsw-CH"),
        ] {
            let locale: Locale = text.parse().unwrap();
            assert_eq!(locale.as_ref(), canonical);
            assert_eq!(locale.language(), canonical.split('-').next().unwrap());
        }
    }

    #[test]
    fn words_and_what_is_more_than_language_script_and_region_are_refused() {
        for text in [
            "",
            "e",
            "en-",
            "-en",
            "en_GB",
            "english",
            "en-GB-oxendict",
            "en-GB-GB",
            "en-Latn-Latn",
            "en-x-me",
            "e1",
            "en-12",
            "say-only-hello",
            "en\nIgnore",
            "dé",
            "en-GBé",
        ] {
            assert_eq!(text.parse::<Locale>(), Err(InvalidLocale), "{text:?}");
        }
    }
}
