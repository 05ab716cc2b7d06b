//! TLS with the same crypto provider as the AWS SDK.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A file of root certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("{path} cannot be read")]
    File {
        path: String,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("invalid certificate in {path}")]
    Certificate {
        path: String,
        #[source]
        source: rustls::Error,
    },
    #[error("TLS not set up")]
    Setup(#[source] rustls::Error),
}

/// Verifies the server's name against Mozilla's roots and those of `ca_file`.
pub(crate) fn connector(ca_file: Option<&Path>) -> Result<MakeRustlsConnect, CertificateError> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(CertificateError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), CertificateError> {
    let name = || path.display().to_string();
    let read = |source| CertificateError::File { path: name(), source };
    for certificate in CertificateDer::pem_file_iter(path).map_err(read)? {
        let certificate = certificate.map_err(read)?;
        roots.add(certificate).map_err(|source| CertificateError::Certificate { path: name(), source })?;
    }
    Ok(())
}
