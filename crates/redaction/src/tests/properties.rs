use proptest::prelude::*;

use super::*;

/// Text of digits and separators, in which numbers of all kinds come about.
fn digits() -> impl Strategy<Value = String> {
    "[0-9٠-٩０-９ .,\\-–\u{a0}\u{200b}+()/:xA-Z]{0,80}"
}

/// Text with values in it.
fn said() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("4111 1111 1111 1111".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        Just("123-45-6789".to_owned()),
        Just("+49 171 1234567".to_owned()),
        Just("a@example.com".to_owned()),
        Just("10.0.0.1".to_owned()),
        Just("KD-123456".to_owned()),
        Just("[EMAIL_1]".to_owned()),
        Just("[CUSTOMER_NUMBER_2]".to_owned()),
        "[0-9]{1,20}",
        "[ .,:;()\\[\\]@+-]{1,3}",
        "[a-zéß漢]{1,8}",
        any::<String>(),
    ];
    proptest::collection::vec(value, 0..12).prop_map(|parts| parts.concat())
}

fn luhn(digits: &[u32]) -> bool {
    let doubled = |(n, digit): (usize, &u32)| if n % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { *digit };
    digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

/// Card numbers by the plainest reading: digits with up to three separators between them, of a network's form.
fn has_card(text: &str) -> bool {
    let mut runs = vec![Vec::new()];
    let mut gap = 0;
    for c in text.chars().filter(|c| *c != '\u{200b}') {
        let digit = c.to_digit(10).or_else(|| match u32::from(c) {
            arabic @ 0x660..=0x669 => Some(arabic - 0x660),
            wide @ 0xff10..=0xff19 => Some(wide - 0xff10),
            _ => None,
        });
        match digit {
            Some(digit) => {
                runs.last_mut().unwrap().push(digit);
                gap = 0;
            }
            None if gap < 3 && " .,-–\u{a0}".contains(c) => gap += 1,
            None => {
                runs.push(Vec::new());
                gap = 0;
            }
        }
    }
    let is_visa_or_so = |number: &[u32]| match (number[0], number[1], number.len()) {
        (4, _, 13 | 16 | 19) | (5, 1..=5, 16) | (3, 4 | 7, 15) | (6, _, 12..=19) => luhn(number),
        _ => false,
    };
    runs.iter().any(|run| (12..=19).any(|length| run.windows(length).any(is_visa_or_so)))
}

/// A number with a valid check digit, with separators put in.
fn card() -> impl Strategy<Value = String> {
    let digits = ("4[0-9]{14}|5[1-5][0-9]{13}|3[47][0-9]{12}|6[0-9]{10,17}", "[ .\\-]{0,2}", 1..5usize);
    digits.prop_map(|(body, separator, every)| {
        let number = (0..10)
            .map(|check| format!("{body}{check}"))
            .find(|number| luhn(&number.chars().map(|c| c.to_digit(10).unwrap()).collect::<Vec<_>>()));
        let number: Vec<char> = number.unwrap().chars().collect();
        number.chunks(every).map(String::from_iter).collect::<Vec<_>>().join(&separator)
    })
}

fn redacted(redactor: &Redactor, text: &str) -> String {
    redact(redactor, &[text]).texts.remove(0)
}

/// A redactor of the entities that tenants hide by default.
fn by_default() -> Redactor {
    redactor(json!({ "entities": ["payment_card", "iban", "national_id"] }))
}

proptest! {
    #[test]
    fn no_valid_card_number_is_left(text in digits(), before in digits(), card in card(), after in digits()) {
        let cards = by_default();
        for redactor in [&cards, &all()] {
            for text in [text.clone(), format!("{before}{card}{after}")] {
                let left = redacted(redactor, &text);
                prop_assert!(!has_card(&left), "{text:?} became {left:?}");
                prop_assert!(!left.contains(&card));
            }
        }
    }

    #[test]
    fn a_number_that_stands_alone_is_hidden_whatever_it_begins_with(card in "[0-9]{11,18}", word in "[a-z]{1,5}") {
        let digits = |text: &str| text.chars().map(|c| c.to_digit(10).unwrap()).collect::<Vec<_>>();
        let number = (0..10).map(|check| format!("{card}{check}")).find(|number| luhn(&digits(number))).unwrap();
        let left = redacted(&by_default(), &format!("{word} {number} {word}"));
        prop_assert!(left.chars().filter(char::is_ascii_digit).count() < 12);
    }

    #[test]
    fn every_text_stays_in_its_place(texts in proptest::collection::vec(said(), 0..6)) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let marked: Vec<String> = texts.iter().enumerate().map(|(at, text)| format!("<{at}> {text}")).collect();
        let marked: Vec<&str> = marked.iter().map(String::as_str).collect();
        let after = redact(&all(), &marked).texts;
        prop_assert_eq!(after.len(), texts.len());
        let in_place = after.iter().enumerate().all(|(at, text)| text.starts_with(&format!("<{at}> ")));
        prop_assert!(in_place);
    }

    #[test]
    fn restoring_gives_back_what_was_hidden(texts in proptest::collection::vec(said(), 0..4)) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let Redaction { texts: after, originals, .. } = redact(&all(), &texts);
        for (after, before) in after.iter().zip(&texts) {
            let restored = originals.restore(after);
            // Other spellings of one value come back as the first one.
            let plain = |text: &str| text.to_lowercase().replace(|c: char| " .-/()\u{a0}".contains(c), "");
            prop_assert_eq!(plain(&restored), plain(before));
        }
    }

    #[test]
    fn redacting_twice_is_the_same_as_once(text in prop_oneof![said(), digits(), any::<String>()]) {
        let redactor = all();
        let once = redacted(&redactor, &text);
        let twice = redact(&redactor, &[&once]);
        prop_assert_eq!(&twice.texts[0], &once);
        prop_assert!(twice.counts.is_empty() && twice.originals.is_empty());
    }
}
