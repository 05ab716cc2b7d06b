//! Why a statement failed.

use std::fmt;

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

/// A statement that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no connection for {statement}")]
    Connection {
        statement: &'static str,
        #[source]
        source: PoolError,
    },
    #[error("statement {statement} failed")]
    Statement {
        statement: &'static str,
        #[source]
        source: DatabaseError,
    },
    #[error("{statement} timed out")]
    Timeout { statement: &'static str },
    #[error("document not written as JSON")]
    Document(#[source] serde_json::Error),
    /// A row with a value that no statement of this crate writes.
    #[error("invalid {column} in a row of {statement}")]
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
            Self::Connection { .. } | Self::Timeout { .. } => true,
            Self::Statement { source, .. } => source.0.code().is_none_or(is_passing),
            Self::Document(_) | Self::Row { .. } => false,
        }
    }

    /// The server's code for the error.
    pub(crate) fn state(&self) -> Option<&SqlState> {
        if let Self::Statement { source, .. } = self { source.0.code() } else { None }
    }

    /// The constraint that the statement broke.
    pub(crate) fn constraint(&self) -> Option<&str> {
        if let Self::Statement { source, .. } = self { source.0.as_db_error()?.constraint() } else { None }
    }
}

/// Connection exceptions (08), serialization and deadlock (40), resources (53), operator intervention (57) and internal
/// I/O errors (58) pass. So does a server that is read-only for now (25006), and a table, column or key that is still
/// to be migrated (42P01, 42703, 42P10: no key fits an `ON CONFLICT`). Everything else is about the statement or its
/// data.
fn is_passing(state: &SqlState) -> bool {
    let classes = ["08", "40", "53", "57", "58"];
    let states = [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::INVALID_COLUMN_REFERENCE,
    ];
    classes.iter().any(|class| state.code().starts_with(class)) || states.contains(state)
}

/// An error of the driver or the server, without the server's details, which quote rows.
#[derive(Debug)]
pub struct DatabaseError(pub(crate) tokio_postgres::Error);

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_db_error() {
            Some(error) => write!(f, "{}: {}", error.code().code(), error.message()),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl std::error::Error for DatabaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.0.as_db_error() {
            Some(_) => None,
            None => self.0.source(),
        }
    }
}
