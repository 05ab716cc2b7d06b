//! Record ids: 15 characters that tell case apart, and three more for those who do not.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// Three characters of `prefix` say what object it is, three the org, nine are the number.
pub(crate) fn record_id(prefix: &str, org: u64, number: u64) -> String {
    let short = format!("{prefix}{}{}", base62(org, 3), base62(number, 9));
    let suffix = suffix(&short);
    short + &suffix
}

fn base62(mut number: u64, width: usize) -> String {
    let mut digits = vec!['0'; width];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(DIGITS[(number % 62) as usize]);
        number /= 62;
    }
    digits.into_iter().collect()
}

/// Each character tells which of five are upper case.
fn suffix(short: &str) -> String {
    let upper = |chunk: &[u8]| {
        let bits = chunk.iter().enumerate().map(|(at, byte)| usize::from(byte.is_ascii_uppercase()) << at);
        char::from(SUFFIX[bits.sum::<usize>()])
    };
    short.as_bytes().chunks(5).map(upper).collect()
}

pub(crate) fn is_id(text: &str) -> bool {
    let clean = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    clean && (text.len() == 15 || (text.len() == 18 && suffix(&text[..15]) == text[15..].to_ascii_uppercase()))
}

/// Whether two ids name one record; either may be short.
pub(crate) fn same(one: &str, other: &str) -> bool {
    is_id(one) && is_id(other) && one[..15] == other[..15]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_suffix_that_marks_upper_case() {
        assert_eq!(suffix("00Q00000000000a"), "EAA");
        let id = record_id("00Q", 7, 63);
        assert_eq!(id, "00Q007000000011EAA");
        assert!(is_id(&id) && is_id(&id[..15]) && same(&id, &id[..15]));
    }

    #[test]
    fn what_is_no_id_is_the_same_as_nothing() {
        for text in ["", "00Q", "00Q007000000011EAB", "00Q00700000001-", "PostSession_Id__c"] {
            assert!(!is_id(text), "{text}");
            assert!(!same(text, text), "{text}");
        }
    }
}
