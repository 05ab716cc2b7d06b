//! Rows that statements return, read into the types of `domain` and of this crate.

use chrono::{DateTime, NaiveDate, Utc};
use domain::event::EventType;
use domain::id::{AgentId, IntegrationId, SessionId, TenantId};
use domain::session::{Channel, EmailConsent, SessionStatus};
use domain::step::StageName;
use domain::transcript::Role;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::Error;

pub(crate) type Invalid = Box<dyn std::error::Error + Send + Sync>;

/// A row whose errors name the statement and the column.
pub(crate) struct Row {
    statement: &'static str,
    columns: tokio_postgres::Row,
}

impl Row {
    pub(crate) fn of(statement: &'static str, columns: tokio_postgres::Row) -> Self {
        Self { statement, columns }
    }

    pub(crate) fn get<T: Column>(&self, column: &'static str) -> Result<T, Error> {
        T::read(&self.columns, column).map_err(|source| self.error(column, source))
    }

    /// Reads a JSON column into a type of `domain`.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        serde_json::from_value(self.get(column)?).map_err(|source| self.error(column, source.into()))
    }

    /// The error for a value that no statement of this crate writes.
    pub(crate) fn unknown(&self, column: &'static str, value: &str) -> Error {
        self.error(column, unknown(value))
    }

    fn error(&self, column: &'static str, source: Invalid) -> Error {
        Error::Row { statement: self.statement, column, source }
    }
}

pub(crate) fn unknown(value: &str) -> Invalid {
    format!("unknown value {value:?}").into()
}

/// A type with a row's values.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self, Error>;
}

/// Defines a struct whose fields are the columns of the same names.
macro_rules! row {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)+ }

        impl crate::row::FromRow for $name {
            fn from_row(row: &crate::row::Row) -> Result<Self, crate::Error> {
                Ok(Self { $($field: row.get(stringify!($field))?,)+ })
            }
        }
    };
}
pub(crate) use row;

/// A type that a column is read into.
pub(crate) trait Column: Sized {
    fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, Invalid>;
}

/// Types that the driver reads.
macro_rules! native {
    ($($type:ty),+) => {$(
        impl Column for $type {
            fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, Invalid> {
                Ok(row.try_get(column)?)
            }
        }
    )+};
}

/// Types with a text that is parsed.
macro_rules! parsed {
    ($($type:ty),+) => {$(
        impl Column for $type {
            fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, Invalid> {
                Ok(row.try_get::<_, &str>(column)?.parse()?)
            }
        }
    )+};
}

/// Types with a closed set of texts.
macro_rules! one_of {
    ($($type:ty),+) => {$(
        impl crate::row::Column for $type {
            fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, crate::row::Invalid> {
                <Option<Self>>::read(row, column)?.ok_or_else(|| crate::row::unknown("NULL"))
            }
        }

        impl crate::row::Column for Option<$type> {
            fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, crate::row::Invalid> {
                let text: Option<&str> = row.try_get(column)?;
                text.map(|text| <$type>::parse(text).ok_or_else(|| crate::row::unknown(text))).transpose()
            }
        }
    )+};
}
pub(crate) use one_of;

/// Defines an enum as `text_enum` does, which columns are read into.
macro_rules! column_enum {
    ($(#[$meta:meta])* pub enum $name:ident $variants:tt) => {
        domain::text_enum! { $(#[$meta])* pub enum $name $variants }
        crate::row::one_of! { $name }
    };
}
pub(crate) use column_enum;

native! { bool, i32, i64, f64, String, Vec<u8>, Vec<String>, Uuid, NaiveDate, DateTime<Utc>, Value }
native! { Option<bool>, Option<i32>, Option<f64>, Option<String>, Option<DateTime<Utc>>, Option<Value> }
parsed! { TenantId, AgentId, SessionId, IntegrationId }
one_of! { Channel, EmailConsent, EventType, Role, SessionStatus, StageName }

impl Column for Vec<SessionId> {
    fn read(row: &tokio_postgres::Row, column: &str) -> Result<Self, Invalid> {
        row.try_get::<_, Vec<&str>>(column)?.into_iter().map(|id| Ok(id.parse()?)).collect()
    }
}
