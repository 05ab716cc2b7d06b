//! Ids as values of SES message tags, there and back.
//!
//! Tags allow `A–Z a–z 0–9 _ -` only, ids also `.` and `:`. Escaped with `_`, an id of any length still fits: at most
//! 200 of the 256 characters of a tag.

/// The tag that names the mail: the `email_id` of its log, an unescaped UUID.
pub const EMAIL_ID: &str = "email_id";
/// The tag that names the tenant, encoded.
pub const TENANT_ID: &str = "tenant_id";
/// The tag that names the session, encoded.
pub const SESSION_ID: &str = "session_id";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an encoded id")]
pub struct InvalidTag;

/// Encodes an id as a tag's value: `.` becomes `_d`, `:` becomes `_c`, `_` becomes `__`.
pub fn encode(id: impl AsRef<str>) -> String {
    let mut tag = String::with_capacity(id.as_ref().len());
    for character in id.as_ref().chars() {
        match character {
            '.' => tag.push_str("_d"),
            ':' => tag.push_str("_c"),
            '_' => tag.push_str("__"),
            other => tag.push(other),
        }
    }
    tag
}

/// Decodes a tag's value.
pub fn decode<Id: std::str::FromStr>(tag: &str) -> Result<Id, InvalidTag> {
    let mut id = String::with_capacity(tag.len());
    let mut characters = tag.chars();
    while let Some(character) = characters.next() {
        let decoded = match character {
            '_' => match characters.next() {
                Some('d') => '.',
                Some('c') => ':',
                Some('_') => '_',
                _ => return Err(InvalidTag),
            },
            // `encode` writes neither.
            '.' | ':' => return Err(InvalidTag),
            other => other,
        };
        id.push(decoded);
    }
    id.parse().map_err(|_| InvalidTag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{MAX_ID_LENGTH, SessionId, TenantId};

    /// The longest value of an SES message tag, in characters.
    const MAX_TAG_LENGTH: usize = 256;

    #[test]
    fn every_id_survives_as_a_tag() {
        let longest = format!("a{}", ":".repeat(MAX_ID_LENGTH - 1));
        for text in ["acme", "conv_01J:9.a-Z", "a_d", "a__c", "a._:-", &longest] {
            let id: SessionId = text.parse().unwrap();
            let tag = encode(&id);
            assert!(tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{tag}");
            assert!(tag.len() <= MAX_TAG_LENGTH, "{tag}");
            assert_eq!(decode::<SessionId>(&tag), Ok(id));
        }
    }

    #[test]
    fn different_ids_have_different_tags() {
        let tags = ["a.d", "a_d", "a__d", "a:d", "a_cd", "a-d"].map(encode);
        assert_eq!(tags, ["a_dd", "a__d", "a____d", "a_cd", "a__cd", "a-d"]);
    }

    #[test]
    fn a_tag_that_encodes_no_id_is_refused() {
        for tag in ["", "a_", "a_x", "a.b", "a b", "-a"] {
            assert_eq!(decode::<TenantId>(tag), Err(InvalidTag), "{tag:?}");
        }
    }
}
