//! Hashes of addresses: keys that hold no address.

use std::fmt;

use aws_lc_rs::digest;

use crate::email_address::EmailAddress;
use crate::id::TenantId;

/// SHA-256 of a tenant and one of its visitors' addresses, in lower case and with the domain in Punycode.
///
/// The hash finds all rows of an address, and lets a suppression outlive the address's erasure. The hash hides addresses
/// from readers of the table, not from a reader who guesses an address and computes its hash. Two tenants have different
/// hashes for one address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressHash([u8; 32]);

impl AddressHash {
    pub fn of(tenant: &TenantId, address: &EmailAddress) -> Self {
        let lower = address.as_str().to_lowercase();
        let (local, domain) = lower.rsplit_once('@').unwrap_or(("", &lower));
        // A domain that IDNA refuses is hashed in its own spelling: an erasure must find it, too.
        let ascii = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_owned());
        let mut context = digest::Context::new(&digest::SHA256);
        // No id has a line break, so that two tenants never hash the same bytes.
        for part in [tenant.as_ref(), "\n", local, "@", &ascii] {
            context.update(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for AddressHash {
    fn from(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl fmt::Debug for AddressHash {
    /// Prints the first bytes, enough to compare hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "AddressHash({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(tenant: &str, address: &str) -> AddressHash {
        AddressHash::of(&tenant.parse().unwrap(), &address.parse().unwrap())
    }

    #[test]
    fn an_address_has_one_hash_for_each_tenant_however_it_is_written() {
        assert_eq!(hash("acme", "Ana@Example.com"), hash("acme", "ana@example.com"));
        assert_eq!(hash("acme", "ana@exämple.de"), hash("acme", "ana@XN--EXMPLE-CUA.de"));
        assert_ne!(hash("acme", "ana@example.com"), hash("other", "ana@example.com"));
        assert_ne!(hash("acme", "ana@example.com"), hash("acme", "anb@example.com"));
    }

    #[test]
    fn a_hash_prints_no_more_than_its_beginning() {
        assert_eq!(format!("{:?}", AddressHash::from([0xab; 32])), "AddressHash(abababab…)");
    }
}
