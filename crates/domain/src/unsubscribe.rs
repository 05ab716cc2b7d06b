//! Unsubscribe links: each ends the mails of one tenant to one address, and cannot be forged.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::address_hash::AddressHash;
use crate::id::TenantId;

/// The most secrets at a time: the current secret signs, and the previous secret signed links that are still in mailboxes.
const MAX_SECRETS: usize = 2;
/// Characters; 128 random bits in base64 have 22.
const MIN_SECRET_LENGTH: usize = 22;
/// The first byte of every token: the version of its form.
const VERSION: u8 = 1;
/// Bytes of the signature: half of HMAC-SHA256, as RFC 2104, section 5 allows, keeps links short.
const SIGNATURE_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Reasons to refuse secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLinkSecrets {
    #[error("must be one secret, or {MAX_SECRETS} separated by a space")]
    Count,
    #[error("a secret must have at least {MIN_SECRET_LENGTH} characters")]
    Short,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid unsubscribe token")]
pub struct InvalidToken;

/// The secrets that sign links.
#[derive(Clone)]
pub struct LinkSecrets(Vec<hmac::Key>);

/// The tenant and the address of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscription {
    pub tenant_id: TenantId,
    pub address: AddressHash,
}

impl LinkSecrets {
    /// Reads one or two secrets, separated by a space; the first signs.
    pub fn new(secrets: &str) -> Result<Self, InvalidLinkSecrets> {
        let secrets: Vec<_> = secrets.split_whitespace().collect();
        if !(1..=MAX_SECRETS).contains(&secrets.len()) {
            return Err(InvalidLinkSecrets::Count);
        }
        if secrets.iter().any(|secret| secret.len() < MIN_SECRET_LENGTH) {
            return Err(InvalidLinkSecrets::Short);
        }
        Ok(Self(secrets.into_iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).collect()))
    }

    /// Returns the last part of a link: a token that needs no look-up, holds no address and does not expire.
    pub fn token(&self, link: &Unsubscription) -> String {
        let mut token = vec![VERSION];
        token.extend(link.address.as_bytes());
        token.extend(link.tenant_id.as_ref().as_bytes());
        let signature = self.0.first().map(|key| hmac::sign(key, &token));
        token.extend(signature.iter().flat_map(|tag| &tag.as_ref()[..SIGNATURE_BYTES]));
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    pub fn open(&self, token: &str) -> Result<Unsubscription, InvalidToken> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidToken)?;
        let (signed, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or(InvalidToken)?;
        let is_ours = |key: &hmac::Key| {
            // `hmac::verify` takes whole signatures only.
            let expected = hmac::sign(key, signed);
            aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..SIGNATURE_BYTES], signature).is_ok()
        };
        let (version, rest) = signed.split_first().ok_or(InvalidToken)?;
        let (address, tenant) = rest.split_first_chunk::<HASH_BYTES>().ok_or(InvalidToken)?;
        if *version != VERSION || !self.0.iter().any(is_ours) {
            return Err(InvalidToken);
        }
        let tenant_id = std::str::from_utf8(tenant).map_err(|_| InvalidToken)?.parse().map_err(|_| InvalidToken)?;
        Ok(Unsubscription { tenant_id, address: (*address).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "an-older-secret-of-the-links";
    const NEW: &str = "a-newer-secret-of-the-links";

    fn link() -> Unsubscription {
        Unsubscription { tenant_id: "acme".parse().unwrap(), address: [7; 32].into() }
    }

    #[test]
    fn a_link_is_opened_with_the_secret_that_signed_it_also_during_a_rotation() {
        let token = LinkSecrets::new(OLD).unwrap().token(&link());
        for secrets in [OLD.to_owned(), format!("{NEW} {OLD}")] {
            assert_eq!(LinkSecrets::new(&secrets).unwrap().open(&token), Ok(link()));
        }
        assert_eq!(LinkSecrets::new(NEW).unwrap().open(&token), Err(InvalidToken));
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{token}");
    }

    #[test]
    fn a_link_that_was_changed_anywhere_is_refused() {
        let secrets = LinkSecrets::new(NEW).unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(secrets.token(&link())).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(secrets.open(&BASE64_URL_SAFE_NO_PAD.encode(changed)), Err(InvalidToken), "byte {at}");
        }
        for token in ["", "AAAA", "not base64!", &BASE64_URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 1])] {
            assert_eq!(secrets.open(token), Err(InvalidToken), "{token:?}");
        }
    }

    #[test]
    fn secrets_that_are_missing_too_many_or_short_are_refused() {
        for (secrets, error) in [
            (" ".to_owned(), InvalidLinkSecrets::Count),
            ([OLD; 3].join(" "), InvalidLinkSecrets::Count),
            ("short".to_owned(), InvalidLinkSecrets::Short),
        ] {
            assert_eq!(LinkSecrets::new(&secrets).err(), Some(error));
        }
    }
}
