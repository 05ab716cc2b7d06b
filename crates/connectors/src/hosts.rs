//! Hosts of third parties that are exempt from the rules about where they are.

use std::str::FromStr;

use reqwest::Url;

/// Hosts that the rules do not hold for: empty but on a local stack.
///
/// As text: `host:port` or `host` (every port), separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<(String, Option<u16>)>);

/// An entry that is not a host.
#[derive(Debug, thiserror::Error)]
#[error("the list of hosts has an entry that is neither host nor host:port: {0}")]
pub struct InvalidAllowedHost(String);

impl FromStr for AllowedHosts {
    type Err = InvalidAllowedHost;

    fn from_str(text: &str) -> Result<Self, InvalidAllowedHost> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries
            .map(|entry| allowed_host(entry).ok_or_else(|| InvalidAllowedHost(entry.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// The host is written as [`Url`] writes it, so that both compare.
fn allowed_host(entry: &str) -> Option<(String, Option<u16>)> {
    // Behind another scheme's default, `:80` would not be seen.
    let url = ["http", "https"].map(|scheme| Url::parse(&format!("{scheme}://{entry}")).ok());
    let [Some(http), Some(https)] = url else { return None };
    let is_bare = http.path() == "/" && http.query().is_none() && http.fragment().is_none() && has_no_user(&http);
    is_bare.then(|| Some((http.host_str()?.to_owned(), http.port().or(https.port()))))?
}

impl AllowedHosts {
    pub(crate) fn contains(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        self.0.iter().any(|(host, allowed)| url.host_str() == Some(host) && (allowed.is_none() || *allowed == port))
    }
}

pub(crate) fn has_no_user(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exemption_that_is_no_host_is_refused() {
        assert_eq!("".parse::<AllowedHosts>().unwrap(), AllowedHosts::default());
        for text in ["http://a", "a/b", "a:b", "u@a", "a:99999", "a b"] {
            assert!(text.parse::<AllowedHosts>().is_err(), "{text}");
        }
    }
}
