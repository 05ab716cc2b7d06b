//! Headers that a tenant adds to its mails or webhooks.

use std::collections::{BTreeMap, BTreeSet};

/// Reasons to refuse headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeaders {
    #[error("headers must be at most {max}, each name once")]
    TooMany { max: usize },
    #[error("the header {name:?} is not allowed: {allowed}")]
    Name { name: String, allowed: &'static str },
    #[error("the value of the header {name:?} must have 1 to {max} printable ASCII characters")]
    Value { name: String, max: usize },
}

/// Limits of headers.
pub(crate) struct HeaderRule {
    pub(crate) max_headers: usize,
    /// Characters of a name.
    pub(crate) max_name: usize,
    /// Characters of a value.
    pub(crate) max_value: usize,
    /// Decides on a name in lower case.
    pub(crate) is_allowed: fn(&str) -> bool,
    /// The allowed names, for people.
    pub(crate) allowed: &'static str,
}

impl HeaderRule {
    pub(crate) fn check(&self, headers: &BTreeMap<String, String>) -> Result<(), InvalidHeaders> {
        // Receivers ignore the case of a name.
        let names: BTreeSet<_> = headers.keys().map(|name| name.to_ascii_lowercase()).collect();
        if headers.len() > self.max_headers || names.len() < headers.len() {
            return Err(InvalidHeaders::TooMany { max: self.max_headers });
        }
        for (name, value) in headers {
            let is_token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !is_token || name.len() > self.max_name || !(self.is_allowed)(&name.to_ascii_lowercase()) {
                return Err(InvalidHeaders::Name { name: name.clone(), allowed: self.allowed });
            }
            // A line break would begin another header.
            let is_printable = value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
            // Receivers trim a value, so spaces at its ends would be lost.
            if !is_printable || value.trim() != value || !(1..=self.max_value).contains(&value.len()) {
                return Err(InvalidHeaders::Value { name: name.clone(), max: self.max_value });
            }
        }
        Ok(())
    }
}

/// Whether a name in lower case is private (`x-…`) and begins with none of the reserved prefixes.
pub(crate) fn is_private(name: &str, reserved: &[&str]) -> bool {
    name.starts_with("x-") && name.len() > 2 && !reserved.iter().any(|start| name.starts_with(start))
}
