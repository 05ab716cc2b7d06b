//! Where Salesforce is: credentials and conversations go nowhere else.

use reqwest::Url;

use crate::hosts::{AllowedHosts, has_no_user};

/// Every org's own domain ends so.
const DOMAIN: &str = ".salesforce.com";

/// Scheme, host and port of a URL of Salesforce's, or of a host that is allowed although it is not.
pub(super) fn origin(url: &str, allowed: &AllowedHosts) -> Option<String> {
    let url = Url::parse(url).ok().filter(has_no_user)?;
    let is_exempt = matches!(url.scheme(), "http" | "https") && allowed.contains(&url);
    let is_salesforces = url.scheme() == "https"
        && url.port_or_known_default() == Some(443)
        && url.host_str().is_some_and(|host| host.ends_with(DOMAIN));
    (is_exempt || is_salesforces).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_salesforce_is_asked_but_for_exempt_hosts() {
        let allowed = "127.0.0.1:4706,sf.internal".parse().unwrap();
        for (url, origin) in [
            ("https://acme.my.salesforce.com", Some("https://acme.my.salesforce.com")),
            (
                "https://ACME--dev.sandbox.my.salesforce.com:443/a?b#c",
                Some("https://acme--dev.sandbox.my.salesforce.com"),
            ),
            ("http://127.0.0.1:4706/", Some("http://127.0.0.1:4706")),
            ("https://sf.internal:8443", Some("https://sf.internal:8443")),
            ("http://127.0.0.1:4707", None),
            ("ftp://127.0.0.1:4706", None),
            ("http://acme.my.salesforce.com", None),
            ("https://acme.my.salesforce.com:8443", None),
            ("https://salesforce.com", None),
            ("https://acme.salesforce.com.", None),
            ("https://evilsalesforce.com", None),
            ("https://acme.my.salesforce.com.evil.example", None),
            ("https://evil.example/.salesforce.com", None),
            ("https://evil.example#.salesforce.com", None),
            ("https://acme.my.salesforce.com@evil.example", None),
            ("https://user@acme.my.salesforce.com", None),
            ("https://169.254.169.254", None),
            ("acme.my.salesforce.com", None),
            ("", None),
        ] {
            assert_eq!(super::origin(url, &allowed).as_deref(), origin, "{url}");
        }
    }
}
