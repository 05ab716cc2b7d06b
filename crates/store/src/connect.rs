//! Connecting: limits, TLS and a pool that outlives freezes and restarts.

use std::path::PathBuf;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Error, tls};

/// A TCP connection and its TLS handshake take milliseconds; an unreachable server must not use up the invocation.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The time that unacknowledged bytes may wait before the kernel gives the connection up.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle time after which TCP asks whether the server is there: well below the minutes after which NAT gateways and load
/// balancers forget a connection.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// A connection unused for this long may have died while the sandbox was frozen, so it is asked before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);
/// The time that the answer to that question may take.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);
/// The time that a statement may wait for a free connection of the pool.
const POOL_WAIT: Duration = Duration::from_secs(3);

/// The address of the database, and limits for its use.
#[derive(Clone)]
pub struct Config {
    /// `postgres://user:password@host:port/database`; hosts other than loopback are reached through TLS only.
    pub url: String,
    /// PEM file with root certificates beyond Mozilla's, such as the bundle of Amazon RDS.
    pub ca_file: Option<PathBuf>,
    /// After this a statement is cancelled.
    pub statement_timeout: Duration,
    /// Connections per function instance: one for each record handled at a time.
    pub pool_size: usize,
}

/// A configuration that makes no pool. A server that is down is no error: connections are made when needed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("invalid database URL")]
    Url(#[source] tokio_postgres::Error),
    #[error("invalid root certificates")]
    Certificates(#[source] tls::CertificateError),
    #[error("connection pool not built")]
    Pool(#[source] deadpool_postgres::BuildError),
}

/// The database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: Pool,
    /// Cancels a statement, which takes a connection of its own.
    pub(crate) tls: MakeRustlsConnect,
    pub(crate) statement_timeout: Duration,
}

impl Store {
    /// Makes the pool; no connection is opened yet.
    pub fn new(config: &Config) -> Result<Self, ConnectError> {
        let pg = postgres_config(config)?;
        let tls = tls::connector(config.ca_file.as_deref()).map_err(ConnectError::Certificates)?;
        // No query before each use: the hook below asks a connection only after it was idle.
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(pg, tls.clone(), manager_config))
            .max_size(config.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .pre_recycle(Hook::async_fn(|client, metrics| {
                Box::pin(async move {
                    if metrics.last_used() < TRUSTED_IDLE {
                        return Ok(());
                    }
                    let check = tokio::time::timeout(CHECK_TIMEOUT, client.check_connection()).await;
                    check.map_err(|_| HookError::message("no answer"))?.map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(ConnectError::Pool)?;
        Ok(Self { pool, tls, statement_timeout: config.statement_timeout })
    }

    /// Opens one connection, so that the first statement finds it.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.client("warm_up").await.map(drop)
    }
}

/// The connection's settings, with what the URL leaves open.
pub(crate) fn postgres_config(config: &Config) -> Result<tokio_postgres::Config, ConnectError> {
    let mut pg: tokio_postgres::Config = config.url.parse().map_err(ConnectError::Url)?;
    pg.connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(TCP_USER_TIMEOUT)
        .keepalives_idle(KEEPALIVE_IDLE)
        .application_name("post-session-api");
    // Whatever the URL says: no password and no transcript crosses a network in the clear.
    let remote = pg.get_hosts().iter().any(|host| !is_local(host));
    if remote {
        pg.ssl_mode(SslMode::Require);
    }
    Ok(pg)
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssl_mode(url: &str) -> SslMode {
        let config = Config { url: url.into(), ca_file: None, statement_timeout: Duration::from_secs(5), pool_size: 1 };
        postgres_config(&config).unwrap().get_ssl_mode()
    }

    #[test]
    fn a_remote_host_is_reached_through_tls_whatever_the_url_says() {
        assert_eq!(ssl_mode("postgres://u:p@db.example.com/x?sslmode=disable"), SslMode::Require);
        assert_eq!(ssl_mode("postgres://u:p@10.0.0.5/x"), SslMode::Require);
        assert_eq!(ssl_mode("postgres://u:p@127.0.0.1/x?sslmode=disable"), SslMode::Disable);
    }
}
