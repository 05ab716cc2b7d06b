//! Fields of records, and a second attempt without the fields refused by Salesforce.

use domain::integration::Mapping;
use serde_json::{Map, Value};

use super::error_answer::may_be_of_a_field;
use crate::call::CallError;
use crate::job::Job;
use crate::mapping;

/// API names and values; an empty value would clear the field and is never sent.
pub(super) type Fields = Map<String, Value>;

/// Fields that have a value.
pub(super) fn filled(fields: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Fields {
    let filled = |(name, value): (&str, Option<String>)| {
        Some((name.to_owned(), value.filter(|text| !text.trim().is_empty())?.into()))
    };
    fields.into_iter().filter_map(filled).collect()
}

/// Lists the mapped fields of an object, except for fields that identify the record.
pub(super) fn mapped(job: &Job<'_>, object: &str, mapping: &Mapping, reserved: &[&str]) -> Fields {
    let is_free = |name: &str| !reserved.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
    let values = mapping::values(job, object, mapping).into_iter();
    values.filter(|(name, value)| is_free(name) && value.as_str() != Some("")).collect()
}

/// Writes a record of an object with the mapped fields, and if one of them may be why that is refused, once without: it
/// is not to cost the record.
pub(super) async fn write<T>(
    job: &Job<'_>,
    object: &str,
    own: Fields,
    mapped: Fields,
    write: impl AsyncFn(&Fields) -> Result<T, CallError>,
) -> Result<T, CallError> {
    if mapped.is_empty() {
        return write(&own).await;
    }
    let all: Fields = own.clone().into_iter().chain(mapped).collect();
    match write(&all).await {
        // An existing person is taken, whatever field names them.
        Err(error) if may_be_of_a_field(&error) && error.existing().is_none() => {
            let written = write(&own).await?;
            leave_out(job, object);
            Ok(written)
        }
        written => written,
    }
}

/// Notes that the mapped fields were not written.
pub(super) fn leave_out(job: &Job<'_>, object: &str) {
    let why = "Salesforce refuses one of them, or the change; test the integration";
    job.notes.leave_out(&format!("mapped fields of {object}"), why);
}
