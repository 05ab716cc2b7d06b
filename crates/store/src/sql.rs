//! The one way to run a statement: unnamed, with typed parameters, in one round trip.
//!
//! Named prepared statements would cost a second round trip and pin connections of a proxy.

use std::borrow::Cow;
use std::time::Duration;

use deadpool_postgres::Object;
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};

use crate::error::DatabaseError;
use crate::nul::{JsonParam, TextParam};
use crate::row::{FromRow, Row};
use crate::{Error, Store};

/// Declares the statements of a module, each as text or as parts to join, and lists them for the tests that read all of
/// them. Each begins with its name, `-- claim_step()`, which is found in `pg_stat_activity` and in errors.
macro_rules! statements {
    ($($(#[$attribute:meta])* $name:ident = $($part:expr),+;)+) => {
        $($(#[$attribute])* pub(crate) const $name: &str = concat!($($part),+);)+

        #[cfg(feature = "testing")]
        pub(crate) const STATEMENTS: &[&str] = &[$($name),+];
    };
}
pub(crate) use statements;

/// A connection for cancelling is made in milliseconds, or not at all.
const CANCEL_TIMEOUT: Duration = Duration::from_millis(500);

/// A parameter with its type.
pub(crate) struct Param<'a>(Box<dyn ToSql + Sync + Send + 'a>, Type);

fn borrowed<'a>(params: &'a [Param<'_>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|Param(value, sql_type)| (value.as_ref() as _, sql_type.clone())).collect()
}

impl Store {
    pub(crate) async fn client(&self, statement: &'static str) -> Result<Object, Error> {
        self.pool.get().await.map_err(|source| Error::Connection { statement, source })
    }

    /// Runs a statement that returns any number of rows.
    pub(crate) async fn all<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<T>, Error> {
        let rows = self.run(sql, async |client| client.query_typed(sql, &borrowed(params)).await).await?;
        rows.into_iter().map(|row| T::from_row(&Row::of(name(sql), row))).collect()
    }

    /// Runs a statement that returns one row or none.
    pub(crate) async fn first<T: FromRow>(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<T>, Error> {
        self.row(sql, params).await?.map(|row| T::from_row(&row)).transpose()
    }

    pub(crate) async fn row(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<Row>, Error> {
        let row = self.run(sql, async |client| client.query_typed_opt(sql, &borrowed(params)).await).await?;
        Ok(row.map(|row| Row::of(name(sql), row)))
    }

    /// Runs a statement that always returns one row.
    pub(crate) async fn one(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Row, Error> {
        let row = self.run(sql, async |client| client.query_typed_one(sql, &borrowed(params)).await).await?;
        Ok(Row::of(name(sql), row))
    }

    /// Returns the number of rows of the outermost statement that changed.
    pub(crate) async fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, Error> {
        self.run(sql, async |client| client.execute_typed(sql, &borrowed(params)).await).await
    }

    /// Runs a statement within our time-out, not the server's: proxies refuse a `statement_timeout` in the start of a
    /// connection, and a server that is gone would never end a statement.
    async fn run<T>(
        &self,
        sql: &'static str,
        work: impl AsyncFnOnce(&Object) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let statement = name(sql);
        let client = self.client(statement).await?;
        match tokio::time::timeout(self.statement_timeout, work(&client)).await {
            Ok(result) => result.map_err(|source| Error::Statement { statement, source: DatabaseError(source) }),
            Err(_) => {
                self.give_up(client, statement).await;
                Err(Error::Timeout { statement })
            }
        }
    }

    /// Cancels what the connection is doing, and closes it: its answer may still come.
    async fn give_up(&self, client: Object, statement: &'static str) {
        let token = client.cancel_token();
        drop(Object::take(client));
        let cancelled = tokio::time::timeout(CANCEL_TIMEOUT, token.cancel_query(self.tls.clone())).await;
        if !matches!(cancelled, Ok(Ok(()))) {
            tracing::warn!(statement, "statement not cancelled");
        }
    }
}

/// The statement's name, from its first line `-- name()`.
pub(crate) fn name(sql: &'static str) -> &'static str {
    sql.trim_start().trim_start_matches("-- ").split("()").next().unwrap_or(sql)
}

/// Milliseconds, as statements take times.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A document for a JSON column.
pub(crate) fn to_json(document: &impl serde::Serialize) -> Result<serde_json::Value, Error> {
    serde_json::to_value(document).map_err(Error::Document)
}

macro_rules! param {
    ($($name:ident: $type:ident),*) => {
        $(pub(crate) fn $name<'a>(value: impl ToSql + Sync + Send + 'a) -> Param<'a> {
            Param(Box::new(value), Type::$type)
        })*
    };
}

param! {
    int: INT4, bigint: INT8, float: FLOAT8, boolean: BOOL, bytes: BYTEA, time: TIMESTAMPTZ, uuid: UUID,
    ints: INT4_ARRAY, byte_arrays: BYTEA_ARRAY
}

pub(crate) fn text<'a>(value: impl Into<TextParam<'a>>) -> Param<'a> {
    Param(Box::new(value.into().into_text()), Type::TEXT)
}

pub(crate) fn texts<'a>(values: impl IntoIterator<Item: Into<TextParam<'a>>>) -> Param<'a> {
    let values: Vec<_> = values.into_iter().map(|value| value.into().into_text()).collect();
    Param(Box::new(values), Type::TEXT_ARRAY)
}

pub(crate) fn jsonb<'a>(value: impl Into<JsonParam<'a>>) -> Param<'a> {
    let value: Box<dyn ToSql + Sync + Send + 'a> = match value.into().into_document() {
        Some(Cow::Borrowed(document)) => Box::new(document),
        Some(Cow::Owned(document)) => Box::new(document),
        None => Box::new(None::<Value>),
    };
    Param(value, Type::JSONB)
}
