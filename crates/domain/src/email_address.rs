//! E-mail addresses that a mail can be sent to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest address in bytes (RFC 5321, 4.5.3.1.3).
pub const MAX_ADDRESS_LENGTH: usize = 254;
/// The longest local part in bytes (RFC 5321, 4.5.3.1.1).
pub const MAX_LOCAL_PART_LENGTH: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmailAddress;

/// An address with a dot-atom local part and a DNS domain of at least two labels; the domain is in lower case.
///
/// Prints masked (`a***@example.com`): only [`EmailAddress::as_str`] returns the plain text.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The whole address: for recipients and keys, never for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Converts the domain to Punycode, the form that SES accepts and uses in events.
    ///
    /// `None` if the local part is not ASCII, because SES has no SMTPUTF8, or if the domain is invalid in IDNA.
    pub fn to_ascii(&self) -> Option<Self> {
        let (local, domain) = self.0.rsplit_once('@')?;
        let domain = idna::domain_to_ascii(domain).ok()?;
        local.is_ascii().then(|| format!("{local}@{domain}").parse().ok())?
    }

    /// Lists the spellings of the address, in lower case: the domain unchanged, in Punycode and in Unicode.
    pub fn spellings(&self) -> Vec<String> {
        let lower = self.0.to_lowercase();
        let Some((local, domain)) = lower.rsplit_once('@') else { return vec![lower] };
        let ascii = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_owned());
        let (unicode, _) = idna::domain_to_unicode(&ascii);
        let mut spellings = [domain, &ascii, &unicode].map(|domain| format!("{local}@{domain}")).to_vec();
        spellings.sort();
        spellings.dedup();
        spellings
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or(("", &self.0));
        let first = local.chars().next().map(String::from).unwrap_or_default();
        write!(f, "{first}***@{domain}")
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmailAddress)?;
        if text.len() > MAX_ADDRESS_LENGTH || !is_dot_atom(local) || !is_domain(domain) {
            return Err(InvalidEmailAddress);
        }
        // Local parts may differ by case (RFC 5321, 2.4), domains never do.
        Ok(Self(format!("{local}@{}", domain.to_lowercase())))
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmailAddress;

    fn try_from(text: String) -> Result<Self, InvalidEmailAddress> {
        text.parse()
    }
}

fn is_dot_atom(local: &str) -> bool {
    let atom_char = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    // Some programs decode RFC 2047's encoded words also inside an address.
    let is_encoded = local.contains("=?");
    local.len() <= MAX_LOCAL_PART_LENGTH
        && !is_encoded
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atom_char))
}

fn is_domain(domain: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    // An IP address is not a domain: no top-level domain is a number.
    let numeric = |l: &str| l.bytes().all(|b| b.is_ascii_digit());
    domain.contains('.') && domain.split('.').all(label) && !domain.rsplit('.').next().is_some_and(numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_and_international_addresses_are_usable() {
        for text in ["ana@example.com", "first.last+tag@sub.example.co.uk", "josé@exämple.de", "o'neil@example.com"] {
            assert_eq!(text.parse::<EmailAddress>().unwrap().as_str(), text);
        }
        assert_eq!("Ana@Example.COM".parse::<EmailAddress>().unwrap().as_str(), "Ana@example.com");
    }

    #[test]
    fn text_that_is_no_address_or_hides_a_header_is_refused() {
        for text in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "ana@localhost",
            "a b@example.com",
            "ana@example.com\r\nBcc: x@example.com",
            "ana@exam ple.com",
            "ana@-example.com",
            "ana@example..com",
            ".ana@example.com",
            "ana@127.0.0.1",
            "Ana <ana@example.com>",
            "a,b@example.com",
            "nul\0@example.com",
            "=?utf-8?q?a=40evil.example=2c?=@example.com",
        ] {
            assert_eq!(text.parse::<EmailAddress>(), Err(InvalidEmailAddress), "{text:?}");
        }
    }

    #[test]
    fn an_international_domain_becomes_punycode_and_such_a_local_part_is_refused() {
        let ascii = |text: &str| {
            let address: EmailAddress = text.parse().unwrap();
            address.to_ascii().map(|address| address.0)
        };
        assert_eq!(ascii("ana@exämple.de").as_deref(), Some("ana@xn--exmple-cua.de"));
        assert_eq!(ascii("o'neil+x@example.com").as_deref(), Some("o'neil+x@example.com"));
        assert_eq!(ascii("josé@example.com"), None);
    }

    #[test]
    fn an_international_domain_has_two_spellings() {
        for text in ["Ana@exämple.de", "ana@XN--EXMPLE-CUA.de"] {
            let address: EmailAddress = text.parse().unwrap();
            assert_eq!(address.spellings(), ["ana@exämple.de", "ana@xn--exmple-cua.de"]);
        }
        let address: EmailAddress = "Ana@example.com".parse().unwrap();
        assert_eq!(address.spellings(), ["ana@example.com"]);
    }

    #[test]
    fn an_address_prints_masked() {
        let address: EmailAddress = "ana.lopez@example.com".parse().unwrap();
        assert_eq!(format!("{address} {address:?}"), "a***@example.com a***@example.com");
    }
}
