//! Headers that a tenant adds to its mails.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// With those of our own below the 15 that SES allows.
const MAX_HEADERS: usize = 10;
/// Characters of a name; SES allows 126.
const MAX_NAME: usize = 60;
/// Characters of a value that fit into one line of 998 with the longest name.
const MAX_VALUE: usize = 900;
/// What neither addresses anybody nor changes how the mail is read.
const ALLOWED: [&str; 5] = ["auto-submitted", "feedback-id", "importance", "organization", "precedence"];
/// Begin names that SES and receivers give a meaning of their own.
const RESERVED: [&str; 2] = ["x-ses-", "x-amz"];

/// Why headers were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeaders {
    #[error("headers must be at most {MAX_HEADERS}, each name once")]
    TooMany,
    #[error(
        "the header {0:?} is not allowed: Auto-Submitted, Feedback-ID, Importance, Organization, Precedence or X-…"
    )]
    Name(String),
    #[error("the value of the header {0:?} must have 1 to {MAX_VALUE} printable ASCII characters")]
    Value(String),
}

/// Names and values that can be sent as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct CustomHeaders(BTreeMap<String, String>);

impl CustomHeaders {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for CustomHeaders {
    type Error = InvalidHeaders;

    fn try_from(headers: BTreeMap<String, String>) -> Result<Self, InvalidHeaders> {
        let mut names: Vec<_> = headers.keys().map(|name| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        if headers.len() > MAX_HEADERS || names.len() < headers.len() {
            return Err(InvalidHeaders::TooMany);
        }
        for (name, value) in &headers {
            if !is_allowed(name) {
                return Err(InvalidHeaders::Name(name.clone()));
            }
            let printable = value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
            if !printable || value.trim() != value || !(1..=MAX_VALUE).contains(&value.len()) {
                return Err(InvalidHeaders::Value(name.clone()));
            }
        }
        Ok(Self(headers))
    }
}

impl From<CustomHeaders> for BTreeMap<String, String> {
    fn from(headers: CustomHeaders) -> Self {
        headers.0
    }
}

fn is_allowed(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_own = lower.starts_with("x-") && lower.len() > 2 && !RESERVED.iter().any(|start| lower.starts_with(start));
    is_token && name.len() <= MAX_NAME && (is_own || ALLOWED.contains(&lower.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(headers: serde_json::Value) -> String {
        serde_json::from_value::<CustomHeaders>(headers).unwrap_err().to_string()
    }

    #[test]
    fn headers_of_the_list_and_private_ones_are_taken() {
        let headers = json!({ "X-Campaign": "summary; v=2", "Precedence": "bulk", "feedback-id": "a:b:c" });
        let read: CustomHeaders = serde_json::from_value(headers.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), headers);
    }

    #[test]
    fn a_header_that_addresses_or_breaks_out_is_refused() {
        for name in [
            "Bcc",
            "To",
            "From",
            "Subject",
            "List-Unsubscribe",
            "X-",
            "X-SES-CONFIGURATION-SET",
            "X-a:b",
            "X a",
            "",
            "X-a\r\nBcc",
        ] {
            assert!(error(json!({ name: "x" })).contains("is not allowed"), "{name:?}");
        }
        for value in ["", " x", "x\r\nBcc: eve@example.com", "é", "x\u{0}", &"x".repeat(901)] {
            assert!(error(json!({ "X-a": value })).contains("printable ASCII"), "{value:?}");
        }
        let many: BTreeMap<_, _> = (0..11).map(|n| (format!("X-{n}"), "x")).collect();
        assert!(error(json!(many)).contains("at most 10"));
        assert!(error(json!({ "X-a": "1", "x-A": "2" })).contains("each name once"));
    }
}
