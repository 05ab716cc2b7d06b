//! Limits and versions that the configurations of several kinds have.

use crate::number::Whole;
use crate::text_type::text_type;

/// Characters of the version of an API; HubSpot's and Salesforce's have 7 and 5.
const MAX_API_VERSION: usize = 20;

/// Limits of the requests to a third party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub requests_per_ten_seconds: u32,
    /// Syncs at a time.
    pub concurrency: u32,
}

/// Requests in ten seconds: HubSpot's highest limit is 250.
pub type Requests = Whole<10, 1000>;
/// Syncs at a time.
pub type Concurrency = Whole<1, 50>;

pub(super) fn requests() -> Requests {
    Requests::literal(250)
}

pub(super) fn concurrency() -> Concurrency {
    Concurrency::literal(10)
}

/// Invalid version of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the version of an API must have 1 to {MAX_API_VERSION} characters, letters, digits, - and .")]
pub struct InvalidApiVersion;

text_type! {
    /// The version part of an API's path.
    ApiVersion, InvalidApiVersion, parse_api_version
}

impl ApiVersion {
    pub(super) fn literal(text: &str) -> Self {
        Self(text.to_owned())
    }
}

fn parse_api_version(text: &str) -> Result<String, InvalidApiVersion> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    // `..` would lead to another path.
    let fits = (1..=MAX_API_VERSION).contains(&text.len()) && text.bytes().all(known) && !text.starts_with('.');
    fits.then(|| text.to_owned()).ok_or(InvalidApiVersion)
}
