//! Links that stop the mails to a visitor.

use std::str::FromStr;

use domain::address_hash::AddressHash;
use domain::id::TenantId;
use domain::unsubscribe::{LinkSecrets, Unsubscription};
use stage::{ConfigError, Env};

/// The path at which `ingest` serves the links.
const PATH: &str = "/v1/unsubscribe/";

/// The reason to refuse a public URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https URL of printable ASCII without query, fragment and trailing slash")]
pub struct InvalidPublicUrl;

/// The URL at which visitors reach `ingest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        // An angle bracket or a comma would end the URL inside a `List-Unsubscribe` header.
        let is_usable = |b: u8| b.is_ascii_graphic() && !b"<>,;\"\\?#@".contains(&b);
        let rest = text.strip_prefix("https://").ok_or(InvalidPublicUrl)?;
        let host = rest.split('/').next().unwrap_or_default();
        let usable = !host.is_empty() && !rest.ends_with('/') && rest.bytes().all(is_usable);
        if usable { Ok(Self(text.to_owned())) } else { Err(InvalidPublicUrl) }
    }
}

/// The maker of links.
#[derive(Clone)]
pub struct Links {
    pub public_url: PublicUrl,
    pub secrets: LinkSecrets,
}

impl Links {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { public_url: env.parsed("PUBLIC_URL")?, secrets: env.parsed_by("LINK_SECRETS", LinkSecrets::new)? })
    }

    pub(crate) fn to(&self, tenant: &TenantId, address: AddressHash) -> String {
        let token = self.secrets.token(&Unsubscription { tenant_id: tenant.clone(), address });
        format!("{}{PATH}{token}", self.public_url.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_https_url_that_can_stand_in_a_header_is_taken() {
        for text in ["https://post.example.com", "https://abc.execute-api.eu-west-1.amazonaws.com/prod"] {
            assert_eq!(text.parse(), Ok(PublicUrl(text.to_owned())));
        }
        for text in [
            "",
            "https://",
            "https:///v1",
            "http://post.example.com",
            "https://post.example.com/",
            "https://post.example.com?x=1",
            "https://post.example.com#x",
            "https://user@post.example.com",
            "https://post.example.com>, <mailto:eve",
            "https://post.example.com\r\nBcc: eve",
            "https://exämple.com",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{text:?}");
        }
    }

    #[test]
    fn a_link_names_the_tenant_and_the_address_and_fits_a_header() {
        let secrets = LinkSecrets::new("a-secret-of-the-links-for-tests").unwrap();
        let links = Links { public_url: "https://post.example.com/prod".parse().unwrap(), secrets: secrets.clone() };
        let tenant: TenantId = "t".repeat(64).parse().unwrap();
        let link = links.to(&tenant, AddressHash::from([7; 32]));
        let token = link.strip_prefix("https://post.example.com/prod/v1/unsubscribe/").unwrap();
        let opened = secrets.open(token).unwrap();
        assert_eq!((opened.tenant_id, opened.address), (tenant, AddressHash::from([7; 32])));
        assert!(link.len() < 900, "SES takes values of up to 996 characters");
    }
}
