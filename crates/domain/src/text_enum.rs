//! Enums whose variants are texts in JSON, SQL and settings.

/// Defines an enum by the texts of its variants.
///
/// JSON, `as_str` and `parse` all come from the one literal. Not `strum`: its names would stand next to serde's, and two
/// attributes for one text can differ.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        $vis enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every text, in the order of the variants.
            pub const TEXTS: &[&str] = &[$($text),+];
            pub const ALL: [Self; Self::TEXTS.len()] = [$(Self::$variant),+];

            /// The text in JSON, SQL and settings.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.as_str() == text)
            }
        }
    };
}

#[expect(unreachable_pub, reason = "the items of the macro are public")]
#[cfg(test)]
mod tests {
    use serde_json::json;

    text_enum! {
        /// Sizes of a text.
        #[derive(Default)]
        pub enum TextSize {
            #[default]
            Small = "small",
            VeryLarge = "very-large",
        }
    }

    #[test]
    fn json_and_both_directions_of_the_text_agree() {
        for (size, text) in TextSize::ALL.into_iter().zip(TextSize::TEXTS) {
            assert_eq!((size.as_str(), TextSize::parse(text)), (*text, Some(size)));
            assert_eq!(serde_json::to_value(size).unwrap(), json!(text));
            assert_eq!(serde_json::from_value::<TextSize>(json!(text)).unwrap(), size);
        }
        assert_eq!((TextSize::default(), TextSize::parse("Small")), (TextSize::Small, None));
    }
}
