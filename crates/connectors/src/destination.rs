//! Where a webhook may go: never into our own network, however the address is spelt.

mod networks;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::hosts::{AllowedHosts, has_no_user};

/// 443 is https, 8443 what receivers without root rights commonly use.
const PORTS: [u16; 2] = [443, 8443];

/// Why a URL is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("not a URL with a host")]
    Malformed,
    #[error("the URL's scheme is not https")]
    Scheme,
    #[error("the URL holds a user name or password")]
    UserInfo,
    #[error("the URL's port is neither 443 nor 8443")]
    Port,
    #[error("the URL's host has an address that is not public")]
    Address,
    /// When it is saved; later that is a failure like any other.
    #[error("the URL's host has no address")]
    Unresolved,
}

impl Violation {
    /// Finds the answer of [`PublicOnly`] in an error of the HTTP client.
    pub(crate) fn in_chain(error: &(dyn Error + 'static)) -> Option<Self> {
        std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref()).copied()
    }
}

/// A URL that may be asked for, by a client that resolves with [`PublicOnly`] unless it is exempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) is_exempt: bool,
}

impl Target {
    pub(crate) fn parse(text: &str, allowed: &AllowedHosts) -> Result<Self, Violation> {
        let url = Url::parse(text).map_err(|_| Violation::Malformed)?;
        let host = url.host_str().ok_or(Violation::Malformed)?;
        if !has_no_user(&url) {
            return Err(Violation::UserInfo);
        }
        // The receivers of a local stack speak plain HTTP on loopback, which the rules below refuse.
        if matches!(url.scheme(), "http" | "https") && allowed.contains(&url) {
            return Ok(Self { url, is_exempt: true });
        }
        if url.scheme() != "https" {
            return Err(Violation::Scheme);
        }
        if !url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) {
            return Err(Violation::Port);
        }
        // The resolver is not asked about addresses. `Url` has brought every spelling of them into one form.
        if literal(host).is_some_and(|address| !networks::is_public(address)) {
            return Err(Violation::Address);
        }
        Ok(Self { url, is_exempt: false })
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Asks the name servers of the system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let resolved: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(resolved.into_iter()) as Addrs)
        })
    }
}

/// Resolves names to public addresses only.
///
/// The HTTP client asks once per connection and connects to what it is given: no later answer of a name server counts.
#[derive(Clone)]
pub(crate) struct PublicOnly(pub(crate) Arc<dyn Resolve>);

impl PublicOnly {
    /// Checks a URL as a request would resolve it now.
    pub(crate) async fn check(&self, url: &Url) -> Result<(), Violation> {
        let host = url.host_str().ok_or(Violation::Malformed)?;
        if literal(host).is_some() {
            return Ok(());
        }
        let name = host.parse().map_err(|_| Violation::Malformed)?;
        match self.resolve(name).await {
            Ok(mut addresses) => addresses.next().map(drop).ok_or(Violation::Unresolved),
            Err(error) => Err(Violation::in_chain(error.as_ref()).unwrap_or(Violation::Unresolved)),
        }
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let resolving = self.0.resolve(name);
        Box::pin(async move { Ok(public(resolving.await?)?) })
    }
}

/// Refuses a name with any address that is not public: no public receiver has such an address.
fn public(resolved: impl Iterator<Item = SocketAddr>) -> Result<Addrs, Violation> {
    // The port is the URL's, which was checked.
    let resolved: Vec<_> = resolved.map(|address| SocketAddr::new(address.ip(), 0)).collect();
    if resolved.iter().all(|address| networks::is_public(address.ip())) {
        Ok(Box::new(resolved.into_iter()))
    } else {
        Err(Violation::Address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, allowed: &str) -> Result<bool, Violation> {
        Target::parse(url, &allowed.parse().unwrap()).map(|target| target.is_exempt)
    }

    #[test]
    fn only_https_to_a_public_host_is_a_target() {
        for (url, expected) in [
            ("https://hooks.example.com/a?b=c", Ok(false)),
            ("https://hooks.example.com:8443", Ok(false)),
            ("https://93.184.215.14/", Ok(false)),
            ("https://[2606:4700::1111]/", Ok(false)),
            ("http://hooks.example.com", Err(Violation::Scheme)),
            ("ftp://hooks.example.com", Err(Violation::Scheme)),
            ("file:///etc/passwd", Err(Violation::Malformed)),
            ("gopher://127.0.0.1:443/", Err(Violation::Scheme)),
            ("hooks.example.com", Err(Violation::Malformed)),
            ("https://", Err(Violation::Malformed)),
            ("HTTPS://Hooks.Example.com./", Ok(false)),
            ("https://bücher.example/", Ok(false)),
            ("https://hooks.example.com:0443/", Ok(false)),
            ("https://user@hooks.example.com", Err(Violation::UserInfo)),
            ("https://user:@hooks.example.com", Err(Violation::UserInfo)),
            ("https://%75ser@hooks.example.com", Err(Violation::UserInfo)),
            ("https://:pw@hooks.example.com", Err(Violation::UserInfo)),
            ("https://hooks.example.com@127.0.0.1/", Err(Violation::UserInfo)),
            ("https://hooks.example.com:22", Err(Violation::Port)),
            ("https://hooks.example.com:80", Err(Violation::Port)),
            ("https://hooks.example.com:9001", Err(Violation::Port)),
            ("https://hooks.example.com:0", Err(Violation::Port)),
            ("https://hooks.example.com:65979", Err(Violation::Malformed)),
            ("https://hooks.example.com:443:22", Err(Violation::Malformed)),
            ("wss://hooks.example.com", Err(Violation::Scheme)),
            ("javascript:alert(1)", Err(Violation::Malformed)),
            ("data:text/plain,x", Err(Violation::Malformed)),
            // A zone names one of our own interfaces.
            ("https://[fe80::1%25eth0]/", Err(Violation::Malformed)),
            ("https://[fe80::1%eth0]/", Err(Violation::Malformed)),
            ("https://[::1", Err(Violation::Malformed)),
            ("https://[127.0.0.1]/", Err(Violation::Malformed)),
            ("https://1.2.3.4.5/", Err(Violation::Malformed)),
            ("https://0x100000000/", Err(Violation::Malformed)),
            ("https://256.0.0.1/", Err(Violation::Malformed)),
        ] {
            assert_eq!(parse(url, ""), expected, "{url}");
        }
    }

    /// Hosts that are, or become, an address that is not public.
    const NOT_PUBLIC: [&str; 74] = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0X7F000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0000177.0.0.01",
        "0x7f.0x0.0x0.0x1",
        "0x7f.0.00.0x1",
        "127.0x1",
        "%31%32%37.0.0.1",
        "127%2e0%2e0%2e1",
        "127.0\n.0\t.1",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "0ｘ7f.1",
        "0",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::FFFF:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:a9fe:a9fe]",
        "[::ffff:0:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:0:7f00:1::]",
        "[2001:2::1]",
        "[2001:db8::1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::]",
        "[3fff::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[feff::1]",
        "[ff02::1]",
        "[ff0e::1]",
    ];

    #[test]
    fn no_spelling_of_an_address_that_is_not_public_gets_through() {
        for host in NOT_PUBLIC {
            assert_eq!(parse(&format!("https://{host}/"), ""), Err(Violation::Address), "{host}");
        }
    }

    #[test]
    fn the_neighbours_of_private_networks_are_public() {
        for host in [
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "[2001:200::1]",
            "[2003::1]",
            "[2600:1f18::1]",
        ] {
            assert_eq!(parse(&format!("https://{host}/"), ""), Ok(false), "{host}");
        }
    }

    #[test]
    fn an_exemption_holds_for_its_host_and_port_alone() {
        let allowed = "127.0.0.1:4703, LOCALHOST:80,[::1]:9000,hooks.internal";
        for (url, expected) in [
            ("http://127.0.0.1:4703/hooks/a", Ok(true)),
            ("https://127.0.0.1:4703/hooks/a", Ok(true)),
            ("http://2130706433:4703/", Ok(true)),
            ("http://localhost/", Ok(true)),
            ("http://[::1]:9000/", Ok(true)),
            ("http://hooks.internal:12/", Ok(true)),
            ("http://127.0.0.1:4704/", Err(Violation::Scheme)),
            ("https://127.0.0.1:8443/", Err(Violation::Address)),
            ("http://localhost:8443/", Err(Violation::Scheme)),
            ("http://hooks.internal.example.com/", Err(Violation::Scheme)),
            ("ftp://127.0.0.1:4703/", Err(Violation::Scheme)),
            ("http://user@127.0.0.1:4703/", Err(Violation::UserInfo)),
        ] {
            assert_eq!(parse(url, allowed), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_is_refused_as_soon_as_one_of_its_addresses_is_not_public() {
        let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let mixed = [address("93.184.215.14:0"), address("169.254.169.254:0")];
        assert_eq!(public(mixed.into_iter()).err(), Some(Violation::Address));
        let with_a_port = [address("93.184.215.14:22")];
        assert_eq!(public(with_a_port.into_iter()).unwrap().collect::<Vec<_>>(), mixed[..1]);
        let public = PublicOnly(Arc::new(System));
        let Err(error) = public.resolve("localhost".parse().unwrap()).await else { panic!("resolved") };
        assert_eq!(Violation::in_chain(error.as_ref()), Some(Violation::Address));
    }
}
