use analyze::text::clean;
use proptest::prelude::*;
use unicode_normalization::is_nfc;

use super::said;

fn written() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "<",
        ">",
        "</",
        "<b>",
        "</b>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "<a href='",
        "\u{200d}",
        "\u{200c}",
        "\u{301}",
        "\u{338}",
        "\u{202e}",
        "\u{0}",
        "\u{e0041}",
        "\u{e000}",
        "क",
        "\u{94d}",
        "🔧",
        "\u{fe0f}",
        "\u{212a}",
    ]);
    let piece = prop_oneof![hostile.prop_map(str::to_owned), said(), any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

/// Returns whether a character must never be stored.
pub(super) fn is_forbidden(c: char) -> bool {
    let hidden = "\u{200b}\u{200e}\u{200f}\u{2060}\u{feff}\u{ad}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}";
    c.is_control()
        || hidden.contains(c)
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e007f}')
}

proptest! {
    #[test]
    fn clean_text_is_bounded_visible_and_stays_as_it_is(text in written(), max in 1usize..60) {
        let cleaned = clean(&text, max);
        prop_assert!(cleaned.chars().count() <= max);
        prop_assert!(is_nfc(&cleaned));
        prop_assert!(!cleaned.chars().any(is_forbidden), "{cleaned:?}");
        prop_assert!(!cleaned.contains("  ") && cleaned.trim() == cleaned);
        for tag in ["<b>", "</b>", "<script>"] {
            prop_assert!(!cleaned.contains(tag), "{cleaned:?}");
        }
        prop_assert_eq!(clean(&cleaned, max), cleaned);
    }
}
