//! Headers that a tenant adds to its mails.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::header::{HeaderRule, InvalidHeaders, is_private};

const RULE: HeaderRule = HeaderRule {
    // Together with the service's own headers below the 15 that SES allows.
    max_headers: 10,
    // SES allows 126.
    max_name: 60,
    // Fits into one line of 998 characters with the longest name.
    max_value: 900,
    is_allowed,
    allowed: "Auto-Submitted, Feedback-ID, Importance, Organization, Precedence or X-…",
};
/// Headers that neither address a mail nor change how it is read.
const ALLOWED: [&str; 5] = ["auto-submitted", "feedback-id", "importance", "organization", "precedence"];
/// Prefixes of names that have a meaning for SES and receivers.
const RESERVED: [&str; 2] = ["x-ses-", "x-amz"];

/// Valid headers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct CustomHeaders(BTreeMap<String, String>);

impl CustomHeaders {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for CustomHeaders {
    type Error = InvalidHeaders;

    fn try_from(headers: BTreeMap<String, String>) -> Result<Self, InvalidHeaders> {
        RULE.check(&headers)?;
        Ok(Self(headers))
    }
}

fn is_allowed(name: &str) -> bool {
    is_private(name, &RESERVED) || ALLOWED.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(headers: serde_json::Value) -> String {
        serde_json::from_value::<CustomHeaders>(headers).unwrap_err().to_string()
    }

    #[test]
    fn listed_and_private_headers_are_accepted() {
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
