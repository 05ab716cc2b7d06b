//! Why a statement failed.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

/// A statement that failed; the text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("connect to run {statement}")]
    Connection {
        statement: &'static str,
        #[source]
        source: PoolError,
    },
    #[error("run {statement}")]
    Statement {
        statement: &'static str,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("write the document as JSON")]
    Document(#[source] serde_json::Error),
    /// A row that our own checks should have kept out; `column` says where.
    #[error("read {column} of {statement}")]
    Row {
        statement: &'static str,
        column: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whether the same statement may succeed later.
    ///
    /// A lost connection counts: every statement here may be run again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Statement { source, .. } => match source.code() {
                None => true,
                Some(state) => is_passing(state),
            },
            Self::Document(_) | Self::Row { .. } => false,
        }
    }

    /// The constraint that the statement broke.
    pub(crate) fn constraint(&self) -> Option<&str> {
        match self {
            Self::Statement { source, .. } => source.as_db_error().and_then(|error| error.constraint()),
            Self::Connection { .. } | Self::Document(_) | Self::Row { .. } => None,
        }
    }
}

/// Connection exceptions (08), serialization and deadlock (40), resources (53), operator intervention (57) and
/// internal I/O errors (58) pass; everything else is about the statement or its data.
fn is_passing(state: &SqlState) -> bool {
    ["08", "40", "53", "57", "58"].iter().any(|class| state.code().starts_with(class))
}
