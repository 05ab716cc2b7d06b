//! The encrypted connection to a remote database, against a server that speaks no more than its beginning.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use store::{Config, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Postgres' SSLRequest: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// An ErrorResponse with severity, code and message.
const GREETING: &[u8] = b"SFATAL\0VFATAL\0C28000\0Mreached through TLS\0\0";

/// Accepts one connection, encrypts it with a certificate of its own for `localhost`, and refuses every login.
async fn server() -> (u16, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        socket.read_exact(&mut request).await.unwrap();
        assert_eq!(request, SSL_REQUEST, "the client asks for TLS first");
        socket.write_all(b"S").await.unwrap();
        let Ok(mut encrypted) = TlsAcceptor::from(Arc::new(config)).accept(socket).await else { return };
        encrypted.read_u8().await.unwrap();
        let length = u32::try_from(GREETING.len() + 4).unwrap().to_be_bytes();
        encrypted.write_all(&[b"E".as_slice(), &length, GREETING].concat()).await.unwrap();
        encrypted.shutdown().await.unwrap();
    });
    (port, cert.pem())
}

/// Why the connection failed, as it always does.
async fn connect(port: u16, ca_file: Option<PathBuf>) -> String {
    let config = Config {
        url: format!("postgres://user@localhost:{port}/db?sslmode=require"),
        ca_file,
        statement_timeout: Duration::from_secs(5),
        pool_size: 1,
    };
    let error = Store::new(&config).unwrap().warm_up().await.unwrap_err();
    format!("{error:?}")
}

#[tokio::test]
async fn a_server_whose_certificate_is_trusted_is_reached_through_tls() {
    let (port, certificate) = server().await;
    let file = std::env::temp_dir().join(format!("store-tls-{port}.pem"));
    std::fs::write(&file, certificate).unwrap();
    let error = connect(port, Some(file.clone())).await;
    std::fs::remove_file(file).unwrap();
    assert!(error.contains("reached through TLS"), "{error}");
}

#[tokio::test]
async fn a_server_with_an_unknown_certificate_is_not_spoken_to() {
    let (port, _) = server().await;
    let error = connect(port, None).await;
    assert!(error.contains("UnknownIssuer"), "{error}");
}
