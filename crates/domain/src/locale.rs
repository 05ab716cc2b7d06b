//! Languages of visitors and tenants.

use crate::text_type::text_type;

/// The longest tag in characters: three letters, script and region, with two hyphens.
pub const MAX_LOCALE_LENGTH: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a language tag such as en or pt-BR")]
pub struct InvalidLocale;

text_type! {
    /// A BCP 47 tag of language, script and region, such as `en`, `pt-BR` or `zh-Hant-TW`.
    ///
    /// The language has 2 or 3 letters; script (4 letters) and region (2 letters or 3 digits) are optional. Nothing else is
    /// allowed, so that a locale cannot carry words into a prompt. The text is canonical: `PT-br` is read as `pt-BR`.
    Locale, InvalidLocale, parse
}

impl Locale {
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// The first subtag, such as `pt`.
    pub fn language(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(language, _)| language)
    }
}

fn parse(text: &str) -> Result<String, InvalidLocale> {
    if text.len() > MAX_LOCALE_LENGTH {
        return Err(InvalidLocale);
    }
    let mut subtags = text.split('-').peekable();
    let language = subtags.next().filter(|tag| (2..=3).contains(&tag.len()) && is_alphabetic(tag));
    let script = subtags.next_if(|tag| tag.len() == 4 && is_alphabetic(tag));
    let is_region = |tag: &str| (tag.len() == 2 && is_alphabetic(tag)) || (tag.len() == 3 && is_digits(tag));
    let region = subtags.next_if(|tag| is_region(tag));
    let (Some(language), None) = (language, subtags.next()) else { return Err(InvalidLocale) };
    let tags = [Some(language.to_ascii_lowercase()), script.map(titled), region.map(str::to_ascii_uppercase)];
    Ok(tags.into_iter().flatten().collect::<Vec<_>>().join("-"))
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
