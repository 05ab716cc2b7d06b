#![doc = include_str!("../README.md")]

mod aws;

use std::sync::Arc;

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};

pub use aws::{AwsHttpClient, CONNECT_TIMEOUT, retries};

/// A client that could not be built; no invocation can help.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("TLS not set up")]
    Tls(#[source] rustls::Error),
    #[error("HTTP client not built")]
    Client(#[source] reqwest::Error),
}

/// Begins a client that verifies servers against Mozilla's roots, follows no redirect and uses no proxy, whatever the
/// environment says.
pub fn client() -> Result<ClientBuilder, SetupError> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(SetupError::Tls)?;
    let tls = versions.with_root_certificates(roots).with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none()).no_proxy())
}
